#!/usr/bin/env bats
# The operator inside the cluster, as "make deploy" puts it there: two replicas, its own
# service account, and rights that are enough and no more.
# level: node

bats_require_minimum_version 1.5.0

NAMESPACE=memcached-operator-system
MANAGER=memcached-operator-controller-manager
ACCOUNT=system:serviceaccount:$NAMESPACE:$MANAGER
LABEL=memcached-operator/associated-memcached-deployment-name

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    make deploy
}

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
}

teardown_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    make undeploy
}

# await SECONDS COMMAND...: until it succeeds
await() {
    local -i deadline=SECONDS+$1
    shift
    until "$@"; do
        if ((SECONDS >= deadline)); then
            echo "not in time: $*"
            kubectl -n $NAMESPACE logs -l control-plane=controller-manager --prefix --tail=20
            return 1
        fi
        sleep 0.2
    done >&2
}

# field_is OBJECT PATH VALUE
field_is() { [[ $(kubectl get "$1" -o "jsonpath={$2}") == "$3" ]]; }

has_event() { [[ -n $(kubectl get events --field-selector "reason=$1,involvedObject.name=$2" -o name) ]]; }

manager_pods() { kubectl -n $NAMESPACE get pods -l control-plane=controller-manager -o json | jq -r '.items[] | select(.metadata.deletionTimestamp == null).metadata.name'; }

# GET a path of a manager's port: pod, port, path
fetch() { kubectl get --raw "/api/v1/namespaces/$NAMESPACE/pods/$1:$2/proxy$3"; }

holder() { kubectl -n $NAMESPACE get leases -o jsonpath='{.items[0].spec.holderIdentity}'; }

# The name of the pod that leads; its name is how the holder's identity begins.
leader() {
    local pod identity
    identity=$(holder)
    for pod in $(manager_pods); do
        [[ $identity != "$pod"* ]] || printf '%s\n' "$pod"
    done
}

has_leader() { [[ -n $(leader) ]]; }

@test "two replicas are ready, and exactly one of them leads" {
    [ "$(kubectl -n $NAMESPACE get deployment $MANAGER -o jsonpath='{.status.readyReplicas}')" = 2 ]
    await 30 has_leader
    [ "$(leader | wc -l)" -eq 1 ]
    local pod leading=0
    for pod in $(manager_pods); do
        fetch "$pod" 8080 /metrics >"$BATS_TEST_TMPDIR/metrics"
        grep -q '^process_resident_memory_bytes' "$BATS_TEST_TMPDIR/metrics"
        if grep -q '^leader_election_master_status{.*} 1' "$BATS_TEST_TMPDIR/metrics"; then
            leading=$((leading + 1))
            [ "$pod" = "$(leader)" ]
        fi
        [ "$(fetch "$pod" 8081 /healthz)" = ok ]
        [ "$(fetch "$pod" 8081 /readyz)" = ok ]
    done
    [ "$leading" -eq 1 ]
}

@test "its processes have no privilege, and its image has no shell" {
    local pod pid status
    for pod in $(manager_pods); do
        run ! kubectl -n $NAMESPACE exec "$pod" -- /bin/sh -c true
    done
    for pid in $(pgrep -x -f '/memcached-operator .*--leader-elect.*'); do
        status=$(cat "/proc/$pid/status")
        grep -qE '^Uid:\s+65532\s+65532\s+65532\s+65532$' <<<"$status"
        grep -qE '^Gid:\s+65532\s' <<<"$status"
        grep -qE '^CapEff:\s+0+$' <<<"$status"
        grep -qE '^CapBnd:\s+0+$' <<<"$status"
        grep -qE '^NoNewPrivs:\s+1$' <<<"$status"
        # Seccomp is the kernel's to have.
        ! grep -q '^Seccomp:' <<<"$status" || grep -qE '^Seccomp:\s+2$' <<<"$status"
        # The runtime's filter, and its own.
        ! grep -q '^Seccomp_filters:' <<<"$status" || grep -qE '^Seccomp_filters:\s+2$' <<<"$status"
    done
    [ -n "$pid" ]
}

@test "all that the controllers do is done with its own rights" {
    kubectl apply -f config/samples
    await 60 field_is deployment/memcached-sample .status.readyReplicas 4
    await 10 field_is memcached/memcached-sample .status.readyReplicas 4
    # Corrected, twice alike: the second event is counted up in the first.
    kubectl scale memcached memcached-sample --replicas=1
    await 10 has_event DriftCorrected memcached-sample
    kubectl scale memcached memcached-sample --replicas=1
    await 10 field_is memcached/memcached-sample .spec.size 4
    await 20 has_series DriftCorrected memcached-sample
    # A Deployment of somebody else is in the way.
    kubectl create deployment taken --image=memcached:1.6 --replicas=0
    kubectl apply -f - <<<'{"apiVersion": "cache.example.com/v1alpha1", "kind": "Memcached", "metadata": {"name": "taken"}, "spec": {"size": 0}}'
    await 10 has_event NameTaken taken
    kubectl delete deployment taken
    await 60 field_is deployment/taken '.metadata.ownerReferences[0].kind' Memcached
    # What a Memcached names is watched, of whichever kind.
    kubectl apply -f - <<<'{"apiVersion": "cache.example.com/v1alpha1", "kind": "Memcached", "metadata": {"name": "named"}, "spec": {"size": 0,
        "sizeFrom": {"sources": [{"kind": "StatefulSet", "name": "none"}, {"kind": "ReplicaSet", "name": "none"}]}}}'
    await 10 has_event SourceMissing named
    # A template that was changed by hand is put back.
    kubectl set image deployment/memcached-sample memcached=memcached:none
    await 10 field_is deployment/memcached-sample '.spec.template.spec.containers[0].image' memcached:1.6
    kubectl label deployment sync-target-deployment "$LABEL=no/name" --overwrite 2>/dev/null ||
        kubectl label deployment sync-target-deployment "$LABEL-"
    kubectl delete -f config/samples --ignore-not-found
    kubectl delete memcached taken named
}

