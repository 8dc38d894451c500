#!/usr/bin/env bats
# Everything breaks, under load; all is right in the end, and nothing was done twice or taken back.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh
load lib/faults.sh

setup_file() {
    prepare_cluster
    begin_silence
}

teardown_file() {
    silence -D 2>/dev/null || true
    kill "$SILENCE_PID" "$SILENCE_PROXY" 2>/dev/null || true
}

setup() { begin_test; }
teardown() { end_test; }

# A connection on which nothing comes any more, and nobody says so: what ends it takes most of a
# minute. It begins here and is looked at by a later test.
begin_silence() {
    export SILENCE_NS=faults-silence-$RANDOM SILENCE_PID SILENCE_PROXY SILENCE_PORT SILENCE_START SILENCE_LOG=$BATS_FILE_TMPDIR/operator.log
    export BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR WAIT_SECONDS=60
    start_proxy 0
    create_namespace "$SILENCE_NS"
    launch_to "$SILENCE_LOG" --watch-namespaces="$SILENCE_NS" --kubeconfig="$PROXIED"
    await "the operator is ready" is_ready
    SILENCE_PID=$OPERATOR_PID SILENCE_PROXY=$PROXY SILENCE_PORT=$PROXY_PORT
    SILENCE_START=$(now_ms)
    silence -I
    start_job silence_until_noticed
}

look_at_silence() { NS=$SILENCE_NS OPERATOR_PID=$SILENCE_PID; }

# Not longer, so that the operator is well again when the test looks.
silence_until_noticed() {
    await "the silence is noticed" grep -q 'Trying again' "$SILENCE_LOG" || true
    silence -D
}

# $1 -I or -D: packets to and from the proxy are lost
silence() {
    local side
    for side in dport sport; do
        PATH=$PATH:/usr/sbin iptables -w "$1" INPUT -i lo -p tcp "--$side" "$SILENCE_PORT" -j DROP
    done
}

cluster() { "$ROOT/hack/cluster" "$@" 3>&- 4>&-; }

has_logged() { (($(log_count "$1") >= $2)); }

@test "300 pairs at once: all right, nothing created twice, no size taken back" {
    record_history
    start_operator
    load_pairs 300 create
    await_pairs 300
    load_pairs 300 scale 3
    await_pairs 300
    sizes_never_went_back
    [ "$(created_twice)" = "" ]
    [ "$(log_count ERROR)" -eq 0 ]
    assert_quiet 1
}

@test "300 pairs that were there before the operator" {
    record_history
    load_pairs 300 create
    start_operator
    await_pairs 300
    sizes_never_went_back
    [ "$(created_twice)" = "" ]
}

@test "killed with SIGKILL in mid-burst, twice, and started again" {
    record_history
    start_operator
    start_job load_pairs 200 create
    await "some are created" has_logged 'Creating a new Deployment' 50
    kill_operator
    wait "$JOB"
    [ "$(wrong_pairs 200 | wc -l)" -gt 0 ]
    start_operator
    await_pairs 200
    start_job load_pairs 200 scale 5
    await "some are scaled" has_logged '"to": 5' 50
    kill_operator
    load_pairs 200 scale 6
    start_operator
    await_pairs 200
    sizes_never_went_back
    [ "$(created_twice)" = "" ]
}

@test "SIGTERM in mid-burst: exit code 0 within 5 s; the next start completes it" {
    record_history
    start_operator
    start_job load_pairs 200 create
    await "some are created" has_logged 'Creating a new Deployment' 50
    stop_operator
    wait "$JOB"
    [ "$(wrong_pairs 200 | wc -l)" -gt 0 ]
    log_has 'Stopped'
    start_operator
    await_pairs 200
    sizes_never_went_back
    [ "$(created_twice)" = "" ]
    [ "$(log_count ERROR)" -eq 0 ]
}

@test "the API server is killed under load and comes back" {
    record_history
    start_operator
    load_pairs 150 create
    await_pairs 150
    start_job load_pairs 150 scale 4
    await "some are scaled" has_logged '"to": 4' 30
    cluster kill apiserver
    await "the operator is not ready" is_not_ready
    log_has 'Trying again'
    cluster start apiserver
    wait "$JOB"
    WAIT_SECONDS=60 await_pairs 150
    await "the operator is ready again" is_ready
    sizes_never_went_back
    [ "$(created_twice)" = "" ]
}

