#!/usr/bin/env bats
# Processes: how they end, and which of several works.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh
load lib/faults.sh

setup_file() {
    prepare_cluster
    begin_takeover
}

teardown_file() {
    kill "$TAKEOVER_PID" 2>/dev/null || true
}

setup() { begin_test; }
teardown() { end_test; }

# ---- the end -----------------------------------------------------------------------------------------

# An operator whose write is in flight, and will stay so.
start_stuck_operator() {
    start_proxy 0
    start_operator --kubeconfig="$PROXIED"
    create_memcached web 1
    await_condition web Reconciled True AsDesired
    assert_quiet 1
    signal_proxy USR2 stalled
    k scale mc web --replicas=2
    await "a write is in flight" log_has 'Updating the Deployment'
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
    start_stuck_operator
    stop_operator
    signal_proxy USR2 flowing
    start_operator
    await_size web 2
    await_condition web Reconciled True AsDesired
    assert_quiet 1
    [ "$(field deployment/web .metadata.generation)" = 2 ]
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

# ---- one of several ----------------------------------------------------------------------------------

LEASE=memcached-operator.cache.example.com

# $1 name; pid in OPERATOR_PID
start_candidate() {
    launch "$1" --watch-namespaces="$NS" --leader-elect --leader-elect-namespace="$NS"
    await "$1 is ready" is_ready
}

# $1 pid, $2 1 or 0
leads() { [[ $(metric leader_election_master_status "name=\"$LEASE\"" "$1" 2>/dev/null) == "$2" ]]; }

lease() { api GET "/apis/coordination.k8s.io/v1/namespaces/$NS/leases/$LEASE" | jq -r "$1"; }

# A leader dies without a word; its Lease has to run out before another takes it. That begins here, and
# is looked at by the file's last test.
begin_takeover() {
    local dead
    export NS=process-takeover-$RANDOM BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR TAKEOVER_NS TAKEOVER_PID TAKEOVER_START
    create_namespace "$NS"
    start_candidate dead
    dead=$OPERATOR_PID
    await "it leads" leads "$dead" 1
    start_candidate heir
    kill_operator "$dead"
    TAKEOVER_NS=$NS TAKEOVER_PID=$OPERATOR_PID TAKEOVER_START=$(now_ms)
}

@test "of two one works; the other is ready and writes nothing, and takes over within 5 s of SIGTERM" {
    local a b
    local -i start
    start_candidate a
    a=$OPERATOR_PID
    await "a leads" leads "$a" 1
    start_candidate b
    b=$OPERATOR_PID
    create_memcached web 1
    await_size web 1
    leads "$a" 1
    leads "$b" 0
    [ "$(writes "$b")" -eq 0 ]
    start=$(now_ms)
    stop_operator "$a"
    await "b leads" leads "$b" 1
    echo "handed over after $(($(now_ms) - start)) ms"
    (($(now_ms) - start <= 5000))
    patch mc/web '{"spec": {"size": 2}}'
    await_size web 2
}

@test "the Lease is as client-go has it, and is given back at the end" {
    start_candidate a
    await "it leads" leads "$OPERATOR_PID" 1
    [ "$(lease '.spec.leaseDurationSeconds')" = 15 ]
    [ -n "$(lease '.spec.holderIdentity')" ]
    [[ $(lease '.spec.renewTime') =~ ^[0-9-]+T[0-9:]+\.[0-9]{6}Z$ ]]
    [ "$(lease '.spec.leaseTransitions')" = 0 ]
    stop_operator
    [ "$(lease '.spec.holderIdentity // ""')" = "" ]
    [ "$(lease '.spec.leaseDurationSeconds')" = 1 ]
}

@test "who loses the Lease to another ends with exit code 1" {
    local status=0
    start_candidate a
    await "it leads" leads "$OPERATOR_PID" 1
    api PATCH "/apis/coordination.k8s.io/v1/namespaces/$NS/leases/$LEASE" \
        -H 'Content-Type: application/merge-patch+json' -d '{"spec": {"holderIdentity": "thief"}}' >/dev/null
    await_end "$OPERATOR_PID" 10
    wait "$OPERATOR_PID" || status=$?
    [ "$status" -eq 1 ]
    log_has 'The lease is lost'
    [ "$(lease '.spec.holderIdentity')" = thief ]
}

@test "the leader is killed: the other takes over within 24 s, and works" {
    local log=$BATS_FILE_TMPDIR/heir.log
    local -i taken
    NS=$TAKEOVER_NS OPERATOR_PID=$TAKEOVER_PID
    WAIT_SECONDS=30 await "the other leads" leads "$TAKEOVER_PID" 1
    taken=$(date -d "$(grep -m 1 'Successfully acquired the lease' "$log" | cut -f 1)" +%s%3N)
    echo "taken over after $((taken - TAKEOVER_START)) ms"
    ((taken - TAKEOVER_START > 10000)) # not while the dead one might still write
    ((taken - TAKEOVER_START <= 24000))
    create_memcached web 1
    await_size web 1
}
