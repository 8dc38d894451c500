#!/usr/bin/env bats
# What the process is denied, and that it works nevertheless. All other end-to-end tests run inside the
# sandbox, too: it is on by default.
# level: api-only

# shellcheck disable=SC2016 # dollar signs are jq's
bats_require_minimum_version 1.5.0
load lib/common.sh
load lib/faults.sh

setup_file() { prepare_cluster; }

setup() {
    ! grep -qa __asan_init "$OPERATOR" || skip "built with AddressSanitizer, which the sandbox does not suit"
    begin_test
}

teardown() {
    end_test
    [[ -z ${PUBLIC:-} ]] || rm -rf "$PUBLIC"
}

# ---- the process -------------------------------------------------------------------------------------

# $1 what /proc/PID/status says, $2 pid
status_of() { awk -v name="$1:" '$1 == name {print $2}' "/proc/${2:-$OPERATOR_PID}/status"; }

@test "by default: no core dump, no new privileges, and the filter is there" {
    start_operator
    [ "$(status_of NoNewPrivs)" = 1 ]
    [ "$(status_of Seccomp)" = 2 ]
    [ "$(awk '/^Max core file size/ {print $5, $6}' "/proc/$OPERATOR_PID/limits")" = "0 0" ]
    log_has 'Starting memcached-operator'
    [ "$(log_count 'seccomp')" -eq 0 ]
}

@test "--seccomp=off: no filter, and still no new privileges; --seccomp=log: a filter" {
    start_operator --seccomp=off
    [ "$(status_of NoNewPrivs)" = 1 ]
    [ "$(status_of Seccomp)" = 0 ]
    stop_operator
    start_operator --seccomp=log
    [ "$(status_of Seccomp)" = 2 ]
}

# As a user without rights, which is also that of the operator in its container.
as_nobody() { setpriv --reuid=65532 --regid=65532 --clear-groups "$@"; }

# A directory that everybody can enter has the operator and its kubeconfig.
start_operator_as_nobody() {
    PUBLIC=$(mktemp -d /tmp/security-bats-XXXXXX)
    install -m 755 "$OPERATOR" "$PUBLIC/operator"
    kubectl config view --raw --flatten >"$PUBLIC/kubeconfig"
    chmod 755 "$PUBLIC"
    chmod 644 "$PUBLIC/kubeconfig"
    printf '#!/bin/sh\nexec setpriv --reuid=65532 --regid=65532 --clear-groups %s/operator "$@"\n' "$PUBLIC" >"$PUBLIC/start"
    chmod 755 "$PUBLIC/start"
    OPERATOR=$PUBLIC/start start_operator --kubeconfig="$PUBLIC/kubeconfig"
}

@test "another process of the same user reads neither its memory nor its environment nor its descriptors" {
    local what
    start_operator_as_nobody
    [ "$(status_of Uid)" = 65532 ]
    [ "$(as_nobody cat "/proc/$OPERATOR_PID/cmdline" | wc -c)" -gt 0 ]
    for what in mem environ maps auxv stack; do
        run ! as_nobody head -c 1 "/proc/$OPERATOR_PID/$what"
    done
    for what in fd/2 exe cwd root; do
        run ! as_nobody readlink "/proc/$OPERATOR_PID/$what"
    done
    create_memcached web 1
    await_size web 1
}

# Descriptors that would outlive an exec, the standard ones aside: "NUMBER WHAT".
inheritable() {
    local info fd
    for info in "/proc/$OPERATOR_PID/fdinfo"/*; do
        fd=${info##*/}
        ((fd > 2)) || continue
        (($(awk '/^flags:/ {print $2}' "$info") & 02000000)) || echo "$fd $(readlink "/proc/$OPERATOR_PID/fd/$fd")"
    done
}

descriptors() { find "/proc/$OPERATOR_PID/fd" -type l | wc -l; }

