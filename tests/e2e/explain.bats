#!/usr/bin/env bats
# memcached-operator explain says what the operator then does, and does nothing.
# level: api-only

# shellcheck disable=SC2154 # stderr is bats'

bats_require_minimum_version 1.5.0
load lib/common.sh

setup_file() { prepare_cluster; }
setup() {
    begin_test
    cd "$BATS_TEST_TMPDIR" || return
}
teardown() { end_test; }

explain() { timeout 40 "$OPERATOR" explain -n "$NS" "$@"; }

# $1 name, $2 size, $3 sizeFrom
create_sized() {
    api POST "$(path_of mc/)" -H 'Content-Type: application/json' -d "{
        \"apiVersion\": \"cache.example.com/v1alpha1\", \"kind\": \"Memcached\", \"metadata\": {\"name\": \"$1\"},
        \"spec\": {\"size\": $2, \"sizeFrom\": $3}}" >/dev/null
}

# $1 name, $2 replicas
create_statefulset() {
    api POST "/apis/apps/v1/namespaces/$NS/statefulsets" -H 'Content-Type: application/json' -d "{
        \"apiVersion\": \"apps/v1\", \"kind\": \"StatefulSet\", \"metadata\": {\"name\": \"$1\"},
        \"spec\": {\"serviceName\": \"s\", \"replicas\": $2, \"selector\": {\"matchLabels\": {\"app\": \"$1\"}},
            \"template\": {\"metadata\": {\"labels\": {\"app\": \"$1\"}},
                \"spec\": {\"containers\": [{\"name\": \"c\", \"image\": \"memcached:1.6\"}]}}}}" >/dev/null
}

# All objects of the namespace as they are.
everything() {
    local path
    for path in "$(path_of mc/)" "$(path_of deployment/)" "/api/v1/namespaces/$NS/events" \
        "/apis/coordination.k8s.io/v1/namespaces/$NS/leases"; do
        api GET "$path" | jq -c '[.items[] | {(.metadata.name): .metadata.resourceVersion}]'
    done
}

# Nothing is written by what is said: $@ explain's arguments. The output is in $output.
explain_only() {
    local before
    before=$(everything)
    run --separate-stderr explain "$@"
    echo "exit code $status: $stderr"
    echo "$output"
    [[ $(everything) == "$before" ]]
}

SHARED='{"sources": [{"kind": "Deployment", "name": "web"}, {"kind": "StatefulSet", "name": "api"}],
    "ratio": {"memcached": 1, "per": 2}, "min": 1, "max": 20}'

@test "two sources and a ratio, and a label that does not count" {
    create_deployment web 5
    create_statefulset api 2
    create_deployment canary 1 cache
    create_sized cache 3 "$SHARED"
    explain_only cache
    [ "$status" -eq 0 ]
    [ "$stderr" = "" ]
    diff - <<<"$output" <(cat <<-END
		Memcached:   $NS/cache
		Size:        3
		Decided by:  Sum of 2 sources
		Arithmetic:  web 5 + api 2 = 7 → ÷2 up = 4 → clamp 1..20 = 4
		Counts:      Deployment/web with 5 replicas
		             StatefulSet/api with 2 replicas
		Ignored:     Deployment/canary with 1 replica: spec.sizeFrom.sources decide, so its label does not count
		State:       InSync: size follows Sum of 2 sources
		Would write: spec.size 3 → 4
		             a new Deployment with 4 replicas
		END
    )
}

