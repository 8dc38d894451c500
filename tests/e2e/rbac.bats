#!/usr/bin/env bats
# Rights: what is said when they are missing, and that config/rbac has enough of them and no more.
# level: control-plane

bats_require_minimum_version 1.5.0
load lib/common.sh
load lib/size_from.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() {
    end_test
    kubectl delete --ignore-not-found "clusterrolebinding/$NS" "clusterrole/$NS" >&2
}

# A service account of this namespace without rights; its kubeconfig is in ACCOUNT.
create_account() {
    k create serviceaccount manager
    ACCOUNT=$("$ROOT/hack/cluster" kubeconfig-for manager "$NS")
}

# The manager's ClusterRole under this namespace's name, and "manager" has it. $1 jq on the role
grant() {
    kubectl create --dry-run=client -o json -f config/rbac/role.yaml |
        jq --arg name "$NS" ".metadata.name = \$name | ${1:-.}" | kubectl apply -f -
    kubectl create clusterrolebinding "$NS" --clusterrole="$NS" --serviceaccount="$NS:manager" \
        --dry-run=client -o yaml | kubectl apply -f -
}

@test "no rights: verb, resource and user are named, /readyz is 503; granted: it goes on by itself" {
    local resource
    create_account
    launch operator --watch-namespaces="$NS" --kubeconfig="$ACCOUNT"
    for resource in memcacheds.cache.example.com deployments.apps pods; do
        await "$resource are refused" log_has "does not let this user do that.*\"verb\": \"list\", \"resource\": \"$resource\".*\"user\": \"$NS.manager\".*403.*system:serviceaccount:$NS:manager"
    done
    is_not_ready
    [[ $(ask_operator /readyz) == *"not in step"* ]]
    create_memcached web 2
    grant
    await "the operator is ready" is_ready
    await_size web 2
}

@test "one right is missing: the Memcached's condition says which; granted: it goes on by itself" {
    create_account
    grant '(.rules[] | select(.resources == ["deployments"]).verbs) -= ["create"]'
    start_operator --kubeconfig="$ACCOUNT"
    create_memcached web 2
    await_condition web Reconciled False WriteRefused
    [[ $(condition web Reconciled message) == *"403"*"cannot create resource \"deployments\""* ]]
    log_has 'Reconciler error.*create Deployment.*403.*cannot create resource'
    grant
    await_size web 2
    await_condition web Reconciled True AsDesired
}

@test "a source of a kind that it may not read: the condition says so; granted: it goes on by itself" {
    prepare_squads
    create_account
    grant
    create_source squad/red 4
    create_follower web 1 '{sources: [{apiVersion: "teams.example.com/v1", kind: "Squad", name: "red"}]}'
    start_operator --kubeconfig="$ACCOUNT"
    await_condition web SizeSynced False SourceMissing
    await_message web 'Squad/red cannot be read: *403*cannot watch resource "squads"*; size stays as it is'
    await_size web 1
    # As README's "Sources of any kind" says.
    k create role squads --verb=list,watch --resource=squads.teams.example.com
    k create rolebinding squads --role=squads --serviceaccount="$NS:manager"
    await_message web 'Squad/red cannot be read: *403*cannot get resource "squads/scale"*; size stays as it is'
    k create role scales --verb=get --resource=squads.teams.example.com/scale
    k create rolebinding scales --role=scales --serviceaccount="$NS:manager"
    await_size web 4
    await_condition web SizeSynced True InSync
}

@test "rights are taken away at run time, and given back" {
    create_account
    grant
    start_operator --kubeconfig="$ACCOUNT"
    create_memcached web 2
    await_size web 2
    kubectl delete "clusterrolebinding/$NS"
    patch mc/web '{"spec": {"size": 3}}' # what is watched goes on; a write does not
    await "the write is refused" log_has 'Reconciler error.*403'
    grant
    await_size web 3
}

