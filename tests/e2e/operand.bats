#!/usr/bin/env bats
# The Deployment that a Memcached becomes: made, kept, adopted, or left alone.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh

setup_file() {
    prepare_cluster
    begin_long_wait
}

teardown_file() {
    kill "$LONG_WAIT_PID" 2>/dev/null || true
}

setup() { begin_test; }
teardown() { end_test; }

# What is in the way is looked at every 30 s: that test begins here and ends with the file's last.
begin_long_wait() {
    export NS=operand-wait-$((RANDOM)) LONG_WAIT_NS LONG_WAIT_PID LONG_WAIT_LOG=$BATS_FILE_TMPDIR/operator.log
    create_namespace "$NS"
    create_deployment web 2
    create_deployment source 4 web
    create_memcached web 1
    launch_to "$LONG_WAIT_LOG" --watch-namespaces="$NS"
    await_condition web Reconciled False NameTaken || true # the test will say so
    delete deployment/web
    LONG_WAIT_NS=$NS LONG_WAIT_PID=$OPERATOR_PID
}

# What of a Deployment is ours.
owned() {
    field "deployment/$1" -cS '
        {labels: .metadata.labels, owner: .metadata.ownerReferences, replicas: .spec.replicas, selector: .spec.selector,
         pod: .spec.template.metadata.labels, security: .spec.template.spec.securityContext,
         token: .spec.template.spec.automountServiceAccountToken,
         container: (.spec.template.spec.containers[] | select(.name == "memcached")
            | {image, imagePullPolicy, command, args, ports, securityContext})}'
}

@test "a Memcached becomes a Deployment, by one write" {
    local uid
    start_operator
    create_memcached web 3
    await_condition web Reconciled True AsDesired
    uid=$(field mc/web .metadata.uid)
    [ "$(owned web)" = "$(jq -ncS --arg uid "$uid" '{
        labels: {app: "memcached", memcached_cr: "web", "app.kubernetes.io/name": "memcached",
            "app.kubernetes.io/instance": "web", "app.kubernetes.io/managed-by": "memcached-operator"},
        owner: [{apiVersion: "cache.example.com/v1alpha1", kind: "Memcached", name: "web", $uid, controller: true, blockOwnerDeletion: true}],
        replicas: 3, selector: {matchLabels: {app: "memcached", memcached_cr: "web"}},
        pod: {app: "memcached", memcached_cr: "web"},
        security: {runAsNonRoot: true, runAsUser: 11211, runAsGroup: 11211, seccompProfile: {type: "RuntimeDefault"}},
        token: false,
        container: {image: "memcached:1.6", imagePullPolicy: "IfNotPresent",
            command: ["memcached", "-m", "64", "-o", "modern", "-v"], args: null,
            ports: [{name: "memcached", containerPort: 11211, protocol: "TCP"}],
            securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: ["ALL"]}}}}')" ]
    [ "$(field deployment/web .metadata.generation)" = 1 ]
    assert_quiet 1
}

# $1 what for people, then a command that changes Deployment "web" by hand
assert_put_back() {
    local before what=$1
    local -i count
    shift
    before=$(owned web)
    count=$(log_count 'Updating the Deployment')
    "$@" >/dev/null
    await "$what is put back" is "$before" owned web
    (($(log_count 'Updating the Deployment') > count))
}

json_patch() { k patch deployment web --type=json -p "[$1]"; }

@test "a hand-made change of what is ours is put back: replicas" {
    start_operator
    create_memcached web 2
    await_size web 2
    k scale deployment web --replicas=7
    await_size web 2
}

