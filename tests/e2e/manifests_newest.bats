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
    [[ ${lines[0]} =~ ^NAME\ +SIZE\ +READY\ +SOURCE\ +AGE$ ]]
    [[ ${lines[1]} =~ ^memcached-sample\ +5\ + ]]
}
