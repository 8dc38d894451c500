#!/usr/bin/env bats
# The API server stops, dies, and forgets its history, under load.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/chaos.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

@test "the judge sees a size that the source never had, and a write to what is not ours" {
    local verdict
    record_history
    start_operator
    load_pairs 2 create
    await_pairs 2
    judge_history
    patch mc/pair-0 '{"spec": {"size": 9}}'
    await_size pair-0 2
    api PATCH "$(path_of deployment/source-1)?fieldManager=memcached-operator" \
        -H 'Content-Type: application/merge-patch+json' -d '{"metadata": {"labels": {"mark": "ours"}}}' >/dev/null
    verdict=$(judge_history) || true
    echo "$verdict"
    [[ $verdict == *" 2 wrong"*"pair-0: size 2 → 9"*"source-1: is not ours"* ]]
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
    load_pairs 100 create
    await_pairs 100
    begin_fault
    for n in {3..12}; do
        start_job load_pairs 100 scale "$n"
        sleep 1 # under load; how far it comes does not matter
        cluster kill apiserver
        start=$(now_ms)
        cluster start apiserver
        wait "$JOB"
    done
    assert_works 100
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
    delete deployment/pair-39 # as the collector would
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
