#!/usr/bin/env bats
# Two replicas: the leader freezes and thaws, is killed, is asked to go. Who wrote what is read from the
# API server's own log: each replica is a user of its own.
# level: control-plane

bats_require_minimum_version 1.5.0
load lib/chaos.sh

LEASE=memcached-operator.cache.example.com
declare -gA PID

setup_file() {
    prepare_cluster
    begin_accounts
}

setup() { begin_test; }
teardown() { end_test; }

# The replicas are two service accounts. Their tokens come from the controller manager, which then only
# would be in the way: it makes pods.
begin_accounts() {
    local name
    export ACCOUNTS=replicas BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
    NS=$ACCOUNTS
    create_namespace "$NS"
    kubectl create --dry-run=client -o json -f config/rbac/role.yaml -f config/rbac/leader_election_role.yaml |
        jq -s '{apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: {name: "replicas"}, rules: map(.rules // []) | add}' |
        kubectl apply -f -
    kubectl create clusterrolebinding replicas --clusterrole=replicas --group="system:serviceaccounts:$NS"
    for name in a b; do
        k create serviceaccount "$name"
        cp "$(cluster kubeconfig-for "$name" "$NS")" "$BATS_FILE_TMPDIR/$name"
    done
    cluster stop kcm
}

# $1 a or b
start_replica() {
    launch "$1" --watch-namespaces="$NS" --leader-elect --leader-elect-namespace="$NS" --kubeconfig="$BATS_FILE_TMPDIR/$1"
    PID[$1]=$OPERATOR_PID
    await "$1 is ready" is_ready
}

# Both, and a leads.
start_replicas() {
    start_replica a
    await "a leads" leads a
    start_replica b
}

other() { [[ $1 == a ]] && echo b || echo a; }

leads() { [[ $(metric leader_election_master_status "name=\"$LEASE\"" "${PID[$1]}" 2>/dev/null) == 1 ]]; }

# What the API server did for a replica: "TIME RESOURCE CODE", TIME as of now_ms, in the order of arrival.
# $1 replica
written_by() {
    jq -r --arg user "system:serviceaccount:$ACCOUNTS:$1" '
        select(.user.username == $user and (.verb | IN("create", "update", "patch", "delete")))
        | "\(.requestReceivedTimestamp[:19] + "Z" | fromdateiso8601)\(.requestReceivedTimestamp[20:23]) \(.objectRef.resource) \(.responseStatus.code)"' \
        "$AUDIT_LOG"
}

# When a replica's first write of the Lease since $2 succeeded. $1 replica
acquired_at() {
    written_by "$1" | awk -v since="$2" '$1 >= since && $2 == "leases" && $3 < 300 {print $1; exit}'
}

# Of all that a replica sent after $2 (a refused attempt for the Lease is none). $1 replica
written_after() { written_by "$1" | awk -v since="$2" '$1 >= since && ($2 != "leases" || $3 < 300)'; }

# Every pair has a new size, and what follows is in flight. $1 size
scale_under_way() {
    start_job load_pairs 60 scale "$1"
    await "some are scaled" has_logged "\"to\": $1\\b" 5
}

@test "frozen and thawed, three times: not one write of the old leader" {
    local old new size frozen acquired status
    local -i slowest=0 writes=0
    record_history
    start_replicas
    load_pairs 60 create
    await_pairs 60
    old=a
    for size in 3 5 7; do
        new=$(other "$old")
        LOG=$BATS_TEST_TMPDIR/$old.log scale_under_way "$size"
        kill -STOP "${PID[$old]}"
        frozen=$(now_ms)
        OPERATOR_PID=${PID[$new]}
        await "$new leads" leads "$new"
        wait "$JOB"
        load_pairs 60 scale $((size + 1))
        await_pairs 60
        acquired=$(acquired_at "$new" "$frozen")
        ((acquired - frozen <= slowest)) || slowest=$((acquired - frozen))
        kill -CONT "${PID[$old]}"
        await_end "${PID[$old]}" 10
        status=0
        wait "${PID[$old]}" || status=$?
        [ "$status" -eq 1 ]
        grep 'The lease is lost' "$BATS_TEST_TMPDIR/$old.log"
        [ "$(written_after "$old" "$acquired")" = "" ]
        writes+=$(written_after "$new" "$acquired" | wc -l)
        start_replica "$old"
        old=$new OPERATOR_PID=${PID[$new]}
    done
    judge_history
    ((writes > 0)) # the audit log has what is looked for
    ((slowest <= 24000))
    figure "leader frozen and thawed, 3 times" "" "$(seconds "$slowest")" "" "$writes" 0 ""
}

@test "killed with SIGKILL in mid-burst: the other leads within 24 s, and completes it" {
    local start acquired
    record_history
    start_replicas
    load_pairs 60 create
    await_pairs 60
    LOG=$BATS_TEST_TMPDIR/a.log scale_under_way 4
    kill_operator "${PID[a]}"
    start=$(now_ms)
    await "b leads" leads b
    wait "$JOB"
    await_pairs 60
    acquired=$(acquired_at b "$start")
    judge_history
    ((acquired - start > 10000)) # not while the dead one might still have written
    ((acquired - start <= 24000))
    figure "leader killed (SIGKILL)" "" "$(seconds $((acquired - start)))" "" "$(written_after b "$acquired" | wc -l)" 0 ""
}

@test "asked to go with SIGTERM in mid-burst: the other leads within 5 s, and nothing overlaps" {
    local start acquired
    record_history
    start_replicas
    load_pairs 60 create
    await_pairs 60
    LOG=$BATS_TEST_TMPDIR/a.log scale_under_way 4
    start=$(now_ms)
    stop_operator "${PID[a]}"
    await "b leads" leads b
    wait "$JOB"
    await_pairs 60
    acquired=$(acquired_at b "$start")
    judge_history
    ((acquired - start <= 5000))
    [ "$(written_after a "$acquired")" = "" ]
    figure "leader asked to go (SIGTERM)" "" "$(seconds $((acquired - start)))" "" "$(written_after b "$acquired" | wc -l)" 0 ""
}
