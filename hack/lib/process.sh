# shellcheck shell=bash
# Components as processes: start, stop, and never mistake another process for one of ours.
#
# $STATE/run/COMPONENT.pid holds "PID START BOOT": the process' start time and
# the machine's boot id make a reused pid, or one from before a reboot, show.

# Prints "START BOOT" of a living process.
process_identity() {
    local stat boot
    local -a fields
    { stat=$(<"/proc/$1/stat") && boot=$(</proc/sys/kernel/random/boot_id); } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != [ZX] ]] || return 1
    printf '%s %s\n' "${fields[19]}" "$boot"
}

record_pid() {
    printf '%s %s\n' "$2" "$(process_identity "$2")" >"$STATE/run/$1.pid"
}

# Prints the pid of a component that runs; fails otherwise.
component_pid() {
    local pid identity
    read -r pid identity 2>/dev/null <"$STATE/run/$1.pid" || return 1
    [[ -n $identity && $(process_identity "$pid") == "$identity" ]] || return 1
    printf '%s\n' "$pid"
}

# Inherited descriptors (our locks, the test runner's output) must not live on
# in a daemon: locks would stay locked and the runner would wait for it.
close_descriptors() {
    local fd
    for fd in /proc/"$BASHPID"/fd/*; do
        fd=${fd##*/}
        ((fd <= 2 || fd == 255)) || eval "exec $fd>&-"
    done
}

# Run a command as a daemon; its pid is left in DAEMON_PID.
spawn() {
    local log=$STATE/log/$1.log
    shift
    (
        close_descriptors
        # shellcheck disable=SC2093 # nothing follows in this subshell
        exec setsid "$@" </dev/null >>"$log" 2>&1
    ) &
    DAEMON_PID=$!
}

start_process() {
    spawn "$@"
    record_pid "$1" "$DAEMON_PID"
}

# $1 component, $2 signal; waits until it is gone, at most 10 s, then insists.
stop_process() {
    local pid
    local -i tries
    pid=$(component_pid "$1") || return 0
    kill "-$2" "$pid" 2>/dev/null || true
    for ((tries = 0; tries < 200; tries++)); do
        component_pid "$1" >/dev/null || break
        sleep 0.05
    done
    if component_pid "$1" >/dev/null; then
        kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$STATE/run/$1.pid"
}

# Wait until a command succeeds while a component lives.
# $1 component, $2 seconds at most, $3 what is waited for, then the command.
wait_for() {
    local component=$1 what=$3
    local -i deadline=$((SECONDS + $2))
    shift 3
    until "$@" >/dev/null 2>&1; do
        component_pid "$component" >/dev/null || component_failed "$component" "$component has ended"
        ((SECONDS <= deadline)) || component_failed "$component" "$what: not within the time allowed"
        sleep 0.1
    done
}

component_failed() {
    warn "the last lines of $STATE/log/$1.log:"
    tail -n 15 "$STATE/log/$1.log" >&2 || true
    die "$2" "the logs are in $STATE/log; \"$PROGRAM down\" cleans up"
}
