#!/usr/bin/env bats
# The reference session, word for word, with real pods.
# level: node

bats_require_minimum_version 1.5.0
load lib/common.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() {
    end_test
    kubectl delete --namespace=default --ignore-not-found -f config/samples >&2
}

# READY of a Deployment, as "kubectl get" shows it.
ready() { field "deployment/$1" '"\(.status.readyReplicas // 0)/\(.spec.replicas)"'; }
await_ready() { WAIT_SECONDS=60 await "$1 is $2" is "$2" ready "$1"; }

# What the pod with this name answers to "version".
version_of() {
    local ip line
    ip=$(field "pod/$1" .status.podIP)
    exec 5<>"/dev/tcp/$ip/11211"
    printf 'version\r\nquit\r\n' >&5
    read -r -t 5 line <&5
    exec 5<&-
    echo "$line"
}

# $1 kubectl
reference_session() {
    local kubectl=$1 run pod stamp='^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d{4})' watched=$BATS_TEST_TMPDIR/watch.log
    NS=default # nothing else is in it: the session has no namespace
    LOG=$BATS_TEST_TMPDIR/run.log
    make --no-print-directory install KUBECTL="$kubectl"
    start_job make --no-print-directory run \
        ARGS="--metrics-bind-address=127.0.0.1:0 --health-probe-bind-address=127.0.0.1:0" >"$LOG" 2>&1
    run=$JOB
    await "the operator has begun" log_has 'All caches are in step'
    OPERATOR_PID=$(pgrep -P "$run" -f memcached-operator)

    "$kubectl" apply -f config/samples/cache_v1alpha1_memcached.yaml
    await_ready memcached-sample 1/1
    start_job "$kubectl" get deployments -w >"$watched"
    await "the watch shows it" grep -qE '^memcached-sample +1/1 ' "$watched"
    "$kubectl" apply -f config/samples/deployment.yaml
    await_ready memcached-sample 4/4
    await_ready sync-target-deployment 4/4
    await "the watch shows 4/4" grep -qE '^memcached-sample +4/4 ' "$watched"
    [ "$(awk '/^memcached-sample/ {split($2, n, "/"); if (n[2] == 4) print n[1]}' "$watched" | sort -nc && echo sorted)" = sorted ]
    grep -qE '^memcached-sample +1/4 ' "$watched"

    grep -P "$stamp\tINFO\tcontrollers\.Memcached\tCreating a new Deployment\t\{\"memcached\": \"default/memcached-sample\", \"Deployment\.Namespace\": \"default\", \"Deployment\.Name\": \"memcached-sample\"\}$" "$LOG"
    grep -P "$stamp\tINFO\tcontrollers\.DeploymentSync\tReplica count on deployment has changed\. Syncing memcached\t\{\"deploymentSync\": \"default/sync-target-deployment\", \"memcached-identifier\": \"default/memcached-sample\", \"from\": 1, \"to\": 4\}$" "$LOG"

    "$kubectl" scale deployment sync-target-deployment --replicas=2
    await_ready sync-target-deployment 2/2
    await_ready memcached-sample 2/2
    await "2 nodes are in the status" is 2 field mc/memcached-sample '.status.nodes | length'
    for pod in $(field mc/memcached-sample '.status.nodes[]'); do
        [[ $(version_of "$pod") =~ ^VERSION\ 1\.6\. ]]
    done

    kill -INT "$OPERATOR_PID" # Ctrl-C
    await_end "$OPERATOR_PID" "$STOP_SECONDS"
    wait "$run"
    "$kubectl" delete -f config/samples
    WAIT_SECONDS=60 await_gone memcached-sample
}

await_gone() { OPERATOR_PID='' await "$1 is gone" is_gone "deployment/$1"; }

@test "the reference session, with kubectl 1.20" {
    reference_session "$(type -P kubectl)" # hack/cluster puts its own first
}

# One that is newer than that of hack/cluster.
other_kubectl() {
    local tool
    for tool in $(type -ap kubectl); do
        [[ $("$tool" version --client -o json 2>/dev/null | jq -r .clientVersion.gitVersion) == v1.20.* ]] || { echo "$tool" && return; }
    done
    return 1
}

@test "the reference session, with a newer kubectl" {
    other_kubectl || skip "there is only kubectl 1.20 here"
    reference_session "$(other_kubectl)"
}

status_of() { field "mc/$1" -c '.status | [.replicas, .readyReplicas, (.nodes | length)]'; }
nodes_of() { field "mc/$1" '.status.nodes | join(" ")'; }

@test "pods come, go and are replaced: the status follows" {
    local first
    start_operator
    create_memcached web 2
    WAIT_SECONDS=60 await "both are ready" is '[2,2,2]' status_of web
    await_condition web Available True AllReplicasReady
    first=$(nodes_of web | cut -d ' ' -f 1)
    delete "pod/$first"
    await "another is in its place" is_replaced "$first"
    WAIT_SECONDS=60 await "both are ready" is '[2,2,2]' status_of web
    patch mc/web '{"spec": {"size": 0}}'
    WAIT_SECONDS=60 await "none is left" is '[0,0,0]' status_of web
}

is_replaced() { [[ $(nodes_of web) != *"$1"* && $(nodes_of web | wc -w) -eq 2 ]]; }

@test "a Deployment of the Go operator, whose pods crash by its -m=64, works once it is adopted" {
    create_memcached web 1
    jq -nc --arg uid "$(field mc/web .metadata.uid)" '{
        metadata: {name: "web", ownerReferences: [{apiVersion: "cache.example.com/v1alpha1", kind: "Memcached", name: "web", $uid, controller: true, blockOwnerDeletion: true}]},
        spec: {replicas: 1, selector: {matchLabels: {app: "memcached", memcached_cr: "web"}},
            template: {metadata: {labels: {app: "memcached", memcached_cr: "web"}},
                spec: {containers: [{name: "memcached", image: "memcached:1.6", imagePullPolicy: "IfNotPresent",
                    command: ["memcached", "-m=64", "-o", "modern", "-v"],
                    securityContext: {runAsUser: 11211},
                    ports: [{containerPort: 11211, name: "memcached"}]}]}}}}' |
        api POST "$(path_of deployment/)" -H 'Content-Type: application/json' -d @- >/dev/null
    WAIT_SECONDS=60 await "its pod crashes" crashes
    start_operator
    WAIT_SECONDS=60 await "its pod is ready" is '[1,1,1]' status_of web
    [[ $(version_of "$(nodes_of web)") =~ ^VERSION ]]
}

crashes() { api GET "/api/v1/namespaces/$NS/pods" | jq -e 'any(.items[].status.containerStatuses[]?; .restartCount > 0 or .state.terminated != null)'; }
