#!/usr/bin/env bats
# With controllers of Kubernetes beside ours: deletion by the garbage collector, and the status.
# level: control-plane

bats_require_minimum_version 1.5.0
load lib/common.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

status_of() { field "mc/$1" -c '.status | [.replicas, .readyReplicas, .selector, .observedGeneration, (.nodes | length)]'; }

# Say of a pod what a kubelet would. $1 name, $2 True or False
set_pod_ready() {
    api PATCH "$(path_of "pod/$1" /status)" -H 'Content-Type: application/strategic-merge-patch+json' -d '{"status": {
        "phase": "Running", "conditions": [{"type": "Ready", "status": "'"$2"'"}, {"type": "ContainersReady", "status": "'"$2"'"}]}}' >/dev/null
}

pods() { api GET "/api/v1/namespaces/$NS/pods" | jq -r '[.items[].metadata.name] | sort | join(" ")'; }

@test "status: replicas, readyReplicas, nodes, selector, observedGeneration, conditions" {
    local pod
    start_operator
    create_memcached web 3
    await "3 pods, none ready" is '[3,0,"app=memcached,memcached_cr=web",1,3]' status_of web
    [ "$(field mc/web '.status.nodes | join(" ")')" = "$(pods)" ]
    await_condition web Available False ReplicasNotReady
    await_condition web Reconciled True AsDesired
    for pod in $(pods); do
        set_pod_ready "$pod" True
    done
    await "all ready" is '[3,3,"app=memcached,memcached_cr=web",1,3]' status_of web
    await_condition web Available True AllReplicasReady
    field mc/web '.status.conditions[] | .lastTransitionTime' | grep -qE '^20[0-9-]+T[0-9:]+Z$'
    set_pod_ready "$pod" False
    await "one is not ready" is '[3,2,"app=memcached,memcached_cr=web",1,3]' status_of web
    await_condition web Available False ReplicasNotReady
    patch mc/web '{"spec": {"size": 1}}'
    await "one pod is left" is '["app=memcached,memcached_cr=web",2,1]' field mc/web -c '.status | [.selector, .observedGeneration, (.nodes | length)]'
    [ "$(field mc/web '.status.nodes | join(" ")')" = "$(pods)" ]
    patch mc/web '{"spec": {"size": 0}}'
    await "none is left" is '[0,0,"app=memcached,memcached_cr=web",3,0]' status_of web
    await_condition web Available True AllReplicasReady
    assert_quiet 1
}

@test "status.nodes follows the pods, whatever the Deployment says of them" {
    local pods
    start_operator
    create_memcached web 2
    await "2 pods" is '[2,0,"app=memcached,memcached_cr=web",1,2]' status_of web
    pods=$(pods)
    k run a-first --image=memcached:1.6 --labels=app=memcached,memcached_cr=web
    await "3 pods are named" is "a-first $pods" field mc/web '.status.nodes | join(" ")'
    delete pod/a-first
    await "2 pods are named" is "$pods" field mc/web '.status.nodes | join(" ")'
}

@test "a condition's time is that of its last change of status, not of its last write" {
    local since
    start_operator
    create_memcached web 1
    await_condition web Available False ReplicasNotReady
    since=$(condition web Available lastTransitionTime)
    await "the next second" is_later_than "$since"
    patch mc/web '{"spec": {"size": 2}}'
    await "2 pods" is '[2,0,"app=memcached,memcached_cr=web",2,2]' status_of web
    [ "$(condition web Available lastTransitionTime)" = "$since" ]
    [ "$(condition web Available message)" = "0 of 2 replicas are ready" ]
}

is_later_than() { [[ $(date -u +%FT%TZ) > $1 ]]; }

@test "/scale is read and written, and kubectl shows Size, Ready, Source and Age by the short name" {
    start_operator
    create_memcached web 2
    create_deployment source 3 web
    await_size web 3
    await "3 pods" is '[3,0,"app=memcached,memcached_cr=web",2,3]' status_of web
    [ "$(api GET "$(path_of mc/web /scale)" | jq -c '[.spec.replicas, .status.replicas, .status.selector]')" = '[3,3,"app=memcached,memcached_cr=web"]' ]
    run k get mc
    echo "$output"
    [[ ${lines[0]} =~ ^NAME\ +SIZE\ +READY\ +SOURCE\ +AGE$ ]]
    [[ ${lines[1]} =~ ^web\ +3\ +0\ +Deployment/source\ +[0-9]+s ]]
    delete deployment/source
    await "nobody decides" is "" field mc/web .status.source
    k scale mc/web --replicas=4
    await_size web 4
}