@test "a hand-made change of what is ours is put back: image, command, arguments, ports, security" {
    local container=/spec/template/spec/containers/0
    start_operator
    create_memcached web 2
    await_size web 2
    assert_put_back image k set image deployment/web memcached=busybox:1
    await_event mc/web 'DeploymentUpdated Normal'
    assert_put_back command json_patch "{\"op\": \"replace\", \"path\": \"$container/command\", \"value\": [\"memcached\", \"-m\", \"9\"]}"
    assert_put_back arguments json_patch "{\"op\": \"add\", \"path\": \"$container/args\", \"value\": [\"-vv\"]}"
    assert_put_back ports json_patch "{\"op\": \"remove\", \"path\": \"$container/ports\"}"
    assert_put_back "capabilities" json_patch "{\"op\": \"remove\", \"path\": \"$container/securityContext/capabilities\"}"
    assert_put_back "user" json_patch '{"op": "replace", "path": "/spec/template/spec/securityContext/runAsUser", "value": 1}'
    assert_put_back "pull policy" json_patch "{\"op\": \"replace\", \"path\": \"$container/imagePullPolicy\", \"value\": \"Always\"}"
    assert_quiet 1
}

@test "a hand-made change of what is ours is put back: labels, that of the watch among them" {
    start_operator
    create_memcached web 2
    await_size web 2
    assert_put_back label k label deployment web --overwrite app=other
    assert_put_back "removed label" k label deployment web memcached_cr-
    assert_put_back "label of the watch" k label deployment web app.kubernetes.io/managed-by-
    assert_put_back "label of the watch" k label deployment web --overwrite app.kubernetes.io/managed-by=somebody
    [ "$(log_count 'ERROR')" -eq 0 ]
    assert_quiet 1
}

@test "changed while the operator is down: put back at the start" {
    start_operator
    create_memcached web 2
    await_size web 2
    local before
    before=$(owned web)
    stop_operator
    k set image deployment/web memcached=busybox:1
    k label deployment web app.kubernetes.io/managed-by-
    start_operator
    await "all is put back" is "$before" owned web
}

others_things() {
    field deployment/web -c '[.metadata.annotations["example.com/note"], .metadata.labels.team,
        [.spec.template.spec.containers[].name], (.spec.template.spec.containers[] | select(.name == "memcached").env),
        .spec.template.spec.nodeSelector, .spec.template.metadata.annotations, .spec.minReadySeconds]'
}

@test "what others add is left alone: annotation, label, sidecar, environment, node selector" {
    local want='["yes","blue",["memcached","sidecar"],[{"name":"A","value":"1"}],{"disk":"ssd"},{"b":"2"},5]'
    start_operator
    create_memcached web 2
    await_size web 2
    k patch deployment web -p '{
        "metadata": {"annotations": {"example.com/note": "yes"}, "labels": {"team": "blue"}},
        "spec": {"minReadySeconds": 5, "template": {
            "metadata": {"annotations": {"b": "2"}},
            "spec": {"nodeSelector": {"disk": "ssd"}, "containers": [
                {"name": "memcached", "env": [{"name": "A", "value": "1"}]}, {"name": "sidecar", "image": "s:1"}]}}}}'
    [ "$(others_things)" = "$want" ]
    assert_quiet 1
    [ "$(log_count 'Updating the Deployment')" -eq 0 ]
    # Writes of ours for other reasons leave it alone as well.
    k scale mc web --replicas=4
    await_size web 4
    k set image deployment/web memcached=busybox:1
    await "the image is put back" is memcached:1.6 field deployment/web '.spec.template.spec.containers[] | select(.name == "memcached").image'
    [ "$(others_things)" = "$want" ]
}

@test "a Deployment that is deleted comes back" {
    local uid
    start_operator
    create_memcached web 2
    await_size web 2
    uid=$(field deployment/web .metadata.uid)
    delete deployment/web
    await_size web 2
    [ "$(field deployment/web .metadata.uid)" != "$uid" ]
}

@test "--memcached-image and MEMCACHED_IMAGE name another image; a new one is rolled out" {
    start_operator --memcached-image=example.com/cache:2
    create_memcached web 1
    await "the image is that of the flag" is example.com/cache:2 field deployment/web '.spec.template.spec.containers[0].image'
    stop_operator
    MEMCACHED_IMAGE=example.com/cache:3 start_operator
    await "the image is that of the environment" is example.com/cache:3 field deployment/web '.spec.template.spec.containers[0].image'
}

