#!/usr/bin/env bats
# A connection on which nothing comes any more, and nobody says so, is noticed; one on which nothing happens
# is left alone. Each operator is in a network namespace of its own, whose packets are then dropped.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/chaos.sh

LIMIT_MS=45000
SLACK_MS=1000 # what a busy machine may add to timers and to the log's time
IDLE_SECONDS=180

setup_file() {
    prepare_cluster
    begin_idle
}

teardown_file() {
    kill "$IDLE_PID" "$IDLE_PROXY"
    remove_network idle
}

setup() { begin_test; }

teardown() {
    remove_network both
    remove_network in
    end_test
}

# ---- networks ----------------------------------------------------------------------------------------

# Names and addresses follow from the API server's port: other clusters have others.
port() { echo "${API_SERVER##*:}"; }
network_name() { echo "mcoc$(port)-$1"; }

# Run a command there. $1 name
inside() { nsenter --net="/run/netns/$(network_name "$1")" "${@:2}"; }

# A network, with a proxy to the API server at its outer end. $1 name, $2 number
add_network() {
    local name link subnet
    name=$(network_name "$1") link=mcoc$(port)$2 subnet=10.$((203 + $2)).$(($(port) / 20 % 256))
    remove_network "$1"
    ip netns add "$name"
    ip link add "$link" type veth peer name server netns "$name"
    ip address add "$subnet.1/30" dev "$link"
    ip link set "$link" up
    ip -n "$name" address add "$subnet.2/30" dev server
    ip -n "$name" link set server up
    ip -n "$name" link set lo up
    start_job "$E2E_LIB/proxy.py" "$subnet.1:$(port)" "127.0.0.1:$(port)" >"$BATS_TEST_TMPDIR/proxy-$1.out" 2>&1
    await "the proxy listens" grep -q listening "$BATS_TEST_TMPDIR/proxy-$1.out"
    sed "s#^\( *\)server:.*#\1server: https://$subnet.1:$(port)\n\1tls-server-name: kubernetes.default.svc#" \
        "$KUBECONFIG" >"$BATS_TEST_TMPDIR/kubeconfig-$1"
}

remove_network() { ip netns del "$(network_name "$1")" 2>/dev/null || true; }

# An operator in a new network, for a namespace of its own. $1 name, $2 number
start_inside() {
    local wrapper=$BATS_TEST_TMPDIR/operator-$1
    add_network "$@"
    create_namespace "$NS-$1"
    printf '#!/bin/sh\nexec nsenter --net=%q %q "$@"\n' "/run/netns/$(network_name "$1")" "$OPERATOR" >"$wrapper"
    chmod +x "$wrapper"
    OPERATOR=$wrapper launch "$1" --watch-namespaces="$NS-$1" --kubeconfig="$BATS_TEST_TMPDIR/kubeconfig-$1"
    await "the operator is ready" log_has 'All caches are in step'
}

# $1 name, $2 direction or directions: INPUT OUTPUT
drop_packets() {
    local chain
    for chain in "${@:2}"; do
        inside "$1" iptables -w -A "$chain" -p tcp -j DROP
    done
}

# The operator's end of its connection. $1 name
own_port() { inside "$1" ss -Htn "dport = :$(port)" | awk '{print $4}'; }

# When the last packet came over it, as of now_ms. $1 name
last_packet() {
    local -i now ago
    now=$(now_ms)
    ago=$(inside "$1" ss -Htni "dport = :$(port)" | grep -oE '\blast(rcv|ack):[0-9]+' | cut -d : -f 2 | sort -n | head -n 1)
    echo $((now - ago))
}

# It does what it is there for. $1 name
assert_works() {
    NS=$NS-$1
    create_memcached web 2
    await_size web 2
}

# ---- silence -----------------------------------------------------------------------------------------

# $1 name, $2 what broke, $3 when the last packet came
assert_noticed() {
    local -i took start
    await "it is noticed" grep -q 'Trying again' "$BATS_TEST_TMPDIR/$1.log"
    took=$(($(logged_at 'Trying again' "$BATS_TEST_TMPDIR/$1.log") - $3))
    echo "$1: noticed $took ms after the last packet"
    ((took >= 5000)) # it was silence, not a cut
    ((took <= LIMIT_MS + SLACK_MS))
    inside "$1" iptables -w -F
    start=$(now_ms)
    (assert_works "$1")
    figure "$2" "$(seconds "$took")" "$(seconds_since "$start")" "" "" 0 ""
}

@test "silence is noticed within 45 s of the last packet" {
    local both in
    start_inside both 1
    start_inside in 2
    drop_packets both INPUT OUTPUT
    drop_packets in INPUT
    both=$(last_packet both)
    in=$(last_packet in)
    assert_noticed both "half-open connection, packets lost both ways" "$both"
    assert_noticed in "half-open connection, the server's packets lost" "$in"
}

# ---- idleness ----------------------------------------------------------------------------------------

# Takes minutes: begins here and is looked at by the last test.
begin_idle() {
    local BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
    export IDLE_NS=idle-$RANDOM IDLE_PID IDLE_PROXY IDLE_PORT IDLE_START IDLE_WATCHES
    NS=$IDLE_NS start_inside idle 0
    IDLE_PID=$OPERATOR_PID IDLE_PROXY=$JOB IDLE_PORT=$(own_port idle)
    await "its watches have begun" watches_have_begun
    IDLE_WATCHES=$(idle_watches)
    IDLE_START=$(now_ms)
}

# What the API server wrote down of its watches: "STAGE COUNT".
idle_watches() {
    jq -r --arg namespace "$IDLE_NS-idle" 'select(.objectRef.namespace == $namespace and .verb == "watch") | .stage' "$AUDIT_LOG" |
        sort | uniq -c | awk '{print $2, $1}'
}

watches_have_begun() { idle_watches | grep -qx "ResponseStarted $WATCHES"; }

@test "an idle connection is left alone for 3 minutes: the same connection, the same watches" {
    local -i idle_ms
    idle_ms=$(($(now_ms) - IDLE_START))
    ((idle_ms > IDLE_SECONDS * 1000)) || sleep $((IDLE_SECONDS - idle_ms / 1000)) # is what is tested
    NS=$IDLE_NS OPERATOR_PID=$IDLE_PID
    cat "$BATS_FILE_TMPDIR/idle.log"
    [ "$(own_port idle)" = "$IDLE_PORT" ]
    [ "$(grep -c 'Trying again' "$BATS_FILE_TMPDIR/idle.log")" -eq 0 ]
    diff <(echo "$IDLE_WATCHES") <(idle_watches)
    (assert_works idle)
    [ "$(own_port idle)" = "$IDLE_PORT" ]
    figure "none: idle for $IDLE_SECONDS s" "not cut" "" "" "" 0 ""
}
