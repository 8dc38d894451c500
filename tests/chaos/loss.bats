#!/usr/bin/env bats
# What the operator knows is gone, or has never been: etcd is put back to an older snapshot, the CRD is
# removed, a namespace is deleted.
# level: control-plane

bats_require_minimum_version 1.5.0
load lib/chaos.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

# ---- a restored etcd -----------------------------------------------------------------------------------

# What the snapshot does not have: other sizes, objects that are new, gone, or others of the same name.
begin_newer_world() {
    local n
    load_pairs 20 scale 3
    await_pairs 20
    for n in 1 2 3; do
        create_memcached "newer-$n" 1
        create_deployment "source-newer-$n" 2 "newer-$n"
        await_size "newer-$n" 2
        delete "mc/pair-$n"
    done
    for n in 1 2 3; do
        await "pair-$n's Deployment is collected" is_gone "deployment/pair-$n"
    done
    create_memcached pair-3 1
    await_size pair-3 3
}

# $1 the snapshot, $2 what broke
assert_restored() {
    local start
    begin_fault
    cluster restore "$1"
    start=$(now_ms)
    record_history "$FROM" # of the restored world alone
    await_pairs 20
    await "the operator is ready" is_ready
    # Its view is that of the restored world: what changes there, it follows.
    scale_deployment source-0 7
    await_size pair-0 7
    create_memcached newer-1 2
    await_size newer-1 2
    create_deployment source-newer-1 3 newer-1
    await_size newer-1 3
    delete mc/pair-4
    await "pair-4's Deployment is collected" is_gone deployment/pair-4
    end_fault "$2" "$(seconds_since "$start")"
    assert_quiet 2
}

@test "restored from a snapshot" {
    local snapshot=$BATS_TEST_TMPDIR/snapshot FROM
    FROM=$(next_revision)
    record_history
    start_operator
    load_pairs 20 create
    await_pairs 20
    cluster snapshot "$snapshot"
    begin_newer_world
    judge_history
    assert_restored "$snapshot" "etcd restored from a snapshot"
}

# ---- a CRD, a namespace -------------------------------------------------------------------------------

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
