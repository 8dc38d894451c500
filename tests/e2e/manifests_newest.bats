#!/usr/bin/env bats
# The CRD on today's API machinery: taken without a warning, and it means the same.
# level: newest

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
}

memcached() {
    printf 'apiVersion: cache.example.com/v1alpha1\nkind: Memcached\nmetadata: {name: m}\nspec: %s\n' "$1"
}

# The server follows a changed CRD a moment later.
until_refused() {
    # shellcheck disable=SC2016 # it is the other shell's
    OBJECT=$1 timeout 20 sh -c 'while echo "$OBJECT" | kubectl apply --validate=false --dry-run=server -f -; do sleep 0.2; done'
}

# $1 sizeFrom, $2 what the server says of it
assert_rule() {
    run kubectl apply --validate=false -f - <<<"$(memcached "{size: 1, sizeFrom: $1}")"
    echo "$1: $output"
    [ "$status" -ne 0 ]
    [[ $output == *"$2"* ]]
}

@test "the CRD is taken as it is, and served" {
    hack/cluster newest-apply-crd config/crd/bases/cache.example.com_memcacheds.yaml
    kubectl get mc
}

@test "sizes: the same are taken, the same refused" {
    local bad
    kubectl apply -f - <<<"$(memcached '{size: 0}')"
    kubectl apply -f - <<<"$(memcached '{size: 2147483647}')"
    for bad in '{}' '{size: -1}' '{size: 2147483648}' '{size: 1.5}' '{size: "3"}'; do
        run kubectl apply --validate=false -f - <<<"$(memcached "$bad")"
        echo "$bad: $output"
        [ "$status" -ne 0 ]
        [[ $output == *spec.size* ]]
    done
}

@test "scale, columns and samples" {
    kubectl apply -f config/samples/cache_v1alpha1_memcached.yaml
    kubectl scale memcached memcached-sample --replicas=5
    run kubectl get mc memcached-sample
    echo "$output"
    [[ ${lines[0]} =~ ^NAME\ +SIZE\ +READY\ +SOURCE\ +SYNCED\ +AGE$ ]]
    [[ ${lines[1]} =~ ^memcached-sample\ +5\ + ]]
}

@test "CEL: what is wrong between fields is refused in the operator's words, and nothing else is" {
    local web='{kind: Deployment, name: web}' good
    hack/crd print --cel >"$BATS_TEST_TMPDIR/crd.yaml"
    hack/cluster newest-apply-crd "$BATS_TEST_TMPDIR/crd.yaml"
    until_refused "$(memcached '{size: 1, sizeFrom: {min: 5, max: 3}}')"
    for good in '{}' '{min: 1, max: 1}' "{sources: [$web, {kind: StatefulSet, name: web}], aggregate: Max, ifMissing: Fallback, fallback: 2, max: 2}" \
        '{mode: ScaleUpOnly, step: {up: 1, down: 0}}' "{sources: [{apiVersion: a.example/v1, kind: X, name: x}, {apiVersion: b.example/v1, kind: X, name: x}]}" \
        "{sources: [$web], claims: Ignore, ifMissing: Min, min: 0, scaleDownAfterSeconds: 300, step: {down: 1}}"; do
        echo "$good"
        kubectl apply --validate=false -f - <<<"$(memcached "{size: 1, sizeFrom: $good}")"
    done
    assert_rule '{min: 5, max: 3}' 'min is more than max'
    assert_rule '{fallback: 3}' 'fallback is only for ifMissing: Fallback'
    assert_rule "{sources: [$web], ifMissing: Fallback}" 'ifMissing: Fallback needs fallback'
    assert_rule "{sources: [$web], ifMissing: Fallback, fallback: 1, min: 2}" 'fallback is less than min'
    assert_rule "{sources: [$web], ifMissing: Fallback, fallback: 4, max: 3}" 'fallback is more than max'
    assert_rule "{sources: [$web], ifMissing: Min}" 'ifMissing: Min needs min'
    assert_rule '{ifMissing: Min, min: 1}' 'ifMissing: Min and Fallback are about sources'
    assert_rule '{aggregate: Sum}' 'aggregate is about sources'
    assert_rule "{sources: [$web], claims: Sum}" 'claims: Max and Sum count labelled Deployments'
    assert_rule '{mode: ScaleUpOnly, scaleDownAfterSeconds: 1}' 'mode: ScaleUpOnly never scales down'
    assert_rule '{mode: ScaleUpOnly, step: {down: 1}}' 'mode: ScaleUpOnly never scales down'
    assert_rule "{sources: [$web, $web]}" 'name each source once'
    assert_rule "{sources: [$web, {apiVersion: apps/v1, kind: Deployment, name: web}]}" 'name each source once'
    assert_rule '{sources: [{kind: Rollout, name: web}]}' 'apiVersion is needed for kinds other than'
}