@test "every descriptor ends at an exec: its own, those of its libraries, and those that it was given" {
    exec 7</dev/null
    start_operator --leader-elect --leader-elect-namespace="$NS"
    exec 7<&-
    (($(descriptors) > 8))
    [ "$(inheritable)" = "" ]
    exec 8<>"/dev/tcp/127.0.0.1/$(operator_url | cut -d : -f 3)"
    await "the connection is accepted" has_connection
    [ "$(inheritable)" = "" ]
    exec 8<&-
}

has_connection() { ss -Htnp state established | grep -F "pid=$OPERATOR_PID," | grep -q "127.0.0.1:$(operator_url | cut -d : -f 3) "; }

# ---- credentials that change -------------------------------------------------------------------------

# A service account that may do all in this namespace; its token is in TOKEN.
create_token() {
    k create serviceaccount "$1" >&2
    k create rolebinding "$1" --clusterrole=cluster-admin --serviceaccount="$NS:$1" >&2
    TOKEN=$(api POST "/api/v1/namespaces/$NS/serviceaccounts/$1/token" -H 'Content-Type: application/json' \
        -d '{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}' | jq -r .status.token)
    SECRETS+=("$TOKEN")
}

# A kubeconfig, as jq makes it out of the cluster's own. $1 jq, $2 file
change_kubeconfig() {
    kubectl config view --raw --flatten -o json | jq --arg dir "$BATS_TEST_TMPDIR" "$1" >"$2"
}

replace() { cat >"$1.new" && mv "$1.new" "$1"; }

@test "token and CA are replaced in their files" {
    local config=$BATS_TEST_TMPDIR/kubeconfig ca=$BATS_TEST_TMPDIR/ca.crt
    cp "$BATS_FILE_TMPDIR/certificate-authority-data" "$ca"
    change_kubeconfig '.users[0].user = {tokenFile: "\($dir)/token"}
        | .clusters[0].cluster |= (del(."certificate-authority-data") + {"certificate-authority": "\($dir)/ca.crt"})' "$config"
    echo no-token-at-all | replace "$BATS_TEST_TMPDIR/token"
    launch operator --watch-namespaces="$NS" --kubeconfig="$config"
    await "401 is said" log_has '401 Unauthorized'
    create_token first
    cat "$ca" "$ca" | replace "$ca"
    echo "$TOKEN" | replace "$BATS_TEST_TMPDIR/token"
    await "the operator is ready" is_ready
    log_has 'Certificates have changed'
    create_memcached web 1
    await_size web 1
    [ "$(status_of Seccomp)" = 2 ]
}

@test "a credential plugin starts with three descriptors, without a filter, and what it says stays secret" {
    create_token manager
    cat >"$BATS_TEST_TMPDIR/plugin" <<-END
		#!/bin/sh
		ls -l /proc/self/fd >$BATS_TEST_TMPDIR/plugin.fds
		grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status >$BATS_TEST_TMPDIR/plugin.status
		env >$BATS_TEST_TMPDIR/plugin.env
		echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "$TOKEN"}}'
	END
    chmod +x "$BATS_TEST_TMPDIR/plugin"
    change_kubeconfig '.users[0].user = {exec: {apiVersion: "client.authentication.k8s.io/v1", command: "\($dir)/plugin", interactiveMode: "Never"}}' \
        "$BATS_TEST_TMPDIR/kubeconfig"
    start_operator --kubeconfig="$BATS_TEST_TMPDIR/kubeconfig"
    create_memcached web 1
    await_size web 1
    cat "$BATS_TEST_TMPDIR/plugin.fds"
    # 3 is what ls itself opened
    [ "$(awk '$NF != 0 && / -> / {print $(NF - 2)}' "$BATS_TEST_TMPDIR/plugin.fds" | sort -n | tr '\n' ' ')" = "0 1 2 3 " ]
    grep -q '3 -> /proc/[0-9]*/fd$' "$BATS_TEST_TMPDIR/plugin.fds"
    [ "$(awk '{print $2}' "$BATS_TEST_TMPDIR/plugin.status" | tr '\n' ' ')" = "0 0 " ]
    run ! grep -F "$TOKEN" "$BATS_TEST_TMPDIR/plugin.env"
    [ "$(status_of Seccomp)" = 0 ]
    log_has 'No seccomp filter: the credential plugin would inherit it'
}

