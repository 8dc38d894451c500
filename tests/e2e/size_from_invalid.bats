#!/usr/bin/env bats
# spec.sizeFrom that cannot be: refused by the server where its schema can, and by the operator where
# it got in. The CRD of this level has no CEL rules; manifests_newest.bats has those.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh
load lib/size_from.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() {
    end_test
    [[ ! -e $BATS_TEST_TMPDIR/lenient ]] || prepare_cluster # the CRD as it was
}

@test "the schema refuses: ratio 0, negative seconds, what is no choice, names that are none, 10 000 sources" {
    local -a bad=(
        '{ratio: {per: 0}}' 'spec.sizeFrom.ratio.per in body should be greater than or equal to 1'
        '{ratio: {memcached: 0}}' 'spec.sizeFrom.ratio.memcached in body should be greater than or equal to 1'
        '{ratio: {memcached: 2147483648}}' 'spec.sizeFrom.ratio.memcached in body should be less than or equal to 2147483647'
        '{scaleDownAfterSeconds: -1}' 'spec.sizeFrom.scaleDownAfterSeconds in body should be greater than or equal to 0'
        '{scaleDownAfterSeconds: 86401}' 'spec.sizeFrom.scaleDownAfterSeconds in body should be less than or equal to 86400'
        '{step: {down: -1}}' 'spec.sizeFrom.step.down in body should be greater than or equal to 0'
        '{min: "3"}' 'spec.sizeFrom.min in body must be of type integer'
        '{max: 1.5}' 'spec.sizeFrom.max in body must be of type integer'
        '{mode: "Sometimes"}' 'supported values: "Enforce", "ScaleUpOnly", "Observe"'
        '{paused: "true"}' 'spec.sizeFrom.paused in body must be of type boolean'
        '{sources: [{kind: "Deployment"}]}' 'spec.sizeFrom.sources.name: Required value'
        '{sources: [{kind: "Deployment", name: "../web"}]}' 'spec.sizeFrom.sources.name in body should match'
        '{sources: [{apiVersion: "a/b/c", kind: "X", name: "x"}]}' 'spec.sizeFrom.sources.apiVersion in body should match'
        '{sources: [range(10000) | "Deployment/web-\(.)"]}' 'spec.sizeFrom.sources in body should have at most 16 items'
    )
    local -i n
    for ((n = 0; n < ${#bad[@]}; n += 2)); do
        follower "bad-$n" 1 "${bad[n]}"
    done >"$BATS_TEST_TMPDIR/bad.json"
    run k create --validate=false -f "$BATS_TEST_TMPDIR/bad.json"
    echo "$output"
    [ "$status" -ne 0 ]
    for ((n = 0; n < ${#bad[@]}; n += 2)); do
        grep -F "\"bad-$n\" is invalid" <<<"$output" | grep -F "${bad[n + 1]}"
    done
    [ "$(api GET "$(path_of mc/)" | jq '.items | length')" = 0 ]
    create_follower good 1 '{sources: ["Deployment/web"], ratio: {rounding: "Nearest"}, scaleDownAfterSeconds: 86400, step: {up: 0}, paused: false}'
}

@test "what gets in is refused by the operator: the condition says why, and the last good size stays" {
    local -a bad=(
        '{fallback: 3}' 'spec.sizeFrom: fallback is only for ifMissing: Fallback'
        '{sources: ["Deployment/five"], ifMissing: "Min"}' 'spec.sizeFrom: ifMissing: Min needs min'
        '{aggregate: "Max"}' 'spec.sizeFrom: aggregate is about sources, and there are none: claims says how labelled Deployments count'
        '{mode: "ScaleUpOnly", step: {down: 1}}' 'spec.sizeFrom: mode: ScaleUpOnly never scales down: leave scaleDownAfterSeconds and step.down out'
        '{sources: ["Deployment/five", "Deployment/five"]}' 'spec.sizeFrom.sources\[1\] is the same as sources\[0\]: name each source once'
        '{sources: ["Rollout/five"]}' 'spec.sizeFrom.sources*apiVersion is needed for kinds other than Deployment, StatefulSet and ReplicaSet'
    )
    local -i n
    create_deployment five 5
    create_follower web 1 '{sources: ["Deployment/five"]}'
    for ((n = 0; n < ${#bad[@]}; n += 2)); do
        create_follower "bad-$n" 2 "${bad[n]}"
    done
    start_operator
    await_size web 5
    set_rules web '{sources: ["Deployment/five"], min: 5, max: 3}'
    await_message web 'spec.sizeFrom: min is more than max'
    await_event mc/web 'InvalidSpec Warning 1 spec.sizeFrom: min is more than max'
    for ((n = 0; n < ${#bad[@]}; n += 2)); do
        await_message "bad-$n" "${bad[n + 1]}"
    done
    [ "$(sizes_and_reasons)" = '["2 InvalidSpec","5 InvalidSpec"]' ]
    scale deployment/five 9 # nobody listens
    assert_quiet 0.5
    [ "$(sizes web)" = 5/5 ]
    set_rules web '{sources: ["Deployment/five"], max: 7}'
    await_size web 7
    await_condition web SizeSynced True InSync
}

@test "a CRD without a schema lets everything in: said, and not one request more is sent for it" {
    touch "$BATS_TEST_TMPDIR/lenient"
    kubectl get "crd/$CRD" -o json | jq 'del(.status, .metadata.resourceVersion, .metadata.uid)
        | .spec.versions[0].schema.openAPIV3Schema = {type: "object", properties: {
            spec: {type: "object", "x-kubernetes-preserve-unknown-fields": true},
            status: {type: "object", "x-kubernetes-preserve-unknown-fields": true}}}' | kubectl replace -f -
    await "the CRD lets all in" takes_nonsense
    create_follower many 2 '{sources: [range(10000) | "Deployment/web-\(.)"]}'
    create_follower zero 2 '{sources: ["Deployment/web"], ratio: {per: 0}}'
    create_follower past 2 '{sources: ["Deployment/web"], scaleDownAfterSeconds: -1}'
    create_follower later 2 '{sources: ["Deployment/web"], colour: "red"}'
    create_follower list 2 '[]'
    start_operator
    await_message many 'spec.sizeFrom.sources *16*'
    await_message zero 'spec.sizeFrom.ratio.per is not a whole number from 1 to 2147483647'
    await_message past 'spec.sizeFrom.scaleDownAfterSeconds is not a whole number from 0 to 86400'
    await_message later 'spec.sizeFrom*colour*'
    await_message list 'spec.sizeFrom *'
    await "all are refused, and keep their size" is '["2 InvalidSpec"]' sizes_and_reasons
    await "nobody is asked any more" requests_have_ceased 0.3
    requests_have_ceased 1
}

sizes_and_reasons() {
    api GET "$(path_of mc/)" | jq -c '[.items[] | "\(.spec.size) \(.status.conditions[] | select(.type == "SizeSynced").reason)"] | unique'
}

requests_have_ceased() {
    local before
    before=$(metric rest_client_requests_total)
    sleep "$1"
    [ "$(metric rest_client_requests_total)" = "$before" ]
}

takes_nonsense() { create_follower nonsense 2 '{ratio: {per: 0}}'; }
