#!/usr/bin/env bats
# What a Memcached says of its pods, beside the controllers of Kubernetes that make them.
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
    [[ ${lines[0]} =~ ^NAME\ +SIZE\ +READY\ +SOURCE\ +SYNCED\ +AGE$ ]]
    [[ ${lines[1]} =~ ^web\ +3\ +0\ +Deployment/source\ +True\ +[0-9]+s ]]
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
