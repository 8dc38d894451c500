# shellcheck shell=bash
# What the end-to-end tests share: operators that are started and ended, objects, and waiting for
# states. Each test has a namespace of its own, and operators that see nothing else.
#
# hack/test starts the cluster that a file's "# level:" names. By hand, with one that is up:
#   eval "$(hack/cluster env)" && bats tests/e2e/sync.bats
# OPERATOR names another binary than build/memcached-operator, E2E_WAIT_SECONDS how long a state
# may take to come (default: 20).

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
export E2E_LIB=$ROOT/tests/e2e/lib
OPERATOR=${OPERATOR:-$ROOT/build/memcached-operator}
WAIT_SECONDS=${E2E_WAIT_SECONDS:-20}
STOP_SECONDS=5 # what an operator has, to end after a signal
LABEL=memcached-operator/associated-memcached-deployment-name
CRD=memcacheds.cache.example.com
export CLAIM_LABEL=$LABEL

# ---- before and after ----------------------------------------------------------------------------

# For setup_file: the CRD is there, and what "api" needs.
prepare_cluster() {
    kubectl apply -f "$ROOT/config/crd/bases" >&2
    kubectl wait --for=condition=Established "crd/$CRD" >&2
    prepare_api
}

prepare_api() {
    local part
    API_SERVER=$(kubectl config view --raw -o 'jsonpath={.clusters[0].cluster.server}')
    for part in clusters[0].cluster.certificate-authority-data users[0].user.client-certificate-data \
        users[0].user.client-key-data; do
        kubectl config view --raw --flatten -o "jsonpath={.$part}" | base64 -d >"$BATS_FILE_TMPDIR/${part##*.}"
    done
    export API_SERVER
}

