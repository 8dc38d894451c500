#!/usr/bin/env bats
# spec.sizeFrom and labels: how labelled Deployments count, and that sources take their place.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh
load lib/size_from.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

conflict_says() { [[ $(condition web Conflict message) == "$1" ]]; }

@test "claims: Oldest, Max, Sum and Ignore, one after the other; then by hand" {
    start_operator
    create_follower web 1 '{claims: "Oldest"}'
    create_deployment a 2 web
    create_deployment b 5 web
    create_deployment c 4 web
    await_size web 2
    await_condition web Conflict True SeveralClaimants
    set_rules web '{claims: "Max"}'
    await_size web 5
    await "nobody is told off" is "" condition web Conflict status
    await "all decide" is "Max of 3 Deployments" field mc/web .status.source
    set_rules web '{claims: "Sum"}'
    await_size web 11
    await "all decide" is "Sum of 3 Deployments" field mc/web .status.source
    await_event mc/web 'SizeChanged Normal 1 size changed from 5 to 11: a 2 \+ b 5 \+ c 4 = 11'
    scale deployment/c 0
    await_size web 7
    set_rules web '{claims: "Sum", ratio: {per: 2}, max: 3}'
    await_size web 3
    set_rules web '{claims: "Ignore"}'
    await_condition web Conflict True LabelIgnored
    await "all are named" conflict_says 'spec.sizeFrom.claims is Ignore; ignored: "a", "b", "c"'
    await_event deployment/a 'ClaimIgnored Warning 1 Memcached "web" does not follow it: spec.sizeFrom.claims is Ignore'
    await "nobody decides" is "" condition web SizeSynced status
    patch mc/web '{"spec": {"size": 9}}'
    await_size web 9
    assert_quiet 0.5
    [ "$(sizes web)" = 9/9 ]
    set_rules web '{claims: "Sum"}'
    await_size web 7
    await "nobody is told off" is "" condition web Conflict status
}

@test "claims: Sum, and the claimants come and go while the operator is down" {
    create_follower web 1 '{claims: "Sum"}'
    create_deployment a 2 web
    start_operator
    await_size web 2
    stop_operator
    create_deployment b 3 web
    start_operator
    await_size web 5
    stop_operator
    delete deployment/a
    start_operator
    await_size web 3
}

@test "a label beside sources is named in a condition, and ignored; on a source it does no harm" {
    start_operator
    create_deployment app 3 web
    create_deployment other 8 web
    create_follower web 1 '{sources: ["Deployment/app"]}'
    await_size web 3
    await_condition web Conflict True LabelIgnored
    await "the other is named" conflict_says 'spec.sizeFrom.sources decide the size; ignored: "other"'
    await_event deployment/other 'ClaimIgnored Warning 1 Memcached "web" does not follow it: spec.sizeFrom.sources decide'
    [ "$(events_of deployment/app)" = "" ]
    scale deployment/other 9
    assert_quiet 0.5
    [ "$(sizes web)" = 3/3 ]
    await "who decides comes first" is '[["Deployment/app",true],["Deployment/other",false]]' \
        field mc/web -c '[.status.sizing.claimants[] | [.name, .deciding]]'
    [ "$(metric memcached_claim_conflicts)" = 1 ]
    set_claim deployment/other
    await "nobody is named" is "" condition web Conflict status
    [ "$(metric memcached_claim_conflicts)" = 0 ]
    # Without sources the label decides again.
    patch mc/web '{"spec": {"sizeFrom": null}}'
    scale deployment/app 5
    await_size web 5
    [ "$(field mc/web .status.source)" = Deployment/app ]
}

@test "one Deployment: labelled for one Memcached, the source of another" {
    start_operator
    create_deployment app 3 a
    create_memcached a 1
    create_follower b 1 '{sources: ["Deployment/app"], ratio: {memcached: 2}}'
    await_size a 3
    await_size b 6
    delete deployment/app
    await_condition b SizeSynced False SourceMissing
    await "nobody decides on a" is "" condition a SizeSynced status
    [ "$(sizes a) $(sizes b)" = "3/3 6/6" ]
}

@test "ClaimIgnored is said once, however often the sources change" {
    local n
    start_operator
    create_deployment other 8 web
    create_deployment app 3
    create_follower web 1 '{sources: ["Deployment/app"]}'
    await_event deployment/other ClaimIgnored
    for n in 4 5 6; do
        scale deployment/app $n
        await_size web $n
    done
    [ "$(events_of deployment/other | wc -l)" = 1 ]
    has_event deployment/other 'ClaimIgnored Warning 1 '
}