@test "a token that is none: 401 is said, /readyz is 503; a good one in its file: it goes on by itself" {
    local token
    create_account
    grant
    token=$(kubectl config view --kubeconfig="$ACCOUNT" --raw -o 'jsonpath={.users[0].user.token}')
    kubectl config view --kubeconfig="$ACCOUNT" --raw -o json |
        jq --arg file "$BATS_TEST_TMPDIR/token" '.users[0].user = {tokenFile: $file}' >"$BATS_TEST_TMPDIR/kubeconfig"
    echo nonsense >"$BATS_TEST_TMPDIR/token"
    launch operator --watch-namespaces="$NS" --kubeconfig="$BATS_TEST_TMPDIR/kubeconfig"
    await "401 is said" log_has 'does not let this user do that.*"verb": "list", "resource": "memcacheds.*"user": ".*401 Unauthorized'
    is_not_ready
    [ "$(log_count nonsense)" -eq 0 ]
    create_memcached web 2
    echo "$token" >"$BATS_TEST_TMPDIR/token.new"
    mv "$BATS_TEST_TMPDIR/token.new" "$BATS_TEST_TMPDIR/token"
    await "the operator is ready" is_ready
    await_size web 2
    [ "$(grep -cF "$token" "$LOG")" -eq 0 ]
}

# "GROUP/RESOURCE/SUBRESOURCE VERB" of each rule of roles on stdin.
rules() {
    jq -r '.rules[] | .apiGroups[] as $g | .resources[] as $r | .verbs[] as $v
        | "\($g)/\($r)\(if $r | contains("/") then "" else "/" end) \($v)"' | sort -u
}

# The same of each request of this test's account in the audit log.
used() {
    jq -r --arg user "system:serviceaccount:$NS:manager" 'select(.stage == "ResponseComplete" or .stage == "ResponseStarted")
        | select(.user.username == $user and .objectRef != null)
        | "\(.objectRef.apiGroup // "")/\(.objectRef.resource)/\(.objectRef.subresource // "") \(.verb)"' "$AUDIT_LOG" | sort -u
}

refused() {
    jq -r --arg user "system:serviceaccount:$NS:manager" 'select(.user.username == $user)
        | select(.annotations["authorization.k8s.io/decision"] == "forbid") | "\(.verb) \(.requestURI)"' "$AUDIT_LOG"
}

@test "config/rbac: enough for all that the operator does, and every right of it is used" {
    local granted
    [ -n "${AUDIT_LOG:-}" ]
    create_account
    grant
    kubectl create --dry-run=client -o json -f config/rbac/leader_election_role.yaml |
        jq --arg ns "$NS" '.metadata.namespace = $ns' | kubectl apply -f -
    k create rolebinding leader --role=leader-election-role --serviceaccount="$NS:manager"

    # Everything once: created, synced, put back, an event twice, a stranger in the way, what a
    # Memcached names, the Lease.
    launch operator --kubeconfig="$ACCOUNT" --leader-elect --leader-elect-namespace="$NS"
    await "the operator is ready" is_ready
    create_memcached web 1
    await_size web 1
    create_deployment source 3 web
    await_size web 3
    patch deployment/web '{"spec": {"replicas": 9}}'
    await_size web 3
    for _ in 1 2; do
        patch mc/web '{"spec": {"size": 5}}'
        await_size web 3
    done
    await_event mc/web 'DriftCorrected Normal 2'
    create_deployment taken 1
    create_memcached taken 1
    await_condition taken Reconciled False NameTaken
    create_source statefulset/api 2
    create_source replicaset/old 1
    create_follower named 1 '{sources: ["StatefulSet/api", "ReplicaSet/old"]}'
    await_size named 3
    await "the Lease is renewed" renewed
    stop_operator

    [ "$(refused)" = "" ]
    granted=$(for file in role leader_election_role; do
        kubectl create --dry-run=client -o json -f config/rbac/$file.yaml | rules
    done | sort -u)
    # No request names memcacheds/finalizers: the admission plugin OwnerReferencesPermissionEnforcement asks
    # for it where it is on.
    diff <(grep -v '^cache.example.com/memcacheds/finalizers update$' <<<"$granted") <(used)
}

renewed() {
    api GET "/apis/coordination.k8s.io/v1/namespaces/$NS/leases/memcached-operator.cache.example.com" |
        jq -e '.spec.renewTime != .spec.acquireTime'
}