# For setup.
begin_test() {
    local file=${BATS_TEST_FILENAME##*/}
    begin_test_without_cluster
    file=${file//_/-} # as names of namespaces are
    NS=${file%.bats}-$BATS_TEST_NUMBER-$(printf '%04x' $((RANDOM * 2)))
    create_namespace "$NS"
}

begin_test_without_cluster() {
    cd "$ROOT" || return
    OPERATORS=() JOBS=() SECRETS=()
}

# For teardown. What still runs must end well when asked to. Operators for all namespaces, in later
# tests, find no Memcached of this one.
end_test() {
    local job pid log failed=0
    for pid in "${OPERATORS[@]}"; do
        kill -CONT "$pid" 2>/dev/null || continue
        stop_operator "$pid" || failed=1
    done
    for job in "${JOBS[@]}"; do
        end_job "$job"
    done
    [[ -z ${NS:-} ]] || api DELETE "$(path_of mc/)" >/dev/null 2>&1 || true
    for log in "$BATS_TEST_TMPDIR"/*.log; do
        [[ -e $log ]] || continue
        ! grep -E 'AddressSanitizer|LeakSanitizer|runtime error:' "$log" || failed=1
        printf -- '---- %s\n' "${log##*/}" && tail -n 60 "$log"
    done
    no_secret_was_said || failed=1
    return "$failed"
}

# ---- secrets -------------------------------------------------------------------------------------------

# All that this test's operators were given to log in with: tokens, passwords and private keys in
# kubeconfigs, the lines of such keys, and what a test has put into SECRETS.
secrets() {
    local -a configs=("$BATS_TEST_TMPDIR"/*kubeconfig* ${KUBECONFIG:+"$KUBECONFIG"} ${ACCOUNT:+"$ACCOUNT"})
    local value
    {
        ((${#SECRETS[@]} == 0)) || printf '%s\n' "${SECRETS[@]}"
        sed -nE 's/.*\b(token|password|client-key-data)"?: *"?([^" ,}]+).*/\2/p' "${configs[@]}" 2>/dev/null
        base64 -w 0 "$BATS_FILE_TMPDIR/client-key-data" 2>/dev/null # and what prepare_api has got out of files
    } | sort -u | while read -r value; do
        echo "$value"
        # a key may be said in the lines that it has once it is decoded
        [[ $value != LS0t* ]] || base64 -d <<<"$value" 2>/dev/null | grep -v -e '-----'
    done | awk 'length > 7'
}

# Not one of them is in any log of this test or its file.
no_secret_was_said() {
    local -a logs
    mapfile -t logs < <(find "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" -name '*.log' -type f)
    ((${#logs[@]} == 0)) || ! grep -F -f <(secrets) "${logs[@]}"
}

# ---- processes -----------------------------------------------------------------------------------

# Run a command in the background until the test's end; its pid is in JOB.
start_job() {
    "$@" 3>&- 4>&- </dev/null &
    JOB=$!
    JOBS+=("$JOB")
}

end_job() {
    kill -TERM "$1" 2>/dev/null || return 0
    wait "$1" 2>/dev/null || true
}

# Start an operator and wait for nothing. $1 its name, then its flags; one that is given twice
# counts the second time. Its output is in NAME.log, its pid in OPERATOR_PID.
launch() {
    LOG=$BATS_TEST_TMPDIR/$1.log
    launch_to "$LOG" "${@:2}"
}

# $1 where its output goes, then its flags
launch_to() {
    local output=$1
    shift
    "$OPERATOR" --metrics-bind-address=127.0.0.1:0 --health-probe-bind-address=127.0.0.1:0 "$@" \
        >>"$output" 2>&1 3>&- 4>&- </dev/null &
    OPERATOR_PID=$!
    OPERATORS+=("$OPERATOR_PID")
}

# An operator for this test's namespace, ready.
start_operator() {
    launch operator --watch-namespaces="$NS" "$@"
    await "the operator is ready" is_ready
}

# Ends as it should: within 5 s, exit code 0.
stop_operator() {
    local pid=${1:-$OPERATOR_PID} status=0
    kill -TERM "$pid"
    await_end "$pid" $STOP_SECONDS || return
    wait "$pid" || status=$?
    forget_operator "$pid"
    ((status == 0)) || echo "operator $pid ended with exit code $status"
    return "$status"
}

# Nobody waits for it any more: await must not take its end for a failure.
forget_operator() { [[ $1 != "${OPERATOR_PID:-}" ]] || unset OPERATOR_PID; }

# $1 pid, $2 seconds
await_end() {
    local -i until_ms
    until_ms=$(($(now_ms) + $2 * 1000))
    while is_alive "$1"; do
        if (($(now_ms) > until_ms)); then
            echo "process $1 has not ended within $2 s"
            return 1
        fi
        sleep 0.02
    done
}

kill_operator() {
    local pid=${1:-$OPERATOR_PID}
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
    forget_operator "$pid"
}

is_alive() { kill -0 "$1" 2>/dev/null; }

now_ms() { echo "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

# Where metrics and probes are served: the port that the process listens on.
operator_url() {
    local pid=${1:-$OPERATOR_PID} line
    line=$(ss -Hltnp | grep -F "pid=$pid,") || return
    [[ $line =~ 127\.0\.0\.1:([0-9]+) ]] && echo "http://127.0.0.1:${BASH_REMATCH[1]}"
}

# $1 path, $2 pid
ask_operator() {
    local url
    url=$(operator_url "${@:2}") && curl -sS --max-time 5 "$url$1"
}

is_ready() { [[ $(ask_operator /readyz "$@") == ok* ]]; }

is_not_ready() {
    local url
    url=$(operator_url) && [[ $(curl -s -o /dev/null -w '%{http_code}' "$url/readyz") == 503 ]]
}

# The sum of all samples of a metric; $2 is what their labels must contain, $3 the pid.
metric() {
    ask_operator /metrics "${@:3}" | awk -v name="$1" -v part="${2:-}" '
        {split($1, a, "{")} a[1] == name && index($0, part) {sum += $NF; n++} END {print sum + 0; exit !n}'
}

# Requests that change something, events among them. $1 pid
writes() {
    ask_operator /metrics "$@" | awk '
        /^rest_client_requests_total/ && /method="(POST|PUT|PATCH|DELETE)"/ {sum += $NF} END {print sum + 0}'
}

# ---- the log ---------------------------------------------------------------------------------------

log_has() { grep -qE -- "$1" "$LOG"; }
log_count() { grep -cE -- "$1" "$LOG" || true; }

# ---- the API -----------------------------------------------------------------------------------------

# What kubectl knows of the server's resources it would keep for 10 minutes, and for all clusters that
# ever had this port.
k() { kubectl --cache-dir="$BATS_TEST_TMPDIR/discovery" --namespace="$NS" "$@"; }

# $1 method, $2 path, then curl's options: for what kubectl 1.20 cannot do, and where speed counts.
api() {
    local method=$1 path=$2
    shift 2
    curl -sS --fail --max-time 30 -X "$method" --cacert "$BATS_FILE_TMPDIR/certificate-authority-data" \
        --cert "$BATS_FILE_TMPDIR/client-certificate-data" --key "$BATS_FILE_TMPDIR/client-key-data" \
        "$@" "$API_SERVER$path"
}

# $1 kind and name as "mc/a" or "deployment/a", $2 part of the path behind
path_of() {
    case $1 in
        mc/*) echo "/apis/cache.example.com/v1alpha1/namespaces/$NS/memcacheds/${1#*/}${2:-}" ;;
        deployment/* | statefulset/* | replicaset/*) echo "/apis/apps/v1/namespaces/$NS/${1%%/*}s/${1#*/}${2:-}" ;;
        squad/*) echo "/apis/teams.example.com/v1/namespaces/$NS/squads/${1#*/}${2:-}" ;; # lib/size_from.sh
        pod/*) echo "/api/v1/namespaces/$NS/pods/${1#*/}${2:-}" ;;
    esac
}

# jq on one object, its options first: field mc/a -c .spec
field() { api GET "$(path_of "$1")" | jq -r "${@:2}"; }

# $1 object, $2 merge patch, $3 subresource
patch() {
    api PATCH "$(path_of "$1" "${3:+/$3}")" -H 'Content-Type: application/merge-patch+json' -d "$2" >/dev/null
}

create_namespace() {
    api POST /api/v1/namespaces -H 'Content-Type: application/json' -d "{\"metadata\": {\"name\": \"$1\"}}" >/dev/null
}

exists() { api GET "$(path_of "$1")" >/dev/null 2>&1; }
is_gone() { ! exists "$1"; }

memcached_yaml() {
    printf '{"apiVersion": "cache.example.com/v1alpha1", "kind": "Memcached", "metadata": {"name": "%s"}, "spec": {"size": %d}}\n' "$@"
}

# $1 name, $2 size
create_memcached() {
    api POST "$(path_of mc/)" -H 'Content-Type: application/json' -d "$(memcached_yaml "$@")" >/dev/null
}

# $1 name, $2 replicas, $3 the Memcached that it claims, if any: then the label's value, even ""
create_deployment() {
    local labels='{}'
    (($# < 3)) || labels=$(jq -nc --arg key "$LABEL" --arg value "$3" '{($key): $value}')
    jq -nc --arg name "$1" --argjson replicas "$2" --argjson labels "$labels" '{
        apiVersion: "apps/v1", kind: "Deployment", metadata: {$name, $labels},
        spec: {
            $replicas, selector: {matchLabels: {app: $name}},
            template: {
                metadata: {labels: {app: $name}},
                spec: {containers: [{name: "c", image: "memcached:1.6", imagePullPolicy: "IfNotPresent"}]}}}}' |
        api POST "$(path_of deployment/)" -H 'Content-Type: application/json' -d @- >/dev/null
}

scale_deployment() { patch "deployment/$1" "{\"spec\": {\"replicas\": $2}}"; }
delete() { api DELETE "$(path_of "$1")" "${@:2}" >/dev/null; }

# $1 object, $2 value; without one the label goes
set_claim() {
    local value=null
    (($# < 2)) || value=\"$2\"
    patch "$1" "{\"metadata\": {\"labels\": {\"$LABEL\": $value}}}"
}

# $1 Memcached, $2 type, $3 part of the condition: "status", "reason", "message"
condition() { field "mc/$1" "[.status.conditions[]? | select(.type == \"$2\")][0].$3 // \"\""; }

# Events of an object as REASON TYPE COUNT MESSAGE. $1 as in "mc/a"
events_of() {
    local kind=Memcached
    [[ $1 == mc/* ]] || kind=Deployment
    api GET "/api/v1/namespaces/$NS/events" | jq -r --arg kind $kind --arg name "${1#*/}" '
        .items[] | select(.involvedObject.kind == $kind and .involvedObject.name == $name)
        | "\(.reason) \(.type) \(.series.count // 1) \(.message)"'
}

has_event() { events_of "$1" | grep -qE -- "^$2"; }

# ---- waiting -----------------------------------------------------------------------------------------

# Wait for a state: $1 says which, then a command that succeeds once it is there.
await() {
    local what=$1
    local -i until_ms
    shift
    until_ms=$(($(now_ms) + WAIT_SECONDS * 1000))
    until "$@" >"$BATS_TEST_TMPDIR/await" 2>&1; do
        if (($(now_ms) > until_ms)); then
            printf 'not within %s s: %s\n' "$WAIT_SECONDS" "$what"
            cat "$BATS_TEST_TMPDIR/await"
            return 1
        fi
        if [[ -n ${OPERATOR_PID:-} ]] && ! is_alive "$OPERATOR_PID"; then
            printf '%s: the operator has ended\n' "$what"
            return 1
        fi
        sleep 0.05
    done
}

# is VALUE COMMAND...: that is what the command prints
is() {
    local want=$1 got
    shift
    got=$("$@") || return
    [[ $got == "$want" ]] || {
        printf 'wanted "%s", got "%s"\n' "$want" "$got"
        return 1
    }
}

# The Memcached and its Deployment both have the size.
sizes() { printf '%s/%s\n' "$(field "mc/$1" .spec.size)" "$(field "deployment/$1" .spec.replicas)"; }
await_size() { await "$1 and its Deployment have size $2" is "$2/$2" sizes "$1"; }

await_condition() {
    await "condition $2 of $1 is $3 $4" is "$3 $4" condition_text "$1" "$2"
}
condition_text() { field "mc/$1" ".status.conditions[]? | select(.type == \"$2\") | \"\(.status) \(.reason)\""; }

await_event() { await "an event of $1: $2" has_event "$1" "$2"; }

# Everything of this namespace that a write would change, and how many writes the operator has sent.
picture() {
    api GET "/apis/cache.example.com/v1alpha1/namespaces/$NS/memcacheds" |
        jq -r '.items[] | "Memcached \(.metadata.name) \(.metadata.resourceVersion)"'
    api GET "/apis/apps/v1/namespaces/$NS/deployments" |
        jq -r '.items[] | "Deployment \(.metadata.name) \(.metadata.resourceVersion)"'
    [[ -z ${OPERATOR_PID:-} ]] || echo "writes $(writes "$OPERATOR_PID")"
}

# With a controller manager, which may be slow: it has done what it has to for all Deployments here,
# so that nothing it writes is still to come.
controllers_are_done() {
    ! grep -qE '^# level: (control-plane|newest|node)$' "$BATS_TEST_FILENAME" ||
        api GET "/apis/apps/v1/namespaces/$NS/deployments" | jq -e 'all(.items[];
            .status.observedGeneration == .metadata.generation and (.status.replicas // 0) == .spec.replicas)'
}

picture_has_settled() {
    local before
    controllers_are_done || return
    before=$(picture)
    sleep 0.3
    diff <(echo "$before") <(picture)
}

# Nothing is written for so many seconds: no object changes, and no request is sent that would not
# show because it changes nothing.
assert_quiet() {
    local before
    await "nothing is written any more" picture_has_settled
    before=$(picture)
    sleep "$1"
    diff <(echo "$before") <(picture)
}