@test "what it says would be written is what the operator then writes, and then nothing is left" {
    create_deployment web 5
    create_statefulset api 2
    create_deployment old 3 labelled
    create_deployment young 9 labelled
    create_deployment taken 1
    create_sized cache 3 "$SHARED"
    create_memcached labelled 1
    create_sized held 9 '{"sources": [{"kind": "Deployment", "name": "web"}], "scaleDownAfterSeconds": 3600}'
    create_sized missing 2 '{"sources": [{"kind": "Deployment", "name": "web"}, {"kind": "Deployment", "name": "gone"}]}'
    create_sized paused 2 '{"sources": [{"kind": "Deployment", "name": "web"}], "paused": true}'
    create_sized stepwise 9 '{"sources": [{"kind": "Deployment", "name": "web"}], "step": {"down": 1}}'
    create_memcached alone 2
    create_memcached taken 2
    start_operator
    is_settled() { [[ $(sizes cache) == 4/4 && $(sizes labelled) == 3/3 && $(sizes missing) == 5/5 ]]; }
    await "all is written" is_settled
    await_condition held SizeSynced True Holding
    await_condition taken Reconciled False NameTaken
    await "all is written of the others" exists deployment/alone
    stop_operator
    explain_only -o json
    [ "$status" -eq 0 ]
    jq -e 'all(.[] | select(.name != "stepwise"); .wouldWrite.size == null and .wouldWrite.deployment == "none")' <<<"$output"

    scale_deployment web 7
    scale_deployment old 1
    patch deployment/alone '{"spec": {"replicas": 6}}'
    explain_only -o json
    [ "$status" -eq 0 ]
    jq -r '.[] | select(.name != "stepwise") | "\(.name) \(.size)→\(.wouldWrite.size.to) \(.wouldWrite.deployment) \(.wouldWrite.replicas.from)→\(.wouldWrite.replicas.to)"' \
        <<<"$output" >said
    diff said - <<-'END'
		alone 2→null scale 6→2
		cache 4→5 scale 4→5
		held 9→null none null→null
		labelled 3→1 scale 3→1
		missing 5→7 scale 5→7
		paused 2→null none null→null
		taken 2→null none null→null
	END
    start_operator
    await_size cache 5
    await_size labelled 1
    await_size missing 7
    await_size alone 2
    [ "$(sizes held)" = 9/9 ]
    [ "$(sizes paused)" = 2/2 ]
    [ "$(field mc/taken .spec.size)" = 2 ]
    [ "$(field deployment/taken .spec.replicas)" = 1 ]
}

@test "a hold, a missing source, a pause: the operator's own words" {
    local name
    create_deployment web 5
    create_sized held 9 '{"sources": [{"kind": "Deployment", "name": "web"}], "scaleDownAfterSeconds": 3600}'
    create_sized missing 2 '{"sources": [{"kind": "Deployment", "name": "gone"}]}'
    create_sized paused 2 '{"sources": [{"kind": "Deployment", "name": "web"}], "paused": true}'
    create_sized invalid 2 '{"min": 5, "max": 3}'
    create_sized loop 2 '{"sources": [{"kind": "Deployment", "name": "loop"}]}'
    start_operator
    await_condition held SizeSynced True Holding
    await_condition missing SizeSynced False SourceMissing
    await_condition paused SizeSynced True Paused
    await_condition invalid SizeSynced False InvalidSpec
    await_condition loop SizeSynced False Loop
    explain_only -o json
    [ "$status" -eq 0 ]
    for name in held missing paused invalid loop; do
        [ "$(jq -r --arg name $name '.[] | select(.name == $name) | "\(.reason) \(.message)"' <<<"$output")" = \
            "$(condition $name SizeSynced reason) $(condition $name SizeSynced message)" ]
        [ "$(jq -c --arg name $name '.[] | select(.name == $name) | [.source, .wish, .decided]' <<<"$output")" = \
            "$(field mc/$name -c '[.status.sizing | .source, .wish, .size]')" ]
    done
    [[ $(explain held) == *"Held:        not below 9 until 20"* ]]
}

@test "no such Memcached, an empty namespace, all namespaces" {
    explain_only nobody
    [ "$status" -eq 1 ]
    [ "$output" = "" ]
    [[ $stderr == *"there is no Memcached \"nobody\" in namespace \"$NS\""*--namespace* ]]
    explain_only
    [ "$status" -eq 0 ]
    [ "$output" = "" ]
    [[ $stderr == *"there is no Memcached in namespace \"$NS\""* ]]
    explain_only -o json
    [ "$output" = "[]" ]
    create_memcached cache 1
    run --separate-stderr "$OPERATOR" explain -A -o json
    [ "$status" -eq 0 ]
    [ "$(jq -r --arg ns "$NS" '.[] | select(.namespace == $ns).name' <<<"$output")" = cache ]
}

