#!/usr/bin/env bats
# Several Deployments claim one Memcached, or claim what they may not.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

# A Memcached "web" of size 2, claimed by "a", which decides, "b" and "c".
three_claimants() {
    create_memcached web 1
    create_deployment a 2 web
    create_deployment b 3 web
    create_deployment c 4 web
    await_size web 2
    await "b and c are named" conflict_says 'Deployment "a" is the oldest claimant and decides the size; ignored: "b", "c"'
}

conflict_says() { [[ $(condition web Conflict message) == "$1" ]]; }

@test "three claimants: the oldest decides, the others are told, and then not one write" {
    local name
    start_operator
    three_claimants
    await_condition web Conflict True SeveralClaimants
    [ "$(field mc/web .status.source)" = Deployment/a ]
    for name in b c; do
        await_event deployment/$name 'ClaimIgnored Warning 1 Memcached "web" follows the older Deployment "a"'
    done
    assert_quiet 3
    [ "$(sizes web)" = 2/2 ]
    [ "$(events_of deployment/a)" = "" ]
}

@test "of claimants of different seconds the older one decides, whatever their names" {
    start_operator
    create_memcached web 1
    create_deployment z 3 web
    await "the next second" is_later_than "$(field deployment/z .metadata.creationTimestamp)"
    create_deployment a 5 web
    await "a is named" conflict_says 'Deployment "z" is the oldest claimant and decides the size; ignored: "a"'
    await_size web 3
}

is_later_than() { [[ $(date -u +%FT%TZ) > $1 ]]; }

@test "the winner is scaled: followed; a loser is scaled: nothing" {
    start_operator
    three_claimants
    scale_deployment a 6
    await_size web 6
    scale_deployment c 9
    assert_quiet 1
    [ "$(sizes web)" = 6/6 ]
}

@test "the winner is deleted, and the next, and the last" {
    start_operator
    three_claimants
    delete deployment/a
    await_size web 3
    await "c is named" conflict_says 'Deployment "b" is the oldest claimant and decides the size; ignored: "c"'
    delete deployment/b
    await_size web 4
    await "nobody is named" is "" condition web Conflict status
    delete deployment/c
    await "no source is named" is "" field mc/web .status.source
    assert_quiet 1
    [ "$(sizes web)" = 4/4 ]
}

@test "the winner is deleted while the operator is down" {
    start_operator
    three_claimants
    stop_operator
    delete deployment/a
    start_operator
    await_size web 3
}

@test "the winner drops the label: the next one takes over; it comes back: it decides again" {
    start_operator
    three_claimants
    set_claim deployment/a
    await_size web 3
    set_claim deployment/a web
    await_size web 2
    await "b and c are named" conflict_says 'Deployment "a" is the oldest claimant and decides the size; ignored: "b", "c"'
}

@test "the winner claims another Memcached: both are right" {
    start_operator
    create_memcached other 1
    three_claimants
    set_claim deployment/a other
    await_size other 2
    await_size web 3
    await "the new winner is named" is Deployment/b field mc/web .status.source
    await "the other's is named" is Deployment/a field mc/other .status.source
}

@test "a loser claims another Memcached: no conflict is left" {
    start_operator
    create_memcached other 1
    create_memcached web 1
    create_deployment a 2 web
    create_deployment b 3 web
    await_condition web Conflict True SeveralClaimants
    set_claim deployment/b other
    await_size other 3
    await "nobody is named" is "" condition web Conflict status
    [ "$(sizes web)" = 2/2 ]
}

@test "the label on our own Deployment is ignored, with an event" {
    local claim
    start_operator
    create_memcached web 2
    create_memcached other 1
    await_size web 2
    await_size other 1
    for claim in web other; do
        set_claim deployment/web $claim
        await_event deployment/web 'ClaimInvalid Warning .* this Deployment belongs to Memcached "web" and would feed itself'
        assert_quiet 1
        [ "$(sizes web) $(sizes other)" = "2/2 1/1" ]
    done
    # It would not even decide were it the only one: a stranger's claim still does.
    create_deployment source 3 web
    await_size web 3
    [ "$(condition web Conflict status)" = "" ]
}

@test "a value that is no object name is ignored, with an event, and changes nothing for others" {
    start_operator
    create_memcached web 1
    create_deployment source 3 web
    await_size web 3
    await_condition web SizeSynced True InSync
    create_deployment a 2 Web_1
    await_event deployment/a 'ClaimInvalid Warning .* "Web_1" is no valid name of a Memcached'
    create_deployment b 2 ""
    await_event deployment/b 'ClaimInvalid Warning .* "" is no valid name of a Memcached'
    assert_quiet 1
    [ "$(sizes web)" = 3/3 ]
    set_claim deployment/b web
    await_condition web Conflict True SeveralClaimants
}
