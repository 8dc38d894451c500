#!/usr/bin/env bats
# Memcacheds and namespaces are deleted: the garbage collector removes, and the operator lets it.
# level: control-plane

bats_require_minimum_version 1.5.0
load lib/common.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

propagation() { printf '{"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "%s"}' "$1"; }

# The garbage collector looks every 30 s for kinds that are new to it: wait until it has seen ours.
await_collector() {
    [[ ! -e $BATS_FILE_TMPDIR/collector ]] || return 0
    create_memcached probe 0
    jq -nc --arg uid "$(field mc/probe .metadata.uid)" '{metadata: {name: "probe", ownerReferences: [
        {apiVersion: "cache.example.com/v1alpha1", kind: "Memcached", name: "probe", $uid}]}}' |
        api POST "/api/v1/namespaces/$NS/configmaps" -H 'Content-Type: application/json' -d @- >/dev/null
    delete mc/probe
    WAIT_SECONDS=60 await "the garbage collector knows Memcacheds" probe_is_gone
    touch "$BATS_FILE_TMPDIR/collector"
}

probe_is_gone() { ! api GET "/api/v1/namespaces/$NS/configmaps/probe" >/dev/null; }

# $1 Memcached: its Deployment belongs to the one that is there now
is_owned() {
    [[ $(field "deployment/$1" '.metadata.ownerReferences[0].uid') == "$(field "mc/$1" .metadata.uid)" ]]
}

@test "a Memcached is deleted: so is its Deployment, and nothing comes back" {
    await_collector
    start_operator
    create_memcached web 2
    create_deployment source 3 web
    await_size web 3
    delete mc/web
    await "the Deployment is gone" is_gone deployment/web
    exists deployment/source
    assert_quiet 1
    is_gone deployment/web
    [ "$(log_count 'Creating a new Deployment')" -eq 1 ]
}

@test "foreground deletion: the Deployment goes first, and the operator lets it" {
    await_collector
    start_operator
    create_memcached web 2
    await_size web 2
    delete mc/web -H 'Content-Type: application/json' -d "$(propagation Foreground)"
    await "the Memcached is gone" is_gone mc/web
    is_gone deployment/web
    [ "$(log_count 'Creating a new Deployment')" -eq 1 ]
    [ "$(log_count ERROR)" -eq 0 ]
}

@test "deleted and made anew under the same name at once" {
    await_collector
    start_operator
    create_memcached web 2
    await_condition web Reconciled True AsDesired
    delete mc/web
    create_memcached web 3
    await "the Deployment belongs to the new one" is_owned web
    await_size web 3
    await_condition web Reconciled True AsDesired
    assert_quiet 1
}

@test "deleted and made anew while the operator is down" {
    await_collector
    start_operator
    create_memcached web 2
    await_condition web Reconciled True AsDesired
    stop_operator
    delete mc/web
    create_memcached web 3
    start_operator
    await "the Deployment belongs to the new one" is_owned web
    await_size web 3
    await_condition web Reconciled True AsDesired
}

@test "deleted with --cascade=orphan and made anew: the orphan is a stranger" {
    local before
    await_collector
    start_operator
    create_memcached web 2
    await_condition web Reconciled True AsDesired
    delete mc/web -H 'Content-Type: application/json' -d "$(propagation Orphan)"
    await "the Memcached is gone" is_gone mc/web
    create_memcached web 3
    await_condition web Reconciled False NameTaken
    before=$(field deployment/web .metadata.generation)
    [ "$(field deployment/web '.metadata.ownerReferences // [] | length')" = 0 ]
    [ "$(field deployment/web .spec.replicas)" = 2 ]
    assert_quiet 1
    [ "$(field deployment/web .metadata.generation)" = "$before" ]
    delete deployment/web
    await_size web 3
}

@test "its namespace is deleted: the operator does not hold it up, nor make a fuss" {
    start_operator
    create_memcached web 2
    create_deployment source 3 web
    await_size web 3
    api DELETE "/api/v1/namespaces/$NS" >/dev/null
    WAIT_SECONDS=40 await "the namespace is gone" namespace_is_gone
    [ "$(log_count ERROR)" -le 10 ]
    is_ready
}

namespace_is_gone() { ! api GET "/api/v1/namespaces/$NS" >/dev/null 2>&1; }
