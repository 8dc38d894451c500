#!/usr/bin/env bats
# spec.sizeFrom when a source is missing or leads back, and when others write the size too.
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

@test "ifMissing: Keep, Min and Fallback; and the source comes back" {
    start_operator
    create_deployment web 4
    create_source statefulset/api 3
    create_follower keep 1 '{sources: ["Deployment/web", "StatefulSet/api"]}'
    create_follower min 1 '{sources: ["Deployment/web", "StatefulSet/api"], ifMissing: "Min", min: 2}'
    create_follower fallback 1 '{sources: ["StatefulSet/api"], ifMissing: "Fallback", fallback: 5}'
    await_size keep 7
    await_size min 7
    await_size fallback 3
    delete statefulset/api
    await_size min 4
    await_size fallback 5
    await_condition keep SizeSynced False SourceMissing
    await_message keep 'StatefulSet/api is not there; size does not go down (ifMissing: Keep)'
    await_message min 'StatefulSet/api is not there; size is at least 2 (ifMissing: Min)'
    await_message fallback 'StatefulSet/api is not there; size is at least 5 (ifMissing: Fallback)'
    await_event mc/keep 'SourceMissing Warning 1 StatefulSet/api is not there'
    scale deployment/web 9 # more than it has: those that are there are heard
    await_size keep 9
    [ "$(column keep SYNCED)" = False ]
    create_source statefulset/api 1
    await_size keep 10
    await_size fallback 1
    await_condition keep SizeSynced True InSync
}

@test "a source that is being deleted counts as missing" {
    create_deployment web 4
    patch deployment/web '{"metadata": {"finalizers": ["example.com/later"]}}'
    create_follower cache 1 '{sources: ["Deployment/web"]}'
    start_operator
    await_size cache 4
    delete deployment/web
    await_message cache 'Deployment/web is being deleted; size does not go down (ifMissing: Keep)'
    patch deployment/web '{"metadata": {"finalizers": null}}'
    await_message cache 'Deployment/web is not there; *'
    [ "$(sizes cache)" = 4/4 ]
}

@test "a kind that is not installed counts as missing; one without /scale is an invalid spec" {
    create_memcached web 3
    create_follower a 2 '{sources: [{apiVersion: "none.example.com/v1", kind: "Ghost", name: "x"}]}'
    create_follower b 2 '{sources: [{apiVersion: "teams.example.com/v1", kind: "Crowd", name: "x"}]}'
    create_follower c 2 '{sources: [{apiVersion: "v1", kind: "Namespace", name: "default"}]}'
    create_follower d 2 '{sources: [{apiVersion: "teams.example.com/v1", kind: "Squad", name: "x"}]}'
    start_operator
    await_condition a SizeSynced False SourceMissing
    await_message a 'Ghost/x is of a kind that the server does not know; *'
    await_condition b SizeSynced False InvalidSpec
    await_message b 'Crowd/x is of a kind that cannot be scaled: it has no scale subresource'
    await_event mc/b 'InvalidSpec Warning 1 Crowd/x'
    await_condition c SizeSynced False InvalidSpec
    await_condition d SizeSynced False SourceMissing
    await_message d 'Squad/x is not there; *'
    [ "$(sizes a) $(sizes b) $(sizes c) $(sizes d)" = "2/2 2/2 2/2 2/2" ]
}

@test "loops are refused, direct and over others; whoever only follows one of them is served" {
    create_follower self 2 '{sources: ["Deployment/self"]}'
    create_follower a 3 '{sources: ["Deployment/b"]}'
    create_follower b 4 '{sources: ["Deployment/c"], ratio: {memcached: 2}}'
    create_follower c 5 '{sources: [{apiVersion: "cache.example.com/v1alpha1", kind: "Memcached", name: "a"}]}'
    start_operator
    for name in self a b c; do
        await_condition $name SizeSynced False Loop
    done
    await_message self 'Deployment/self follows this Memcached itself: Deployment/self'
    await_event mc/a 'Loop Warning 1 Deployment/b follows this Memcached itself'
    [ "$(sizes self) $(sizes a) $(sizes b) $(sizes c)" = "2/2 3/3 4/4 5/5" ]
    set_rules c '{claims: "Ignore"}' # opened
    await_size b 10
    await_size a 10
    for name in a b; do
        await_condition $name SizeSynced True InSync
    done
}

# Write until a conflict is told. $1 field manager, $2 merge patch, $3 path
fight_as() {
    local -i n
    for n in {1..40}; do
        api PATCH "$3?fieldManager=$1" -H 'Content-Type: application/merge-patch+json' -d "$2" >/dev/null
        [[ $(condition web SizeSynced reason)$(condition web Reconciled reason) != *WriteConflict* ]] || return 0
    done
    echo "no conflict is told after $n writes" && return 1
}

@test "an autoscaler that writes spec.size beside us is named, and not fought for ever" {
    local -i before
    create_deployment app 3
    create_follower web 1 '{sources: ["Deployment/app"]}'
    start_operator
    await_size web 3
    fight_as kube-controller-manager '{"spec": {"size": 8}}' "$(path_of mc/web)"
    await_condition web SizeSynced False WriteConflict
    await_message web '"kube-controller-manager" (a HorizontalPodAutoscaler?) keeps changing size; it is put back ever more slowly'
    await_event mc/web 'WriteConflict Warning 1 "kube-controller-manager"'
    before=$(metric memcached_drift_corrections_total)
    ((before >= 4 && before < 20))
    # What the source asks for anew is written all the same.
    scale deployment/app 4
    await_size web 4
}

@test "what comes through /scale is noticed; 1.20 does not note whom it came from, so nobody is named" {
    create_deployment app 3
    create_follower web 1 '{sources: ["Deployment/app"]}'
    start_operator
    await_size web 3
    fight_as keda-operator '{"spec": {"replicas": 8}}' "$(path_of mc/web /scale)"
    await_message web 'somebody else keeps changing size; it is put back ever more slowly'
}

@test "another manager that writes the replicas of our Deployment is named" {
    create_deployment app 3
    create_follower web 1 '{sources: ["Deployment/app"]}'
    start_operator
    await_size web 3
    fight_as keda-operator '{"spec": {"replicas": 8}}' "$(path_of deployment/web)"
    await_condition web Reconciled False WriteConflict
    [ "$(condition web Reconciled message)" = '"keda-operator" keeps changing the Deployment; it is put back ever more slowly' ]
    [ "$(field mc/web .spec.size)" = 3 ]
}

@test "two Memcacheds of which one is named in vain: what happens to one does not touch the other" {
    start_operator
    create_deployment app 3
    create_follower good 1 '{sources: ["Deployment/app"]}'
    create_follower bad 1 '{sources: ["Deployment/none"]}'
    await_size good 3
    await_condition bad SizeSynced False SourceMissing
    scale deployment/app 5
    await_size good 5
    [ "$(sizes bad)" = 1/1 ]
}
