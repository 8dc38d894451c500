#!/usr/bin/env bats
# A labelled Deployment decides a Memcached's size, whatever came first.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

@test "Memcached, then Deployment: created, then synced, in the Go example's words" {
    local stamp='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}(Z|[+-][0-9]{4})'
    start_operator
    create_memcached web 1
    await_condition web Reconciled True AsDesired
    create_deployment source 4 web
    await_size web 4
    LC_ALL=C grep -qP "$stamp\tINFO\tcontrollers\.Memcached\tCreating a new Deployment\t\{\"memcached\": \"$NS/web\", \"Deployment\.Namespace\": \"$NS\", \"Deployment\.Name\": \"web\"\}$" "$LOG"
    LC_ALL=C grep -qP "$stamp\tINFO\tcontrollers\.DeploymentSync\tReplica count on deployment has changed\. Syncing memcached\t\{\"deploymentSync\": \"$NS/source\", \"memcached-identifier\": \"$NS/web\", \"from\": 1, \"to\": 4\}$" "$LOG"
    [ "$(log_count 'Creating a new Deployment')" -eq 1 ]
    [ "$(log_count 'Syncing memcached')" -eq 1 ]
    await_event mc/web 'SizeChanged Normal 1 size changed from 1 to 4'
}

@test "Deployment before Memcached" {
    start_operator
    create_deployment source 3 web
    assert_quiet 1
    create_memcached web 1
    await_size web 3
}

@test "the label is put on a Deployment that was there" {
    start_operator
    create_memcached web 1
    create_deployment source 3
    await_size web 1
    set_claim deployment/source web
    await_size web 3
}

@test "each scale is followed, down to 0 and up again" {
    local n
    start_operator
    create_memcached web 1
    create_deployment source 4 web
    for n in 4 2 0 7; do
        scale_deployment source $n
        await_size web $n
    done
    [ "$(condition web SizeSynced status)" = True ]
    [ "$(field mc/web .status.source)" = Deployment/source ]
}

@test "many quick scales end at the last" {
    local n
    start_operator
    create_memcached web 1
    create_deployment source 1 web
    for n in {2..20}; do
        scale_deployment source "$n"
    done
    await_size web 20
}

@test "a Memcached that nobody claims has the size that it says" {
    start_operator
    create_memcached web 0
    await_size web 0
    k scale memcached web --replicas=2
    await_size web 2
    patch mc/web '{"spec": {"size": 5}}'
    await_size web 5
    [ "$(field mc/web .status.source)" = "" ]
    [ "$(condition web SizeSynced status)" = "" ]
}

@test "Memcached, Deployment and both at once changed while the operator is down" {
    start_operator
    for n in a b c; do
        create_memcached $n 1
        create_deployment source-$n 2 $n
    done
    for n in a b c; do
        await_size $n 2
    done
    stop_operator
    patch mc/a '{"spec": {"size": 9}}'
    scale_deployment source-b 3
    patch mc/c '{"spec": {"size": 9}}'
    scale_deployment source-c 3
    patch deployment/c '{"spec": {"replicas": 8}}'
    start_operator
    await_size a 2
    await_size b 3
    await_size c 3
}

@test "created while the operator is down" {
    create_memcached web 1
    create_deployment source 3 web
    start_operator
    await_size web 3
}

@test "a size set by hand is put back at once, with an event" {
    start_operator
    create_memcached web 1
    create_deployment source 3 web
    await_size web 3
    await_condition web Reconciled True AsDesired
    k scale mc web --replicas=5
    await "kubectl scale is corrected" corrected web 3 2
    await_event mc/web 'DriftCorrected Normal [0-9]+ size was changed from 3 to 5 beside the operator; put back, since Deployment "source" decides it'
    patch mc/web '{"spec": {"size": 1}}'
    await "a patch is corrected" corrected web 3 4
    await_event mc/web 'DriftCorrected Normal [0-9]+ size was changed from 3 to 1 '
    await_size web 3
    assert_quiet 1
}

# $1 Memcached, $2 size, $3 how many changes its spec has seen beside the first two
corrected() {
    [[ $(field "mc/$1" .spec.size) == "$2" ]] && (($(field "mc/$1" .metadata.generation) >= 2 + $3))
}

@test "label removed: the size stays, and is anybody's" {
    start_operator
    create_memcached web 1
    create_deployment source 3 web
    await_size web 3
    set_claim deployment/source
    await "nobody is named as source" is "" field mc/web .status.source
    scale_deployment source 5
    assert_quiet 1
    [ "$(sizes web)" = 3/3 ]
    k scale mc web --replicas=4
    await_size web 4
    assert_quiet 1
}

@test "Deployment deleted: the size stays" {
    start_operator
    create_memcached web 1
    create_deployment source 3 web
    await_size web 3
    delete deployment/source
    await "nobody is named as source" is "" field mc/web .status.source
    assert_quiet 1
    [ "$(sizes web)" = 3/3 ]
}

@test "sizes equal: not one write to spec.size" {
    start_operator
    create_memcached web 3
    await_size web 3
    create_deployment source 3 web
    await "the source is named" is Deployment/source field mc/web .status.source
    [ "$(field mc/web .metadata.generation)" = 1 ]
    [ "$(log_count 'Syncing memcached')" -eq 0 ]
    assert_quiet 1
}

@test "no such Memcached: no write and no error" {
    start_operator
    create_deployment source 3 nobody
    scale_deployment source 4
    assert_quiet 1
    [ "$(writes)" -eq 0 ]
    [ "$(log_count 'ERROR|WARN')" -eq 0 ]
}

@test "a Deployment decides in its own namespace only" {
    local here=$NS there=$NS-2
    create_namespace "$there"
    start_operator --watch-namespaces="$here,$there"
    create_memcached web 1
    NS=$there create_memcached web 1
    await_size web 1
    NS=$there await_size web 1
    create_deployment source 3 web
    await_size web 3
    [ "$(NS=$there sizes web)" = 1/1 ]
    [ "$(NS=$there field mc/web .metadata.generation)" = 1 ]
}
