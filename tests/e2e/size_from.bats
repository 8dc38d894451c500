#!/usr/bin/env bats
# spec.sizeFrom.sources: whose replicas decide a Memcached's size, and the arithmetic.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh
load lib/size_from.sh

setup_file() {
    prepare_cluster
    prepare_squads
}
setup() { begin_test; }
teardown() { end_test; }

@test "a Deployment, a StatefulSet, a ReplicaSet, a kind with /scale: each is followed, without a label" {
    local kind name
    create_deployment web 3
    create_source statefulset/web 3
    create_source replicaset/web 3
    create_source squad/web 3
    create_follower a 1 '{sources: ["Deployment/web"]}'
    create_follower b 1 '{sources: ["StatefulSet/web"]}'
    create_follower c 1 '{sources: ["ReplicaSet/web"]}'
    create_follower d 1 '{sources: [{apiVersion: "teams.example.com/v1", kind: "Squad", name: "web"}]}'
    start_operator
    for name in a b c d; do
        await_size $name 3
        await_condition $name SizeSynced True InSync
    done
    [ "$(field mc/d .status.source)" = Squad/web ]
    for kind in deployment statefulset replicaset squad; do
        scale $kind/web 0
    done
    for name in a b c d; do
        await_size $name 0
    done
    assert_quiet 0.5
}

@test "a change that leaves the replicas of a kind with /scale as they are costs at most one read" {
    local -i reads
    create_source squad/web 3
    create_follower a 1 '{sources: [{apiVersion: "teams.example.com/v1", kind: "Squad", name: "web"}]}'
    start_operator
    await_size a 3
    reads=$(scale_reads)
    ((reads > 0))
    patch squad/web '{"metadata": {"labels": {"colour": "red"}}}' # its generation stays
    patch squad/web '{"spec": {"colour": "red"}}'
    await "one more read" is $((reads + 1)) scale_reads
    await_condition a SizeSynced True InSync
    assert_quiet 0.5
    [ "$(scale_reads)" -eq $((reads + 1)) ]
}

# The operator's reads of this namespace's scales.
scale_reads() {
    jq -r --arg ns "$NS" 'select(.stage == "ResponseComplete" and .verb == "get" and .objectRef.subresource == "scale")
        | select(.objectRef.namespace == $ns and (.userAgent // "" | startswith("memcached-operator/"))) | .requestURI' "$AUDIT_LOG" | wc -l
}

@test "the source is there first, the Memcached is, or sizeFrom comes later, and goes" {
    start_operator
    create_deployment first 3
    create_follower a 1 '{sources: ["Deployment/first"]}'
    await_size a 3
    create_follower b 1 '{sources: ["Deployment/later"]}'
    await_condition b SizeSynced False SourceMissing
    create_deployment later 4
    await_size b 4
    await_condition b SizeSynced True InSync
    create_memcached c 2
    await_size c 2
    set_rules c '{sources: ["Deployment/first"]}'
    await_size c 3
    set_rules c '{sources: ["Deployment/later"]}' # another one
    await_size c 4
    scale deployment/first 9
    await_size a 9
    patch mc/c '{"spec": {"sizeFrom": null}}'
    await "nobody decides" is "" condition c SizeSynced status
    patch mc/c '{"spec": {"size": 1}}' # and so it is the user's
    await_size c 1
    assert_quiet 0.5
    [ "$(sizes c)" = 1/1 ]
    [ "$(field mc/c .status.source)" = "" ]
    [ "$(field mc/c .status.sizing)" = null ]
}

@test "several sources: Sum and Max; the arithmetic is told" {
    start_operator
    create_deployment web 5
    create_source statefulset/api 2
    create_follower sum 1 '{sources: ["Deployment/web", "StatefulSet/api"], ratio: {per: 2}, min: 1, max: 20}'
    create_follower max 1 '{sources: ["Deployment/web", "StatefulSet/api"], aggregate: "Max"}'
    await_size sum 4
    await_size max 5
    await_event mc/sum 'SizeChanged Normal 1 size changed from 1 to 4: web 5 \+ api 2 = 7 → ÷2 up = 4 → clamp 1\.\.20 = 4'
    await_condition sum SizeSynced True InSync
    [ "$(field mc/sum .status.source)" = "Sum of 2 sources" ]
    await "the other's source is named" is "Max of 2 sources" field mc/max .status.source
    carry_out sum
    await "what they have is told" is '["Sum of 2 sources",4,4,"InSync",["Deployment/web",5,true],["StatefulSet/api",2,true]]' \
        field mc/sum -c '.status.sizing | [.source, .wish, .size, .reason, (.claimants[] | [.name, .replicas, .deciding])]'
    scale statefulset/api 40
    await_size sum 20
    await_size max 40
}

@test "ratio, rounding, min and max" {
    local -a cases=(
        '{ratio: {memcached: 3}}' 15
        '{ratio: {per: 2}}' 3
        '{ratio: {per: 2, rounding: "Down"}}' 2
        '{ratio: {per: 3, rounding: "Nearest"}}' 2
        '{ratio: {memcached: 2, per: 3}}' 4
        '{min: 7}' 7
        '{max: 3}' 3
        '{min: 0, max: 0}' 0
        '{ratio: {memcached: 2147483647, per: 2147483647}}' 5
        '{ratio: {memcached: 2147483647}, max: 6}' 6
    )
    local -i n
    local wanted
    create_deployment five 5
    for ((n = 0; n < ${#cases[@]}; n += 2)); do
        create_follower "m-$n" 9 "{sources: [\"Deployment/five\"]} + ${cases[n]}"
        wanted+=" m-$n=${cases[n + 1]}"
    done
    start_operator
    await "all have their size" is "$(xargs -n 1 <<<"$wanted" | sort)" all_sizes
}

all_sizes() { api GET "$(path_of mc/)" | jq -r '.items[] | "\(.metadata.name)=\(.spec.size)"' | sort; }

@test "two Memcacheds follow one source, which is watched once, and no more once nobody names it" {
    create_deployment web 3
    create_follower a 1 '{sources: ["Deployment/web"]}'
    create_follower b 1 '{sources: ["Deployment/web"], ratio: {memcached: 2}}'
    start_operator
    await_size a 3
    await_size b 6
    delete mc/a
    scale deployment/web 4
    await_size b 8
    [ "$(asked_for_web list)/$(asked_for_web watch)" = 2/0 ] # from a cache, then from etcd
    patch mc/b '{"spec": {"sizeFrom": null}}'
    await "its one watch has ended" is 1 asked_for_web watch
    [ "$(asked_for_web list)" = 2 ]
}

# The operator's requests for the Deployment "web" alone that are done, and were taken. $1 verb
asked_for_web() {
    jq -r --arg verb "$1" --arg uri "/namespaces/$NS/deployments?fieldSelector=metadata.name%3Dweb" '
        select(.verb == $verb and (.requestURI | contains($uri)) and .responseStatus.code == 200 and .stage == "ResponseComplete")
        | select(.userAgent // "" | startswith("memcached-operator/")) | .requestURI' "$AUDIT_LOG" | wc -l
}

@test "16 sources, of which some have 0" {
    local n
    start_operator
    for n in {1..16}; do
        create_deployment "s-$n" $((n % 4))
    done
    create_follower web 1 '{sources: [range(1; 17) | "Deployment/s-\(.)"]}'
    await_size web 24
    delete deployment/s-16 # of 0
    await_condition web SizeSynced False SourceMissing
    await_size web 24
}