has_series() {
    kubectl get --raw /apis/events.k8s.io/v1/namespaces/default/events |
        jq -e --arg reason "$1" --arg name "$2" '[.items[] | select(.reason == $reason and .regarding.name == $name and .series.count >= 2)] | length > 0'
}

# "verb group/resource" of all that the operator has asked for, and the codes of the answers.
asked() {
    jq -r --arg user "$ACCOUNT" 'select(.user.username == $user and .objectRef != null)
        | "\(.verb) \(.objectRef.apiGroup // "")/\(.objectRef.resource)\(if .objectRef.subresource then "/" + .objectRef.subresource else "" end) \(.responseStatus.code)"' \
        "$AUDIT_LOG" | sort | uniq -c
}

# What its Role and ClusterRole grant, in the same words.
granted() {
    kubectl get clusterrole memcached-operator-manager-role -o json >"$BATS_TEST_TMPDIR/roles"
    kubectl -n $NAMESPACE get role memcached-operator-leader-election-role -o json >>"$BATS_TEST_TMPDIR/roles"
    jq -r '.rules[] | .apiGroups[] as $group | .resources[] as $resource | .verbs[] | "\(.) \($group)/\($resource)"' "$BATS_TEST_TMPDIR/roles" | sort -u
}

@test "its rights were enough: nothing was answered with 401 or 403" {
    asked
    [ "$(asked | wc -l)" -gt 10 ]
    run ! grep -E ' 40[13]$' <<<"$(asked)"
}

@test "its rights are no more: each verb that they grant was used" {
    local used unused
    used=$(asked | awk '{print $2, $3}' | sort -u)
    # It is asked for by an admission plugin, not by a request.
    unused=$(comm -23 <(granted) <(echo "$used") | grep -v '^update cache.example.com/memcacheds/finalizers$' || true)
    echo "granted and never used:"
    echo "$unused"
    [ -z "$unused" ]
}

@test "it may not do what it need not" {
    local deed
    for deed in 'get secrets' 'list secrets' 'delete deployments.apps' 'update deployments.apps' 'create pods' 'delete pods' \
        'create memcacheds.cache.example.com' 'delete memcacheds.cache.example.com' 'list nodes' 'get configmaps' \
        'create clusterroles.rbac.authorization.k8s.io' 'impersonate users' 'get leases.coordination.k8s.io -n default'; do
        echo "$deed"
        # shellcheck disable=SC2086 # words
        run kubectl auth can-i $deed --as "$ACCOUNT"
        [ "${lines[-1]}" = no ]
    done
}

@test "people who may view or edit a namespace may do so with its Memcacheds" {
    kubectl create rolebinding viewer --clusterrole=view --user=vera
    kubectl create rolebinding editor --clusterrole=edit --user=edda
    await 20 kubectl auth can-i list memcacheds --as vera
    await 20 kubectl auth can-i patch memcacheds/scale --as edda
    kubectl auth can-i delete memcacheds --as edda
    run ! kubectl auth can-i patch memcacheds --as vera
    run ! kubectl auth can-i list memcacheds --as nobody
    kubectl delete rolebinding viewer editor
}

@test "the leader's pod is deleted: the other takes over at once, and works" {
    local old
    await 30 has_leader
    old=$(leader)
    kubectl -n $NAMESPACE delete pod "$old" --wait=false
    await 10 another_leads "$old"
    kubectl apply -f config/samples
    await 30 field_is deployment/memcached-sample .status.readyReplicas 4
    kubectl -n $NAMESPACE rollout status deployment/$MANAGER --timeout=60s
    kubectl delete -f config/samples
}

another_leads() { [[ -n $(leader) && $(leader) != "$1" ]]; }

@test "its log lines are JSON, and no token is in them" {
    local pod tokens
    tokens=$(kubectl -n $NAMESPACE get secrets -o json | jq -r '.items[].data.token // empty | @base64d')
    [ "${#tokens}" -gt 100 ]
    for pod in $(manager_pods); do
        kubectl -n $NAMESPACE logs "$pod" >"$BATS_TEST_TMPDIR/log"
        jq -es 'all(.[]; has("level") and has("ts") and has("msg"))' "$BATS_TEST_TMPDIR/log"
        run ! grep -F "$tokens" "$BATS_TEST_TMPDIR/log"
    done
}

@test "make undeploy leaves nothing, and the memcacheds' Deployments go with them" {
    kubectl apply -f config/samples/cache_v1alpha1_memcached.yaml
    await 30 kubectl get deployment memcached-sample
    make undeploy
    run ! kubectl get namespace $NAMESPACE
    run ! kubectl get crd memcacheds.cache.example.com
    [ -z "$(kubectl get clusterrole,clusterrolebinding -l app.kubernetes.io/name=memcached-operator -o name)" ]
    await 30 gone deployment/memcached-sample
}

gone() { ! kubectl get "$1" >/dev/null 2>&1; }
