#!/usr/bin/env bats
# Started wrongly: one clear line, and the right exit code. No cluster is needed.
# level: own

bats_require_minimum_version 1.5.0
load lib/common.sh

setup() {
    begin_test_without_cluster
    cd "$BATS_TEST_TMPDIR" || return
    export HOME=$BATS_TEST_TMPDIR
    unset KUBECONFIG KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT MEMCACHED_IMAGE
}

# shellcheck disable=SC2154 # stderr and stderr_lines are bats'
# $1 exit code, then the operator's arguments; what it says is one line
assert_refused() {
    local code=$1
    shift
    run --separate-stderr timeout 10 "$OPERATOR" --metrics-bind-address=0 --health-probe-bind-address=0 "$@"
    echo "exit code $status: $stderr"
    [ "$status" -eq "$code" ]
    [ "$output" = "" ]
    [[ ${stderr_lines[0]} == "memcached-operator: "* ]]
    [ "${#stderr_lines[@]}" -eq "$code" ] # the second one is the usage line
}

write_config() { cat >config; }

good_config() {
    write_config <<-'END'
		apiVersion: v1
		kind: Config
		current-context: here
		clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
		contexts: [{name: here, context: {cluster: c, user: u}}]
		users: [{name: u, user: {token: secret-token}}]
	END
}

@test "--help and --version: standard output, exit code 0, no configuration needed" {
    run --separate-stderr "$OPERATOR" --help
    [ "$status" -eq 0 ]
    [ "$stderr" = "" ]
    [[ $output == usage:* ]]
    for flag in kubeconfig context watch-namespaces metrics-bind-address health-probe-bind-address leader-elect \
        leader-elect-namespace max-concurrent-reconciles sync-period kube-api-qps dry-run seccomp memcached-image zap-devel \
        zap-encoder zap-log-level zap-time-encoding version help; do
        [[ $output == *"  --$flag "* ]]
    done
    run --separate-stderr "$OPERATOR" --version
    [ "$status" -eq 0 ]
    [ "$stderr" = "" ]
    [[ $output =~ ^memcached-operator\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "unknown flag: exit code 2, the reason and a usage line" {
    assert_refused 2 --no-such-flag
    [[ ${stderr_lines[0]} == *"unknown flag --no-such-flag"* ]]
    [[ ${stderr_lines[1]} == "usage: "* ]]
}

@test "bad values: exit code 2, the flag, the value, and what is expected" {
    local bad
    for bad in max-concurrent-reconciles=0 max-concurrent-reconciles=x sync-period=5 sync-period=-1s kube-api-qps=many \
        kube-api-qps=-1 metrics-bind-address=x health-probe-bind-address=:99999 zap-encoder=xml zap-log-level=loud \
        zap-time-encoding=never seccomp=yes leader-elect=perhaps watch-namespaces=A,b leader-elect-namespace=A/b "memcached-image=a b"; do
        assert_refused 2 "--$bad"
        [[ ${stderr_lines[0]} == *"\"${bad#*=}\" for flag --${bad%%=*}: expected "* ]]
    done
    assert_refused 2 --sync-period
    [[ ${stderr_lines[0]} == *"flag --sync-period needs a value"* ]]
    assert_refused 2 stray
    [[ ${stderr_lines[0]} == *'unexpected argument "stray"'* ]]
    MEMCACHED_IMAGE='a b' assert_refused 2
    [[ ${stderr_lines[0]} == *MEMCACHED_IMAGE* ]]
}

@test "no kubeconfig anywhere: all places that were looked at" {
    assert_refused 1
    [[ $stderr == *"--kubeconfig (not given)"*"KUBECONFIG (not set)"*"$HOME/.kube/config (does not exist)"*"KUBERNETES_SERVICE_HOST"* ]]
}

@test "the file of --kubeconfig is missing, empty, a directory, not readable" {
    assert_refused 1 --kubeconfig=nowhere
    [[ $stderr == *"nowhere: No such file or directory"* ]]
    : >config
    assert_refused 1 --kubeconfig=config
    [[ $stderr == *"config: no current-context"* ]]
    mkdir directory
    assert_refused 1 --kubeconfig=directory
    [[ $stderr == *"directory: Is a directory"* ]]
}

@test "a kubeconfig that is no YAML: file and line" {
    printf 'apiVersion: v1\nclusters:\n- name: [a\nusers: x\n' | write_config
    assert_refused 1 --kubeconfig=config
    [[ $stderr =~ config:[34]: ]]
}

@test "a kubeconfig of wrong types: file, line, and what is expected" {
    good_config
    sed -i 's/^clusters: .*/clusters: 5/' config
    assert_refused 1 --kubeconfig=config
    [[ $stderr == *config:4:*clusters* ]]
}

@test "context, cluster or user that is not there" {
    good_config
    assert_refused 1 --kubeconfig=config --context=elsewhere
    [[ $stderr == *'no context "elsewhere"; known contexts: here'* ]]
    sed -i 's/cluster: c, /cluster: x, /' config
    assert_refused 1 --kubeconfig=config
    [[ $stderr == *config*'cluster "x"'* ]]
    good_config
    sed -i 's/user: u}/user: x}/' config
    assert_refused 1 --kubeconfig=config
    [[ $stderr == *config*'user "x"'* ]]
}

@test "two ways to log in, or a CA that is not to be checked: refused" {
    good_config
    sed -i 's/token: secret-token/token: secret-token, username: a, password: secret-password/' config
    assert_refused 1 --kubeconfig=config
    [[ $stderr == *config* ]]
    [[ $stderr != *secret-token* && $stderr != *secret-password* ]]
    good_config
    sed -i 's#127.0.0.1:1"#&, certificate-authority: ca.crt, insecure-skip-tls-verify: true#' config
    assert_refused 1 --kubeconfig=config
    [[ $stderr == *insecure-skip-tls-verify* ]]
}

@test "certificates that are missing or no certificates" {
    good_config
    sed -i 's#127.0.0.1:1"#&, certificate-authority: ca.crt#' config
    assert_refused 1 --kubeconfig=config
    [[ $stderr == *"ca.crt: No such file or directory"* ]]
    echo nonsense >ca.crt
    assert_refused 1 --kubeconfig=config
    [[ $stderr == *"no PEM certificate"* ]]
}

@test "the last one of a flag that is given twice counts; both spellings work" {
    assert_refused 1 --kubeconfig=first --kubeconfig second
    [[ $stderr == *second* ]]
    [[ $stderr != *first* ]]
}