@test "etcd is compacted and the API server restarted while the operator sleeps: 410, relist, all right" {
    local n
    start_proxy 0
    start_operator --kubeconfig="$PROXIED"
    for n in 1 2 3; do
        create_memcached "web-$n" 1
        create_deployment "source-$n" 2 "web-$n"
    done
    for n in 1 2 3; do
        await_size "web-$n" 2
    done
    kill -STOP "$OPERATOR_PID"
    signal_proxy USR1 cut # of what follows it is told nothing
    scale_deployment source-1 5
    delete deployment/source-2
    delete mc/web-3
    create_memcached web-4 3
    cluster compact
    cluster kill apiserver
    cluster start apiserver
    kill -CONT "$OPERATOR_PID"
    await_size web-1 5
    await_size web-4 3
    await "web-2 has no source" is "" field mc/web-2 .status.source
    await "the operator is ready" is_ready
    log_has '"resource": "memcacheds.cache.example.com".*410'
    # What was missing in the new list is gone from its cache: nobody corrects web-3 any more.
    patch deployment/web-3 '{"spec": {"replicas": 9}}'
    assert_quiet 1
    [ "$(field deployment/web-3 .spec.replicas)" = 9 ]
}

@test "every connection is cut, again and again, under load" {
    local n
    record_history
    start_proxy 0
    start_operator --kubeconfig="$PROXIED"
    start_job load_pairs 150 create
    for n in {1..5}; do
        await "it goes on" has_logged 'Creating a new Deployment' $((n * 15))
        kill -USR1 "$PROXY"
    done
    WAIT_SECONDS=40 await_pairs 150
    await "the operator is ready" is_ready
    sizes_never_went_back
    [ "$(created_twice)" = "" ]
}

@test "the way to the server is down while much changes" {
    start_proxy 0
    start_operator --kubeconfig="$PROXIED"
    create_memcached web 1
    create_deployment source 2 web
    await_size web 2
    end_job "$PROXY"
    await "the operator is not ready" is_not_ready
    scale_deployment source 4
    create_memcached new 3
    create_deployment other 5 new
    start_proxy "$PROXY_PORT"
    await_size web 4
    await_size new 5
    await "the operator is ready" is_ready
}

@test "the server is not reachable at the start: one line an attempt, ever longer waits; begins when it comes" {
    local waits
    start_proxy 0
    end_job "$PROXY"
    launch operator --watch-namespaces="$NS" --kubeconfig="$PROXIED"
    await "three attempts for Memcacheds" has_logged '"resource": "memcacheds.cache.example.com"' 3
    is_not_ready
    waits=$(sed -n 's/.*"resource": "memcacheds.cache.example.com".*onnection refused.*"retry-in-ms": \([0-9]*\)}$/\1/p' "$LOG")
    echo "$waits"
    [ "$(wc -l <<<"$waits")" -eq 3 ]
    [ "$waits" = "$(sort -nu <<<"$waits")" ]
    create_memcached web 2
    start_proxy "$PROXY_PORT"
    await "the operator is ready" is_ready
    await_size web 2
    [ "$(log_count 'Trying again')" -eq "$(metric rest_client_requests_total 'code="<error>"')" ]
}

@test "silence on the connection is noticed within 45 s; the operator goes on when it ends" {
    local -i noticed
    look_at_silence
    WAIT_SECONDS=60 await "the silence is noticed" grep -q 'Trying again' "$SILENCE_LOG"
    cat "$SILENCE_LOG"
    noticed=$(date -d "$(grep -m 1 'Trying again' "$SILENCE_LOG" | cut -f 1)" +%s%3N)
    echo "noticed after $((noticed - SILENCE_START)) ms"
    ((noticed - SILENCE_START >= 5000)) # it was silence, not a cut
    ((noticed - SILENCE_START <= 46000))
    create_memcached web 2
    WAIT_SECONDS=60 await "the operator is ready" is_ready
    await_size web 2
}

@test "the CRD is installed only later" {
    kubectl delete --ignore-not-found "crd/$CRD"
    launch operator --watch-namespaces="$NS"
    await "it says so" log_has 'The server does not know this resource.*make install'
    is_not_ready
    [ "$(log_count ERROR)" -le 3 ]
    prepare_cluster
    await "the operator is ready" is_ready
    await "it works" create_memcached web 2
    await_size web 2
}

@test "the CRD is deleted and made anew while the operator runs" {
    start_operator
    create_memcached web 1
    await_size web 1
    kubectl delete "crd/$CRD"
    await "the operator is not ready" is_not_ready
    log_has 'The server does not know this resource.*make install'
    delete deployment/web # of a Memcached that is no more: it stays away
    prepare_cluster
    await "the operator is ready" is_ready
    is_gone deployment/web
    await "it works" create_memcached new 1
    create_deployment source 3 new
    await_size new 3
}
