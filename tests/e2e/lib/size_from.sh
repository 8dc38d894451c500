# shellcheck shell=bash
# What the tests of spec.sizeFrom share beside common.sh: Memcacheds that follow, whom they follow,
# and what a controller would say of their Deployments where there is none.

# A kind that only this file's tests know: it can be scaled, by spec.crew.
SQUADS=squads.teams.example.com

prepare_squads() {
    kubectl apply -f "$E2E_LIB/squads.yaml" >&2
    kubectl wait --for=condition=Established "crd/$SQUADS" >&2
}

# sizeFrom is written as jq has it, a source as "KIND/NAME": {sources: ["Deployment/web"], min: 2}
SIZE_FROM='if type == "object" and has("sources") then .sources |= map(if type == "string"
    then split("/") | {kind: .[0], name: .[1]} else . end) else . end'

# $1 name, $2 size, $3 sizeFrom
follower() { memcached_yaml "$1" "$2" | jq -c ".spec.sizeFrom = ($3 | $SIZE_FROM)"; }
create_follower() {
    follower "$@" | api POST "$(path_of mc/)" -H 'Content-Type: application/json' -d @- >/dev/null
}

# Other rules, in place of all that there were. $1 name, $2 sizeFrom
set_rules() {
    jq -nc "[{op: \"add\", path: \"/spec/sizeFrom\", value: ($2 | $SIZE_FROM)}]" |
        api PATCH "$(path_of "mc/$1")" -H 'Content-Type: application/json-patch+json' -d @- >/dev/null
}

# $1 "statefulset/NAME", "replicaset/NAME" or "squad/NAME", $2 replicas
create_source() {
    jq -nc --arg name "${1#*/}" --argjson replicas "$2" --arg kind "${1%%/*}" '
        {app: $name} as $labels
        | {metadata: {labels: $labels}, spec: {containers: [{name: "c", image: "memcached:1.6"}]}} as $template
        | {metadata: {$name}, spec: {$replicas, selector: {matchLabels: $labels}, $template}}
        | if $kind == "squad" then
            {apiVersion: "teams.example.com/v1", kind: "Squad", metadata: {$name}, spec: {crew: $replicas}}
          elif $kind == "statefulset" then .spec.serviceName = "none" else . end' |
        api POST "$(path_of "${1%%/*}/")" -H 'Content-Type: application/json' -d @- >/dev/null
}

# $1 any object with replicas, $2 how many
scale() { patch "$1" "{\"spec\": {\"replicas\": $2}}" scale; }

# What the Deployment's controller would say once all pods are there. $1 name, $2 how many are ready (default: all)
carry_out() {
    local spec
    spec=$(field "deployment/$1" -c '[.metadata.generation, .spec.replicas]')
    patch "deployment/$1" "$(jq -nc --argjson spec "$spec" --argjson ready "${2:-null}" '
        {status: {observedGeneration: $spec[0], replicas: $spec[1], readyReplicas: ($ready // $spec[1])}}')" status
}

# $1 Memcached, $2 what the message of its SizeSynced is, by bash's [[ == ]]
await_message() { await "SizeSynced of $1 says: $2" message_is "$1" "$2"; }
message_is() {
    local message
    message=$(condition "$1" SizeSynced message)
    # shellcheck disable=SC2053 # it is a pattern
    [[ $message == $2 ]] || {
        echo "it says: $message"
        return 1
    }
}

# A column of kubectl get mc -o wide. $1 name of the Memcached, $2 of the column
column() {
    k get mc "$1" -o wide | awk -v column="$2" '
        NR == 1 {from = index($0, column); rest = substr($0, from); width = match(rest, / +[A-Z]/) ? RSTART + RLENGTH - 2 : 99}
        NR == 2 {text = substr($0, from, width); sub(/ *$/, "", text); print text}'
}
