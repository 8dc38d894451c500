#!/usr/bin/env bats
# Signals: the end is clean, and soon.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh
load lib/faults.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

# An operator whose write is in flight, and will stay so.
start_stuck_operator() {
    start_proxy 0
    start_operator --kubeconfig="$PROXIED"
    signal_proxy USR2 stalled
    create_memcached web 1
    await "a write is in flight" log_has 'Creating a new Deployment'
}

# $1 signal, $2 exit code, $3 how many seconds it may take
assert_ends() {
    local status=0
    kill "-$1" "$OPERATOR_PID"
    await_end "$OPERATOR_PID" "$3"
    wait "$OPERATOR_PID" || status=$?
    echo "exit code $status"
    [ "$status" -eq "$2" ]
}

@test "SIGTERM and SIGINT: exit code 0 within a second when there is nothing to do" {
    start_operator
    assert_ends TERM 0 1
    log_has 'Stopped'
    start_operator
    assert_ends INT 0 1
}

@test "SIGTERM before the server ever answered: exit code 0 at once" {
    start_proxy 0
    signal_proxy USR2 stalled
    launch operator --watch-namespaces="$NS" --kubeconfig="$PROXIED"
    await "it has begun" log_has 'Starting memcached-operator'
    assert_ends TERM 0 1
}

@test "SIGTERM while a write hangs: exit code 0 within 5 s" {
    start_stuck_operator
    assert_ends TERM 0 5
}

@test "a second SIGTERM ends it at once" {
    start_stuck_operator
    kill -TERM "$OPERATOR_PID"
    await "it waits for the write" log_has 'Stopping: waiting for writes in flight'
    is_alive "$OPERATOR_PID"
    assert_ends TERM 143 1
}

@test "a write that hung and came through after the end is taken up by the next one" {
    local uid
    start_stuck_operator
    stop_operator
    signal_proxy USR2 flowing
    start_operator
    await_size web 1
    await_condition web Reconciled True AsDesired
    uid=$(field deployment/web .metadata.uid)
    assert_quiet 1
    [ "$(field deployment/web .metadata.uid)" = "$uid" ]
}

@test "standard error is a pipe that nobody reads any more: it works on" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    start_job head -n 1 "$BATS_TEST_TMPDIR/pipe" >"$BATS_TEST_TMPDIR/first-line"
    LOG=$BATS_TEST_TMPDIR/pipe
    launch_to "$LOG" --watch-namespaces="$NS"
    await "one line was read" grep -q Starting "$BATS_TEST_TMPDIR/first-line"
    await "the operator is ready" is_ready
    create_memcached web 2
    await_size web 2
}
