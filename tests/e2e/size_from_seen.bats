#!/usr/bin/env bats
# What people see of spec.sizeFrom: events that are counted, metrics, and kubectl's columns.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh
load lib/size_from.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

@test "events: SizeChanged with the arithmetic; DriftCorrected and SourceMissing are counted" {
    start_operator
    create_deployment app 6
    create_follower web 1 '{sources: ["Deployment/app"], ratio: {per: 4, rounding: "Down"}, min: 2}'
    await_event mc/web 'SizeChanged Normal 1 size changed from 1 to 2: app 6 → ÷4 down = 1 → at least 2 = 2$'
    await_size web 2
    k scale mc/web --replicas=7
    await_event mc/web 'DriftCorrected Normal 1 size was changed from 2 to 7 beside the operator; put back, since Deployment/app decides it$'
    await_size web 2
    k scale mc/web --replicas=7
    await_event mc/web 'DriftCorrected Normal 2 '
    await_size web 2
    for n in 1 2; do
        delete deployment/app
        await_event mc/web "SourceMissing Warning $n Deployment/app is not there"
        create_deployment app 6
        await_condition web SizeSynced True InSync
    done
    [ "$(events_of mc/web | wc -l)" = 3 ]
    [ "$(events_of deployment/web)" = "" ]
}

# Samples of a metric about this namespace's Memcacheds.
series() { ask_operator /metrics | grep -F "namespace=\"$NS\"" | sed "s/namespace=\"$NS\",//" | sort; }

@test "metrics: sizes and wishes, changes by direction, drift, latency; a deleted Memcached's series go" {
    start_operator
    create_deployment app 3
    create_memcached plain 4
    create_follower web 1 '{sources: ["Deployment/app"]}'
    await_size web 3
    await_size plain 4
    scale deployment/app 2
    await_size web 2
    patch mc/web '{"spec": {"size": 5}}'
    await_event mc/web DriftCorrected
    await_size web 2
    [ "$(metric memcached_size_changes_total 'direction="up"')/$(metric memcached_size_changes_total 'direction="down"')" = 1/1 ]
    [ "$(metric memcached_drift_corrections_total)" = 1 ]
    # Of two changes of the source: what a hand has changed is none.
    [ "$(metric memcached_sync_latency_seconds_count)" = 2 ]
    awk -v sum="$(metric memcached_sync_latency_seconds_sum)" 'BEGIN {exit !(sum > 0 && sum < 10)}'
    set_rules web '{sources: ["Deployment/app"], mode: "Observe"}'
    scale deployment/app 9
    await "size and wish" is $'memcached_size_wish{name="web"} 9\nmemcached_size{name="plain"} 4\nmemcached_size{name="web"} 2' series
    ask_operator /metrics | "$E2E_LIB/check_metrics.py"
    delete mc/web
    await "its series are gone" is 'memcached_size{name="plain"} 4' series
    [ "$(metric memcached_size_changes_total)" = 2 ]
}

@test "kubectl get mc: Size, Ready, Source, Synced, Age; -o wide: the wish, and the hold" {
    start_operator
    create_deployment web 3
    create_follower a 5 '{sources: ["Deployment/web"], scaleDownAfterSeconds: 600}'
    await_condition a SizeSynced True Holding
    [ "$(k get mc a | awk 'NR == 1 {$1 = $1; print}')" = "NAME SIZE READY SOURCE SYNCED AGE" ]
    [ "$(column a SIZE)/$(column a SOURCE)/$(column a SYNCED)/$(column a WISH)" = 5/Deployment/web/True/3 ]
    [ "$(column a HOLD)" = "$(field mc/a .status.sizing.holdUntil)" ]
    [[ $(column a HOLD) =~ ^20..-..-..T..:..:..Z$ ]]
    carry_out a 2
    await "the ready ones are told" is 2 column a READY
    create_follower b 1 '{sources: ["Deployment/none"]}'
    await_condition b SizeSynced False SourceMissing
    [ "$(column b SYNCED)/$(column b WISH)/$(column b HOLD)" = False/1/ ]
}
