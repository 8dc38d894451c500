#!/usr/bin/env bats
# The model API server of the simulation answers like a real one.
# level: conformance

bats_require_minimum_version 1.5.0
load lib/common.sh

# CONFORMANCE names another program than the one of build.
setup_file() {
    prepare_cluster
    [[ -n ${CONFORMANCE:-} ]] || ninja -C "$ROOT/build" --quiet tests/sim/conformance >&2
}

setup() { cd "$ROOT" || return; }

@test "a thousand generated sequences, and the written cases: the same answers, objects and events" {
    run "${CONFORMANCE:-build/tests/sim/conformance}" --runs 1000 --compact "hack/cluster compact >/dev/null"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} =~ ^([0-9]+)\ passed,\ 0\ failed$ ]]
    ((BASH_REMATCH[1] >= 1000))
}

@test "nothing of it is left for other tests" {
    run -0 kubectl get memcacheds --all-namespaces
    [[ $output == *"No resources found"* ]]
}