@test "a quota refuses the Deployment: the reason is told; it goes on by itself when the quota is lifted" {
    api POST "/api/v1/namespaces/$NS/resourcequotas" -H 'Content-Type: application/json' \
        -d '{"metadata": {"name": "none"}, "spec": {"hard": {"count/deployments.apps": "0"}}}' >/dev/null
    await "the quota is in force" is 0 quota_hard
    start_operator
    create_memcached web 2
    await_condition web Reconciled False WriteRefused
    [[ $(condition web Reconciled message) == *"exceeded quota: none"* ]]
    await_event mc/web 'WriteRefused Warning'
    api DELETE "/api/v1/namespaces/$NS/resourcequotas/none" >/dev/null
    await_size web 2
    await_condition web Reconciled True AsDesired
}

quota_hard() { api GET "/api/v1/namespaces/$NS/resourcequotas/none" | jq -r '.status.hard["count/deployments.apps"]'; }

@test "its namespace is deleted: the operator does not hold it up, nor make a fuss" {
    start_operator
    create_memcached web 2
    create_deployment source 3 web
    await_size web 3
    api DELETE "/api/v1/namespaces/$NS" >/dev/null
    WAIT_SECONDS=40 await "the namespace is gone" namespace_is_gone
    [ "$(log_count ERROR)" -le 10 ]
    is_ready
}

namespace_is_gone() { ! api GET "/api/v1/namespaces/$NS" >/dev/null 2>&1; }

propagation() { printf '{"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "%s"}' "$1"; }

# The garbage collector looks every 30 s for kinds that are new to it: wait until it has seen ours.
await_collector() {
    [[ ! -e $BATS_FILE_TMPDIR/collector ]] || return 0
    create_memcached probe 0
    jq -nc --arg uid "$(field mc/probe .metadata.uid)" '{metadata: {name: "probe", ownerReferences: [
        {apiVersion: "cache.example.com/v1alpha1", kind: "Memcached", name: "probe", $uid}]}}' |
        api POST "/api/v1/namespaces/$NS/configmaps" -H 'Content-Type: application/json' -d @- >/dev/null
    delete mc/probe
    WAIT_SECONDS=60 await "the garbage collector knows Memcacheds" probe_is_gone
    touch "$BATS_FILE_TMPDIR/collector"
}

probe_is_gone() { ! api GET "/api/v1/namespaces/$NS/configmaps/probe" >/dev/null; }

# $1 Memcached: its Deployment belongs to the one that is there now
is_owned() {
    [[ $(field "deployment/$1" '.metadata.ownerReferences[0].uid') == "$(field "mc/$1" .metadata.uid)" ]]
}

@test "a Memcached is deleted: so is its Deployment, and nothing comes back" {
    await_collector
    start_operator
    create_memcached web 2
    create_deployment source 3 web
    await_size web 3
    delete mc/web
    await "the Deployment is gone" is_gone deployment/web
    exists deployment/source
    assert_quiet 1
    is_gone deployment/web
    [ "$(log_count 'Creating a new Deployment')" -eq 1 ]
}

@test "foreground deletion: the Deployment goes first, and the operator lets it" {
    await_collector
    start_operator
    create_memcached web 2
    await_size web 2
    delete mc/web -H 'Content-Type: application/json' -d "$(propagation Foreground)"
    await "the Memcached is gone" is_gone mc/web
    is_gone deployment/web
    [ "$(log_count 'Creating a new Deployment')" -eq 1 ]
    [ "$(log_count ERROR)" -eq 0 ]
}

@test "deleted and made anew under the same name at once" {
    await_collector
    start_operator
    create_memcached web 2
    await_condition web Reconciled True AsDesired
    delete mc/web
    create_memcached web 3
    await "the Deployment belongs to the new one" is_owned web
    await_size web 3
    await_condition web Reconciled True AsDesired
    assert_quiet 1
}

@test "deleted and made anew while the operator is down" {
    await_collector
    start_operator
    create_memcached web 2
    await_condition web Reconciled True AsDesired
    stop_operator
    delete mc/web
    create_memcached web 3
    start_operator
    await "the Deployment belongs to the new one" is_owned web
    await_size web 3
    await_condition web Reconciled True AsDesired
}

@test "deleted with --cascade=orphan and made anew: the orphan is a stranger" {
    local before
    await_collector
    start_operator
    create_memcached web 2
    await_condition web Reconciled True AsDesired
    delete mc/web -H 'Content-Type: application/json' -d "$(propagation Orphan)"
    await "the Memcached is gone" is_gone mc/web
    create_memcached web 3
    await_condition web Reconciled False NameTaken
    before=$(field deployment/web .metadata.generation)
    [ "$(field deployment/web '.metadata.ownerReferences // [] | length')" = 0 ]
    [ "$(field deployment/web .spec.replicas)" = 2 ]
    assert_quiet 1
    [ "$(field deployment/web .metadata.generation)" = "$before" ]
    delete deployment/web
    await_size web 3
}
