#!/usr/bin/env bats
# --leader-elect: one works, the others wait, and one of them takes over.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

LEASE=memcached-operator.cache.example.com

# $1 name; pid in OPERATOR_PID
start_candidate() {
    launch "$1" --watch-namespaces="$NS" --leader-elect --leader-elect-namespace="$NS"
    await "$1 is ready" is_ready
}

# $1 pid, $2 1 or 0
leads() { [[ $(metric leader_election_master_status "name=\"$LEASE\"" "$1" 2>/dev/null) == "$2" ]]; }

lease() { api GET "/apis/coordination.k8s.io/v1/namespaces/$NS/leases/$LEASE" | jq -r "$1"; }

@test "one works, the other is ready and writes nothing; SIGTERM hands over within 5 s, SIGKILL within 24 s" {
    local a b c
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

    start_candidate c
    c=$OPERATOR_PID
    start=$(now_ms)
    kill_operator "$b"
    patch mc/web '{"spec": {"size": 3}}'
    WAIT_SECONDS=30 await "c leads" leads "$c" 1
    echo "taken over after $(($(now_ms) - start)) ms"
    (($(now_ms) - start <= 24000))
    await_size web 3
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
