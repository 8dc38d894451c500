#!/usr/bin/env bats
# The API server stops, dies, forgets its history, its types and its namespaces, under load.
# level: control-plane

bats_require_minimum_version 1.5.0
load lib/chaos.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

# What was there is right, and what is new becomes so. $1 how many pairs there are
assert_works() {
    await_pairs "$1"
    create_memcached after 1
    create_deployment source-after 3 after
    await_size after 3
    await "the operator is ready" is_ready
}

@test "stopped for 60 s under load, then continued" {
    local apiserver start
    record_history
    start_operator
    load_pairs 150 create
    await_pairs 150
    begin_fault
    apiserver=$(cluster pid apiserver)
    start_job load_pairs 150 scale 4
    await "some are scaled" has_logged '"to": 4' 20
    kill -STOP "$apiserver"
    sleep 60 # is the fault
    kill -CONT "$apiserver"
    start=$(now_ms)
    wait "$JOB"
    assert_works 150
    end_fault "API server stopped for 60 s" "$(seconds_since "$start")"
    assert_quiet 2
}

@test "killed 10 times under load" {
    local start n
    record_history
    start_operator
    load_pairs 150 create
    await_pairs 150
    begin_fault
    for n in {3..12}; do
        start_job load_pairs 150 scale "$n"
        sleep 1 # under load; how far it comes does not matter
        cluster kill apiserver
        start=$(now_ms)
        cluster start apiserver
        wait "$JOB"
    done
    assert_works 150
    end_fault "API server killed 10 times" "$(seconds_since "$start")"
    assert_quiet 2
}

@test "compacted and killed while the operator sleeps" {
    local start
    record_history
    start_operator
    load_pairs 40 create
    await_pairs 40
    begin_fault
    kill -STOP "$OPERATOR_PID"
    load_pairs 40 scale 3
    delete mc/pair-39
    load_pairs 40 scale 4
    cluster compact
    cluster kill apiserver
    cluster start apiserver
    kill -CONT "$OPERATOR_PID"
    start=$(now_ms)
    assert_works 39
    log_has '"resource": "memcacheds.cache.example.com".*410'
    end_fault "history compacted, API server killed, operator asleep" "$(seconds_since "$start")"
    assert_quiet 2
}

@test "the CRD is removed and put back" {
    local start
    record_history
    start_operator
    load_pairs 20 create
    await_pairs 20
    begin_fault
    kubectl delete "crd/$CRD"
    await "the operator is not ready" is_not_ready
    # The collector cannot look for owners of a kind that is not there; so this is its part.
    api DELETE "/apis/apps/v1/namespaces/$NS/deployments?labelSelector=app.kubernetes.io/managed-by=memcached-operator" >/dev/null
    prepare_cluster
    start=$(now_ms)
    await "Memcacheds can be made" create_memcached pair-0 1
    load_pairs 20 create
    assert_works 20
    end_fault "CRD removed and put back" "$(seconds_since "$start")"
    assert_quiet 2
}

@test "a namespace with 50 pairs is deleted, and made anew" {
    local start
    record_history
    launch operator # for all namespaces: one may go
    await "the operator is ready" is_ready
    load_pairs 50 create
    await_pairs 50
    begin_fault
    start=$(now_ms)
    api DELETE "/api/v1/namespaces/$NS" >/dev/null
    await "it is gone" namespace_is_gone
    create_namespace "$NS"
    load_pairs 50 create
    assert_works 50
    end_fault "namespace with 50 pairs deleted" "$(seconds_since "$start")"
    assert_quiet 2
}

namespace_is_gone() { ! api GET "/api/v1/namespaces/$NS" >/dev/null 2>&1; }