@test "without -n it is the context's namespace, as for kubectl" {
    create_memcached cache 1
    kubectl config view --raw --flatten -o json | jq --arg ns "$NS" '.contexts[].context.namespace = $ns' >kubeconfig
    run --separate-stderr "$OPERATOR" explain --kubeconfig=kubeconfig
    [ "$status" -eq 0 ]
    [[ $output == "Memcached:   $NS/cache"* ]]
    run --separate-stderr "$OPERATOR" explain --kubeconfig=kubeconfig -n default cache
    [ "$status" -eq 1 ]
}

@test "a user without rights is told which one is missing" {
    kubectl config view --raw --flatten -o json | jq '.users[].user.as = "nobody"' >kubeconfig
    run --separate-stderr timeout 20 "$OPERATOR" explain --kubeconfig=kubeconfig -n "$NS"
    [ "$status" -eq 1 ]
    [ "$output" = "" ]
    [[ $stderr =~ 403\ Forbidden.*User\ \"nobody\"\ cannot\ (list|watch)\ resource\ \"(memcacheds|deployments)\" ]]
    [[ $stderr == *"has to get, list and watch memcacheds and deployments"* ]]
}

@test "a source that may not be read is named, with the server's words" {
    create_deployment web 5
    create_sized cache 2 '{"sources": [{"kind": "StatefulSet", "name": "api"}]}'
    k create role reader --verb=get,list,watch --resource=memcacheds.cache.example.com,deployments.apps >/dev/null
    k create rolebinding reader --role=reader --user=reader >/dev/null
    kubectl config view --raw --flatten -o json | jq '.users[].user.as = "reader"' >kubeconfig
    is_said() {
        timeout 40 "$OPERATOR" explain --kubeconfig=kubeconfig -n "$NS" |
            grep -F 'SourceMissing: StatefulSet/api cannot be read: 403 Forbidden: statefulsets.apps "api" is forbidden: User "reader" cannot'
    }
    await "it is said" is_said # the server needs a moment to know the role
}

@test "--request-timeout: a server that says nothing" {
    local -i begun_ms
    start_job python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 0))
open("port", "w").write(str(s.getsockname()[1]))
time.sleep(60)'
    await "it listens" test -s port
    kubectl config view --raw --flatten -o json | jq --arg port "$(cat port)" \
        '.clusters[].cluster = {server: "http://127.0.0.1:\($port)"}' >kubeconfig
    begun_ms=$(now_ms)
    run --separate-stderr timeout 20 "$OPERATOR" explain --kubeconfig=kubeconfig --request-timeout=500ms
    [ "$status" -eq 1 ]
    [ "$output" = "" ]
    [[ $stderr == *"no answer within --request-timeout: memcacheds.cache.example.com: not in step"* ]]
    (($(now_ms) - begun_ms < 5000))
}

@test "a server that is not there, and no CustomResourceDefinition" {
    kubectl config view --raw --flatten -o json | jq '.clusters[].cluster.server = "https://127.0.0.1:1"' >kubeconfig
    run --separate-stderr timeout 20 "$OPERATOR" explain --kubeconfig=kubeconfig
    [ "$status" -eq 1 ]
    [[ $stderr == *"https://127.0.0.1:1: "*"Connection refused"* ]]
    kubectl config view --raw --flatten -o json >kubeconfig
    kubectl delete crd "$CRD" >/dev/null
    run --separate-stderr timeout 20 "$OPERATOR" explain --kubeconfig=kubeconfig
    kubectl apply -f "$ROOT/config/crd/bases" >/dev/null
    kubectl wait --for=condition=Established "crd/$CRD" >/dev/null
    [ "$status" -eq 1 ]
    [[ $stderr == *404*"Install the CustomResourceDefinition"* ]]
}

@test "standard output that is full, or that nobody reads to the end" {
    create_memcached cache 1
    explain_to_full() { explain >/dev/full; }
    run --separate-stderr explain_to_full
    [ "$status" -eq 1 ]
    [[ $stderr == *"standard output: No space left on device"* ]]
    [ "$(explain | head -n 1)" = "Memcached:   $NS/cache" ]
}
