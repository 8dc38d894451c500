#!/usr/bin/env bats
# spec.sizeFrom with the Memcached on today's API machinery: CEL, and who is noted behind /scale.
# level: newest

bats_require_minimum_version 1.5.0
load lib/common.sh
load lib/size_from.sh

setup_file() {
    "$ROOT/hack/crd" print --cel >"$BATS_FILE_TMPDIR/crd.yaml"
    "$ROOT/hack/cluster" newest-apply-crd "$BATS_FILE_TMPDIR/crd.yaml" >&2
    prepare_api
}
setup() { begin_test; }
teardown() { end_test; }

@test "sources are followed, with ratio and hold; the status is taken as it is written" {
    start_operator
    create_deployment web 5
    create_source statefulset/api 2
    create_follower cache 1 '{sources: ["Deployment/web", "StatefulSet/api"], ratio: {per: 2}, scaleDownAfterSeconds: 600}'
    await_size cache 4
    await_condition cache SizeSynced True InSync
    scale statefulset/api 0
    await_condition cache SizeSynced True Holding
    await "all of it is told" is '["Sum of 2 sources",3,4,"Holding",[4],[["Deployment/web",5,true],["StatefulSet/api",0,true]]]' \
        field mc/cache -c '.status.sizing | [.source, .wish, .size, .reason, [.holds[].size], [.claimants[] | [.name, .replicas, .deciding]]]'
    [ "$(column cache HOLD)" = "$(field mc/cache .status.sizing.holdUntil)" ]
    [ "$(log_count ERROR)" -eq 0 ]
    assert_quiet 0.5
}

@test "a Memcached as a source: its /scale is read" {
    start_operator
    create_memcached front 3
    create_follower back 1 '{sources: [{apiVersion: "cache.example.com/v1alpha1", kind: "Memcached", name: "front"}], ratio: {memcached: 2}}'
    await_size back 6
    patch mc/front '{"spec": {"size": 4}}'
    await_size back 8
}

@test "who writes spec.size through /scale is named" {
    start_operator
    create_deployment web 3
    create_follower cache 1 '{sources: ["Deployment/web"]}'
    await_size cache 3
    for _ in {1..40}; do
        api PATCH "$(path_of mc/cache /scale)?fieldManager=keda-operator" -H 'Content-Type: application/merge-patch+json' \
            -d '{"spec": {"replicas": 8}}' >/dev/null
        [ "$(condition cache SizeSynced reason)" != WriteConflict ] || break
    done
    await_message cache '"keda-operator" keeps changing size; it is put back ever more slowly'
}

@test "what got in before the rules came: said in the condition, and good again once it is mended" {
    "$ROOT/hack/cluster" newest-apply-crd "$ROOT/config/crd/bases/cache.example.com_memcacheds.yaml" >&2
    await "the server has no rules" create_follower old 2 '{min: 5, max: 3}'
    "$ROOT/hack/cluster" newest-apply-crd "$BATS_FILE_TMPDIR/crd.yaml" >&2
    await "the server has rules" is_refused '{min: 5, max: 3}'
    start_operator
    await_size old 2
    await_condition old SizeSynced False InvalidSpec
    await_message old 'spec.sizeFrom: min is more than max'
    create_deployment web 3
    set_rules old '{sources: ["Deployment/web"]}'
    await_size old 3
}

is_refused() { ! follower new 1 "$1" | k create --dry-run=server -f -; }