# ---- names and addresses -----------------------------------------------------------------------------

# An operator whose name service is ours alone, with a module that has to be loaded. $1 name, $2 server
launch_with_names() {
    local config=$BATS_TEST_TMPDIR/$1.kubeconfig dir=$BATS_TEST_TMPDIR
    change_kubeconfig ".clusters[0].cluster += {server: \"https://$2\", \"tls-server-name\": \"127.0.0.1\"}" "$config"
    echo "nameserver $DNS" >"$dir/resolv.conf"
    echo "hosts: hesiod files dns" >"$dir/nsswitch.conf"
    cat >"$dir/start" <<-END
		#!/bin/sh
		mount --bind $dir/resolv.conf /etc/resolv.conf
		mount --bind $dir/nsswitch.conf /etc/nsswitch.conf
		exec $OPERATOR "\$@"
	END
    chmod +x "$dir/start"
    cat >"$dir/unshared" <<-END
		#!/bin/sh
		exec unshare --mount $dir/start "\$@"
	END
    chmod +x "$dir/unshared"
    OPERATOR=$dir/unshared launch "$1" --watch-namespaces="$NS" --kubeconfig="$config"
}

# Options for dns.py
start_name_server() {
    DNS=127.$((RANDOM % 100 + 100)).$((RANDOM % 250)).$((RANDOM % 250 + 1))
    start_job "$E2E_LIB/dns.py" "$@" "$DNS" >"$BATS_TEST_TMPDIR/dns.out" 2>&1
    await "the name server listens" grep -q listening "$BATS_TEST_TMPDIR/dns.out"
}

@test "names by DNS, UDP and TCP, with a name service module that is loaded then; IPv4 and IPv6" {
    start_name_server
    start_proxy ::1:0
    launch_with_names v4 "v4.test:${API_SERVER##*:}"
    await "the operator is ready" is_ready
    grep -q hesiod "/proc/$OPERATOR_PID/maps"
    [ "$(status_of Seccomp)" = 2 ]
    stop_operator
    launch_with_names v6 "v6.test:$PROXY_PORT"
    await "the operator is ready" is_ready
    create_memcached web 1
    await_size web 1
    stop_operator
    launch_with_names numbers "[::1]:$PROXY_PORT"
    await "the operator is ready" is_ready
    cat "$BATS_TEST_TMPDIR/dns.out"
    grep -q 'UDP v4.test 1' "$BATS_TEST_TMPDIR/dns.out"
    grep -q 'TCP v6.test 28' "$BATS_TEST_TMPDIR/dns.out"
}

@test "a name that nobody knows: the log says so, and SIGTERM ends it while it looks" {
    start_name_server
    launch_with_names nobody "nobody.test:1"
    await "the reason is in the log" log_has 'nobody.test:1: Could not resolve host'
    stop_operator
}

@test "a name server that never answers: SIGTERM ends the operator in time all the same" {
    local -i start
    start_name_server --silent
    launch_with_names silent "silent.test:1"
    await "the name is asked for" grep -q 'silent.test.* unanswered' "$BATS_TEST_TMPDIR/dns.out"
    start=$(now_ms)
    stop_operator
    (($(now_ms) - start < 5000))
}

# ---- what is said ------------------------------------------------------------------------------------

@test "the search for secrets finds one" {
    create_token manager
    echo "a line that has $TOKEN in it" >"$BATS_TEST_TMPDIR/leak.log"
    run ! no_secret_was_said
    grep -v -e BEGIN -e END "$BATS_FILE_TMPDIR/client-key-data" | head -n 3 | tail -n 1 >"$BATS_TEST_TMPDIR/leak.log"
    run ! no_secret_was_said
    rm "$BATS_TEST_TMPDIR/leak.log"
    no_secret_was_said
}
