#!/usr/bin/env bats
# config/ on an API server: it applies with every kubectl, and the CRD means what it should.
# level: control-plane

bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    kubectl apply -k config/crd
    kubectl wait --for=condition=Established crd/memcacheds.cache.example.com
}

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    CRD=crd/memcacheds.cache.example.com
}

teardown() { kubectl delete memcacheds --all --ignore-not-found >&2; }

# Every kubectl of this machine: 1.20, which hack/cluster has built, and others if there are.
kubectls() { type -ap kubectl | xargs -n 1 realpath | sort -u; }

memcached() {
    printf 'apiVersion: cache.example.com/v1alpha1\nkind: Memcached\nmetadata: {name: m}\nspec: %s\n' "$1"
}

# $1 spec, $2 part of the reason
assert_refused() {
    run kubectl apply --validate=false -f - <<<"$(memcached "$1")"
    echo "$1: $output"
    [ "$status" -ne 0 ]
    [[ $output == *"$2"* ]]
}

@test "each kubectl applies config/default, applies it again without a change, and deletes it" {
    local tool again
    for tool in $(kubectls); do
        echo "$tool"
        "$tool" apply -k config/default
        again=$("$tool" apply -k config/default)
        run ! grep -v ' unchanged$' <<<"$again"
        [ "$(kubectl get deployment,sa,role,rolebinding -n memcached-operator-system -o name | grep -c memcached-operator)" -eq 4 ]
        "$tool" delete -k config/default --timeout=60s
        run ! kubectl get ns memcached-operator-system
        "$tool" apply -k config/crd
        kubectl wait --for=condition=Established "$CRD"
    done
}

@test "the CRD is established, its names accepted, its schema structural" {
    local conditions
    conditions=$(kubectl get "$CRD" -o json | jq -r '.status.conditions[] | "\(.type)=\(.status)"')
    echo "$conditions"
    grep -qx Established=True <<<"$conditions"
    grep -qx NamesAccepted=True <<<"$conditions"
    run ! grep NonStructuralSchema=True <<<"$conditions"
}

