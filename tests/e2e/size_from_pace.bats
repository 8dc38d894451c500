#!/usr/bin/env bats
# spec.sizeFrom: not at once, not all at once, only up, or not at all; and across restarts.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh
load lib/faults.sh
load lib/size_from.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

# When the size shall go down, in ms. $1 Memcached, $2 which of its steps, from 0 on
hold_ms() { field "mc/$1" ".status.sizing.holds[$2].until | fromdate * 1000"; }

clock_is() { (($(now_ms) >= $1)); }

# When a line was logged last, in ms.
logged_ms() { date -d "$(grep -E -- "$1" "$LOG" | tail -n 1 | cut -f 1)" +%s%3N; }

# The size went from $1 to $2 at $3 ms since the epoch, or as soon as an operator was up after that.
assert_written_at() {
    local -i written up
    written=$(logged_ms "Syncing memcached.*\"from\": $1, \"to\": $2,") up=$(logged_ms 'Starting the controllers')
    echo "from $1 to $2: $((written - $3)) ms after the hold, $((written - up)) ms after the start"
    ((written > $3 - 100 && written < (up > $3 ? up : $3) + 1000))
}

@test "scaleDownAfterSeconds: up at once, down by the staircase of what was wished" {
    start_operator
    create_deployment app 2
    create_follower web 1 '{sources: ["Deployment/app"], scaleDownAfterSeconds: 3}'
    await_size web 2
    record_history
    scale deployment/app 9
    await_size web 9
    scale deployment/app 5
    await_condition web SizeSynced True Holding
    await_message web 'wish is 5; size stays 9, the highest wish of 3 seconds, until 20*Z'
    await "the next second" clock_is $(($(now_ms) / 1000 * 1000 + 1000))
    scale deployment/app 4
    await_event mc/web 'Holding Normal 1 wish is 5; size stays 9'
    await_size web 4
    await_condition web SizeSynced True InSync
    [ "$(field mc/web .status.sizing.holdUntil)" = null ]
    await "the last size is on etcd's record" is "web 9 5 4" size_history
    # Higher meanwhile: the hold is forgotten.
    scale deployment/app 1
    await_condition web SizeSynced True Holding
    scale deployment/app 4
    await_condition web SizeSynced True InSync
    [ "$(sizes web)" = 4/4 ]
}

@test "a restart within a hold neither shortens nor prolongs it; one that ends while the operator is down is over" {
    local -i first second
    create_deployment app 9
    create_follower web 1 '{sources: ["Deployment/app"], scaleDownAfterSeconds: 5}'
    start_operator
    await_size web 9
    scale deployment/app 5
    await_condition web SizeSynced True Holding
    await "the next second" clock_is $(($(now_ms) / 1000 * 1000 + 1000))
    scale deployment/app 2
    await "both steps are told" is '[9,5]' field mc/web -c '[.status.sizing.holds[].size]'
    first=$(hold_ms web 0) second=$(hold_ms web 1)
    await "half of the first hold is over" clock_is $((first - 2000))
    kill_operator
    start_operator
    await "the first hold is over" log_has 'Syncing memcached.*"from": 9,'
    assert_written_at 9 5 "$first"
    kill_operator
    await "the second hold is over" clock_is "$second"
    start_operator
    await_size web 2
    assert_written_at 5 2 "$second"
}

@test "step: so many at a time, the next when the last is carried out" {
    create_deployment app 6
    create_follower web 1 '{sources: ["Deployment/app"], step: {up: 2, down: 3}}'
    start_operator
    await_condition web SizeSynced True Holding
    await_message web 'size goes to 6 by steps, and is 1 now'
    await_size web 1
    carry_out web
    await_size web 3
    carry_out web 2 # of 3 are ready
    assert_quiet 0.5
    [ "$(sizes web)" = 3/3 ]
    carry_out web
    await_size web 5
    carry_out web
    await_size web 6
    await_condition web SizeSynced True InSync
    scale deployment/app 0
    await_message web 'size goes to 0 by steps, and is 6 now'
    carry_out web 0 # down it goes whether they are ready or not
    await_size web 3
    carry_out web 0
    await_size web 0
    await_condition web SizeSynced True InSync
}

@test "mode ScaleUpOnly: never down; then Observe: nothing is written, and the wish is told" {
    create_deployment app 3
    create_follower web 1 '{sources: ["Deployment/app"], mode: "ScaleUpOnly"}'
    start_operator
    await_size web 3
    scale deployment/app 1
    await_condition web SizeSynced True Holding
    await_message web 'wish is 1; mode ScaleUpOnly keeps size 3'
    scale deployment/app 5
    await_size web 5
    set_rules web '{sources: ["Deployment/app"], mode: "Observe"}'
    await_condition web SizeSynced True Observing
    scale deployment/app 8
    await_message web 'mode Observe: size is left alone; it would be 8'
    await "the wish is told" is 8 field mc/web .status.sizing.wish
    [ "$(metric memcached_size "name=\"web\"")/$(metric memcached_size_wish "name=\"web\"")" = 5/8 ]
    patch mc/web '{"spec": {"size": 2}}' # it is the user's
    await_size web 2
    assert_quiet 0.5
    [ "$(sizes web)" = 2/2 ]
    set_rules web '{sources: ["Deployment/app"]}'
    await_size web 8
    await_condition web SizeSynced True InSync
}

@test "paused: true, and false again" {
    create_deployment app 3
    create_follower web 1 '{sources: ["Deployment/app"]}'
    start_operator
    await_size web 3
    patch mc/web '{"spec": {"sizeFrom": {"paused": true}}}'
    await_condition web SizeSynced True Paused
    scale deployment/app 5
    await_message web 'spec.sizeFrom.paused is true: size is left alone; it would be 5'
    patch mc/web '{"spec": {"size": 1}}'
    await_size web 1
    patch mc/web '{"spec": {"sizeFrom": {"paused": false}}}'
    await_size web 5
}

annotate() { patch mc/web "{\"metadata\": {\"annotations\": {\"memcached-operator/paused\": $1}}}"; }

@test "the annotation pauses what a label sizes; what is neither true nor false is said, and nothing is done" {
    create_deployment app 3 web
    create_memcached web 1
    start_operator
    await_size web 3
    annotate '"true"'
    await_condition web SizeSynced True Paused
    scale deployment/app 5
    await_message web 'the annotation memcached-operator/paused is true: size is left alone; it would be 5'
    annotate '"yes"'
    await_condition web SizeSynced False InvalidSpec
    await_message web 'the annotation memcached-operator/paused is neither "true" nor "false"'
    [ "$(sizes web)" = 3/3 ]
    annotate '"false"'
    await_size web 5
    annotate '"true"'
    await_condition web SizeSynced True Paused
    scale deployment/app 2
    await_message web '*it would be 2'
    annotate null
    await_size web 2
}