# As the Go example makes it.
create_go_deployment() {
    jq -nc --arg name "$1" --argjson size "$2" --arg uid "$(field "mc/$1" .metadata.uid)" '{
        apiVersion: "apps/v1", kind: "Deployment",
        metadata: {$name, ownerReferences: [{apiVersion: "cache.example.com/v1alpha1", kind: "Memcached", $name, $uid, controller: true, blockOwnerDeletion: true}]},
        spec: {replicas: $size, selector: {matchLabels: {app: "memcached", memcached_cr: $name}},
            template: {metadata: {labels: {app: "memcached", memcached_cr: $name}},
                spec: {containers: [{name: "memcached", image: "memcached:1.4.36-alpine",
                    command: ["memcached", "-m=64", "-o", "modern", "-v"],
                    ports: [{containerPort: 11211, name: "memcached"}]}]}}}}' |
        api POST "$(path_of deployment/)?fieldManager=manager" -H 'Content-Type: application/json' -d @- >/dev/null
}

@test "a Deployment of the Go operator is adopted, not replaced" {
    local uid
    create_memcached web 1
    create_go_deployment web 1
    uid=$(field deployment/web .metadata.uid)
    create_deployment source 3 web
    start_operator
    await_size web 3
    await_condition web Reconciled True AsDesired
    [ "$(field deployment/web .metadata.uid)" = "$uid" ]
    [ "$(field deployment/web -c '.spec.template.spec.containers[0].command')" = '["memcached","-m","64","-o","modern","-v"]' ]
    [ "$(field deployment/web '.metadata.labels["app.kubernetes.io/managed-by"]')" = memcached-operator ]
    [ "$(log_count 'ERROR')" -eq 0 ]
    assert_quiet 1
}

@test "a foreign Deployment of the same name is not touched" {
    local before
    create_deployment web 2
    before=$(field deployment/web -S .)
    start_operator
    create_memcached web 1
    await_condition web Reconciled False NameTaken
    await_event mc/web 'NameTaken Warning 1 Deployment "web" exists and is not controlled by this Memcached'
    [ "$(condition web Available reason)" = NoDeployment ]
    # Size is followed all the same: it is the Memcached's own.
    create_deployment source 4 web
    await "the size is followed" is 4 field mc/web .spec.size
    assert_quiet 2
    [ "$(field deployment/web -S .)" = "$before" ]
}

@test "an owner of the same name but another uid is a stranger, too" {
    local before
    create_memcached web 1
    create_go_deployment web 2
    delete mc/web
    create_memcached web 1
    before=$(field deployment/web -S .)
    start_operator
    await_condition web Reconciled False NameTaken
    assert_quiet 1
    [ "$(field deployment/web -S .)" = "$before" ]
}

@test "a name of more than 63 characters: InvalidSpec, no Deployment, no hot loop" {
    local name
    name=$(printf 'n%.0s' {1..64})
    start_operator
    create_memcached "$name" 1
    await_condition "$name" Reconciled False InvalidSpec
    await_event "mc/$name" 'InvalidSpec Warning 1 the name is longer than 63 characters'
    assert_quiet 1
    is_gone "deployment/$name"
    create_memcached "${name%n}" 1
    await_size "${name%n}" 1
}

@test "a spec that the schema let through and that makes no Deployment: the last good state stays" {
    start_operator
    create_memcached web 2
    await_condition web Reconciled True AsDesired
    kubectl patch "crd/$CRD" --type=json -p '[{"op": "remove",
        "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/required"}]'
    await "the server lets it through" patch mc/web '{"spec": {"size": null}}'
    await_condition web Reconciled False InvalidSpec
    await_event mc/web 'InvalidSpec Warning 1 spec.size is not a whole number'
    assert_quiet 1
    [ "$(field deployment/web .spec.replicas)" = 2 ]
    patch mc/web '{"spec": {"size": 3}}'
    await_size web 3
    await_condition web Reconciled True AsDesired
    kubectl apply -f config/crd/bases
}

@test "a foreign Deployment of the same name is gone: all goes on by itself within 40 s" {
    NS=$LONG_WAIT_NS OPERATOR_PID=$LONG_WAIT_PID
    cat "$LONG_WAIT_LOG"
    WAIT_SECONDS=40 await_size web 4
    await_condition web Reconciled True AsDesired
    has_event mc/web 'NameTaken Warning'
}
