#!/usr/bin/env bats
# Memcacheds on today's API machinery: WatchList, and what else has changed since 1.20.
# level: newest

bats_require_minimum_version 1.5.0
load lib/common.sh
load lib/faults.sh

setup_file() {
    "$ROOT/hack/cluster" newest-apply-crd "$ROOT/config/crd/bases/cache.example.com_memcacheds.yaml" >&2
    prepare_api
}
setup() { begin_test; }
teardown() { end_test; }

# The operator's requests of this namespace's Memcacheds: VERB CODE URI
requests_for_memcacheds() {
    jq -r --arg path "/namespaces/$NS/memcacheds" 'select(.stage | IN("ResponseComplete", "ResponseStarted"))
        | select((.userAgent // "" | startswith("memcached-operator/")) and (.requestURI | contains($path)))
        | "\(.verb) \(.responseStatus.code) \(.requestURI)"' "$AUDIT_LOG"
}

@test "the session: created, synced, put back, told in the status" {
    start_operator
    create_memcached web 1
    await_size web 1
    create_deployment source 4 web
    await_size web 4
    await_condition web Reconciled True AsDesired
    await_condition web SizeSynced True InSync
    scale_deployment source 2
    await_size web 2
    k scale mc web --replicas=5
    await_event mc/web 'DriftCorrected Normal 1 size was changed from 2 to 5'
    await_size web 2
    await "status and pods agree" is '[2,0,"app=memcached,memcached_cr=web",2,"Deployment/source"]' \
        field mc/web -c '.status | [.replicas, .readyReplicas, .selector, (.nodes | length), .source]'
    [ "$(api GET "$(path_of mc/web /scale)" | jq -c '[.spec.replicas, .status.replicas]')" = '[2,2]' ]
    [ "$(log_count ERROR)" -eq 0 ]
    assert_quiet 1
}

@test "the first list comes by WatchList, in one request" {
    create_memcached web 1
    start_operator
    await_size web 1
    requests_for_memcacheds | grep -E '^watch 200 .*sendInitialEvents=true'
    run ! grep -E '^list ' <(requests_for_memcacheds)
}

@test "resuming a watch asks for no objects, only whether the server has reached the last version" {
    local -i lists
    local asked
    start_proxy 0
    start_operator --kubeconfig="$PROXIED"
    create_memcached web 1
    await_size web 1
    lists=$(requests_for_memcacheds | grep -c sendInitialEvents)
    kill -USR1 "$PROXY"
    await "the operator is not ready" is_not_ready
    patch mc/web '{"spec": {"size": 3}}'
    await_size web 3
    await "the operator is ready" is_ready
    [ "$(requests_for_memcacheds | grep -c sendInitialEvents)" -eq "$lists" ]
    asked=$(requests_for_memcacheds | grep '^list ')
    [[ $asked =~ ^'list 200 '[^?]*'?fieldSelector=metadata.name%3Dx&resourceVersion='[0-9]+$ ]]
}

@test "several claimants: no flapping" {
    start_operator
    create_memcached web 1
    create_deployment a 2 web
    create_deployment b 3 web
    await_condition web Conflict True SeveralClaimants
    await_size web 2
    assert_quiet 2
    delete deployment/a
    await_size web 3
}

@test "100 pairs at once" {
    start_operator
    load_pairs 100 create
    await_pairs 100
    load_pairs 100 scale 3
    await_pairs 100
    [ "$(log_count ERROR)" -eq 0 ]
}

@test "the newest server is killed and comes back" {
    start_operator
    create_memcached web 1
    create_deployment source 2 web
    await_size web 2
    "$ROOT/hack/cluster" kill newest 3>&- 4>&-
    await "the operator is not ready" is_not_ready
    scale_deployment source 5
    "$ROOT/hack/cluster" start newest 3>&- 4>&-
    WAIT_SECONDS=60 await_size web 5
    await "the operator is ready" is_ready
}
