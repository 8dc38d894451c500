#!/usr/bin/env bats
# hack/cluster itself: what other tests take for granted. Under a minute once Kubernetes is built.

bats_require_minimum_version 1.5.0

setup_file() {
    export CLUSTER_NAME=bats-cluster
    cd "$BATS_TEST_DIRNAME/../.." || return
    "$PWD/hack/cluster" down
}

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
}

teardown_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    CLUSTER_NAME=bats-cluster hack/cluster down
    CLUSTER_NAME=bats-cluster-2 hack/cluster down
}

# Prints the API server's address as the kubeconfig has it.
server() {
    sed -n 's/^ *server: //p' "/var/lib/memcached-operator-cluster/$1/admin.kubeconfig"
}

kill_all() {
    local component
    for component in "$@"; do
        kill -KILL "$(hack/cluster pid "$component")"
    done
}

@test "down of nothing is fine" {
    run hack/cluster down
    [ "$status" -eq 0 ]
    [[ $output == *"nothing to do"* ]]
}

@test "verbs say what is missing when there is no cluster" {
    run hack/cluster env
    [ "$status" -eq 1 ]
    [[ $output == *"there is no cluster \"bats-cluster\""* ]]
    run hack/cluster up --no-such-flag
    [ "$status" -eq 2 ]
}

@test "a second up says that it is up; one with other options is refused" {
    hack/cluster up --api-only
    run hack/cluster up --api-only
    [ "$status" -eq 0 ]
    [[ $output == *"is up already"* ]]
    run hack/cluster up --control-plane
    [ "$status" -eq 1 ]
    [[ $output == *"other options"* ]]
}

@test "two clusters live side by side" {
    CLUSTER_NAME=bats-cluster-2 hack/cluster up --api-only --audit
    [ "$(server bats-cluster)" != "$(server bats-cluster-2)" ]
    hack/cluster kubectl create namespace only-in-the-first
    eval "$(CLUSTER_NAME=bats-cluster-2 hack/cluster env)"
    run ! hack/cluster kubectl get namespace only-in-the-first
    grep -q '"verb":"get".*"name":"only-in-the-first"' "$AUDIT_LOG"
    hack/cluster down
    CLUSTER_NAME=bats-cluster hack/cluster status
}

@test "the API server can be killed and started again, and keeps what it had" {
    hack/cluster kill apiserver
    run hack/cluster status
    [ "$status" -eq 1 ]
    hack/cluster start apiserver
    hack/cluster kubectl get namespace only-in-the-first
    hack/cluster compact
}

@test "up after an unclean stop starts afresh" {
    kill_all apiserver etcd
    run hack/cluster up --api-only
    [ "$status" -eq 0 ]
    [[ $output == *"not stopped cleanly"* ]]
    run ! hack/cluster kubectl get namespace only-in-the-first
    hack/cluster down
}

@test "a pod runs and answers; a node that is killed leaves nothing behind" {
    hack/cluster up
    hack/cluster kubectl run cache --image=memcached:1.6
    hack/cluster kubectl wait --for=condition=Ready pod/cache --timeout=30s
    ip=$(hack/cluster kubectl get pod cache -o 'jsonpath={.status.podIP}')
    run bash -c "exec 5<>/dev/tcp/$ip/11211 && printf 'version\r\nquit\r\n' >&5 && cat <&5"
    [[ $output == VERSION* ]]
    kill_all kubelet containerd node apiserver etcd kcm scheduler
    hack/cluster down
    run hack/cluster status --leftovers
    echo "$output"
    [ "$status" -eq 0 ]
}