@test "every field is described" {
    local bare
    bare=$(kubectl get "$CRD" -o json | jq -r '
        [.spec.versions[0].schema.openAPIV3Schema | .. | objects | .properties? // empty | to_entries[]
         | select(.key != "metadata" and (.value.description // "") == "") | .key] | unique[]')
    echo "without a description: $bare"
    [ -z "$bare" ]
    # The server publishes a schema a moment after the resource.
    timeout 20 sh -c 'until kubectl explain memcached.spec.size | grep "Number of memcached pods"; do sleep 0.2; done'
}

@test "size: 0 and the largest int32 are taken; absent, negative, too large, fractions and text are not" {
    kubectl apply -f - <<<"$(memcached '{size: 0}')"
    kubectl apply -f - <<<"$(memcached '{size: 2147483647}')"
    assert_refused '{}' 'Required value'
    assert_refused '{size: null}' 'spec.size'
    assert_refused '{size: -1}' 'greater than or equal to 0'
    assert_refused '{size: 2147483648}' 'less than or equal to 2147483647'
    assert_refused '{size: 1.5}' 'must be of type integer'
    assert_refused '{size: "3"}' 'spec.size'
}

@test "unknown fields are dropped" {
    kubectl apply --validate=false -f - <<<"$(memcached '{size: 1, colour: red}')"
    [ "$(kubectl get memcached m -o json | jq -c .spec)" = '{"size":1}' ]
}

@test "the short name mc, and the columns Size, Ready, Source, Synced and Age" {
    kubectl apply -f - <<<"$(memcached '{size: 3}')"
    put_status '{"replicas": 3, "readyReplicas": 2, "source": "Deployment/web"}'
    run kubectl get mc
    echo "$output"
    [[ ${lines[0]} =~ ^NAME\ +SIZE\ +READY\ +SOURCE\ +SYNCED\ +AGE$ ]]
    [[ ${lines[1]} =~ ^m\ +3\ +2\ +Deployment/web\ + ]]
}

# Write the status subresource, as the operator does: a merge patch.
put_status() {
    curl -sSf -X PATCH -H 'Content-Type: application/merge-patch+json' \
        --cacert <(credential .clusters[0].cluster certificate-authority) \
        --cert <(credential .users[0].user client-certificate) --key <(credential .users[0].user client-key) \
        "$(kubectl config view --raw -o json | jq -r '.clusters[0].cluster.server')/apis/cache.example.com/v1alpha1/namespaces/default/memcacheds/m/status" \
        -d "{\"status\": $1}"
}

credential() {
    kubectl config view --raw --flatten -o json | jq -r "$1[\"$2-data\"] | @base64d"
}

@test "status is a subresource: a plain write does not reach it, a status write not the spec" {
    kubectl apply -f - <<<"$(memcached '{size: 3}')"
    kubectl patch memcached m --type=merge -p '{"status": {"replicas": 7}}'
    [ -z "$(kubectl get memcached m -o jsonpath='{.status.replicas}')" ]
    put_status '{"replicas": 7, "nodes": ["a", "b"], "observedGeneration": 1}'
    [ "$(kubectl get memcached m -o json | jq -c '[.spec.size, .status.replicas, .status.nodes, .metadata.generation]')" = '[3,7,["a","b"],1]' ]
    put_status '{"source": ""}'
}

@test "scale: reads size, replicas and selector; writes size; takes no negative one" {
    kubectl apply -f - <<<"$(memcached '{size: 3}')"
    put_status '{"replicas": 2, "selector": "app=memcached,memcached_cr=m"}'
    [ "$(kubectl get --raw /apis/cache.example.com/v1alpha1/namespaces/default/memcacheds/m/scale |
        jq -c '[.spec.replicas, .status.replicas, .status.selector]')" = '[3,2,"app=memcached,memcached_cr=m"]' ]
    kubectl scale memcached m --replicas=5
    [ "$(kubectl get memcached m -o jsonpath='{.spec.size}')" = 5 ]
    run kubectl scale memcached m --replicas=-1
    [ "$status" -ne 0 ]
}

@test "conditions: as metav1.Condition" {
    local good='"status":"True","reason":"AsDesired","message":"yes","lastTransitionTime":"2026-01-02T03:04:05Z"' bad
    kubectl apply -f - <<<"$(memcached '{size: 3}')"
    put_status "{\"conditions\": [{\"type\": \"A\", $good}, {\"type\": \"B\", $good}]}"
    for bad in '{"type":"A","status":"True","reason":"X","message":"yes"}' \
        "{\"type\":\"A\",${good/True/true}}" "{\"type\":\"A\",${good/AsDesired/as desired}}" \
        "{\"type\":\"A\",${good/AsDesired/}}" "{\"type\":\"A\",${good/2026-01-02T/}}"; do
        run put_status "{\"conditions\": [$bad]}"
        echo "$bad: $output"
        [ "$status" -ne 0 ]
    done
}

@test "config/samples: both apply, and the label names the Memcached" {
    kubectl apply -f config/samples
    [ "$(kubectl get deployment sync-target-deployment -o json |
        jq -r '.metadata.labels["memcached-operator/associated-memcached-deployment-name"], .spec.replicas' | xargs)" = "memcached-sample 4" ]
    [ "$(kubectl get memcached memcached-sample -o jsonpath='{.spec.size}')" = 1 ]
    kubectl delete -f config/samples
}

# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, of a PodSpec on stdin
is_restricted() {
    jq -e '
        . as $pod
        | (.hostNetwork or .hostPID or .hostIPC | not)
        and ([.volumes[]? | keys[] | select(. != "name")] - ["configMap", "emptyDir", "projected", "secret", "downwardAPI"] == [])
        and all(.containers[], .initContainers[]?;
            .securityContext.allowPrivilegeEscalation == false
            and .securityContext.capabilities.drop == ["ALL"]
            and (.securityContext.capabilities.add // [] | . - ["NET_BIND_SERVICE"] == [])
            and (.securityContext.privileged // false | not)
            and ([.ports[]?.hostPort // 0] | all(. == 0))
            and (.securityContext.runAsNonRoot // $pod.securityContext.runAsNonRoot) == true
            and (.securityContext.runAsUser // $pod.securityContext.runAsUser // 1) > 0
            and (.securityContext.seccompProfile // $pod.securityContext.seccompProfile).type == "RuntimeDefault")'
}

@test "the pods of the manager and of the sample meet Pod Security restricted" {
    local pod
    pod=$(kubectl kustomize config/manager | kubectl apply --dry-run=client -f - -o json | jq '.items[] | select(.kind == "Deployment").spec.template.spec')
    is_restricted <<<"$pod"
    jq -e '.containers[0].securityContext.readOnlyRootFilesystem and .automountServiceAccountToken != false' <<<"$pod"
    run ! is_restricted <<<"$(jq 'del(.containers[0].securityContext.capabilities)' <<<"$pod")"
    run ! is_restricted <<<"$(jq 'del(.securityContext.seccompProfile)' <<<"$pod")"
    kubectl apply --dry-run=client -f config/samples/deployment.yaml -o json | jq .spec.template.spec | is_restricted
}

@test "the ServiceMonitor finds the Service, and the Service the manager's port" {
    local all
    all=$(kubectl kustomize config/default && echo --- && kubectl kustomize config/prometheus)
    python3 - "$all" <<-'END'
		import sys, yaml
		objects = {(o["kind"], o["metadata"]["name"]): o for o in yaml.safe_load_all(sys.argv[1]) if o}
		monitor = objects["ServiceMonitor", "memcached-operator-controller-manager-metrics"]
		service = objects["Service", "memcached-operator-controller-manager-metrics"]
		manager = objects["Deployment", "memcached-operator-controller-manager"]
		assert len({o["metadata"]["namespace"] for o in (monitor, service, manager)}) == 1
		wanted = monitor["spec"]["selector"]["matchLabels"].items()
		assert wanted <= service["metadata"]["labels"].items()
		pod = manager["spec"]["template"]
		assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
		assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
		names = [p["name"] for c in pod["spec"]["containers"] for p in c["ports"]]
		assert service["spec"]["ports"][0]["targetPort"] in names
	END
}

@test "make install and make uninstall; the latter twice" {
    make install
    make uninstall
    run ! kubectl get "$CRD"
    make uninstall
    make install
    kubectl wait --for=condition=Established "$CRD"
}
