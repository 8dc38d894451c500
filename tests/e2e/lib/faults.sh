# shellcheck shell=bash
# What the tests of faults share beside common.sh: load, its history, and a broken way to the server.

# ---- load --------------------------------------------------------------------------------------------

load_pairs() { "$E2E_LIB/load.py" "$NS" "$@"; }

# Pairs that are not right: "NAME: source SIZE memcached SIZE operand SIZE"; $1 how many there must be.
wrong_pairs() {
    {
        api GET "/apis/cache.example.com/v1alpha1/namespaces/$NS/memcacheds"
        api GET "/apis/apps/v1/namespaces/$NS/deployments"
    } | jq -rs --argjson count "$1" '
        (.[0].items | map({key: .metadata.name, value: .}) | from_entries) as $memcacheds
        | (.[1].items | map({key: .metadata.name, value: .}) | from_entries) as $deployments
        | range($count) | "pair-\(.)" as $name
        | $memcacheds[$name] as $m | $deployments[$name] as $operand | $deployments["source-\(.)"] as $source
        | select($m == null or $operand == null or $source == null
            or $source.spec.replicas != $m.spec.size or $m.spec.size != $operand.spec.replicas
            or $operand.metadata.ownerReferences[0].uid != $m.metadata.uid)
        | "\($name): source \($source.spec.replicas) memcached \($m.spec.size) operand \($operand.spec.replicas)"'
}

await_pairs() { await "$1 pairs are right" is "" wrong_pairs "$1"; }

# ---- history -----------------------------------------------------------------------------------------

# Every version of every object of this namespace from now on, as etcd had it: nothing is missed while
# an API server is away. $1 from an earlier revision on
record_history() {
    local from=${1:-}
    [[ -n $from ]] || from=$(next_revision)
    HISTORY=$BATS_TEST_TMPDIR/history
    start_job etcdctl watch --prefix "/registry/cache.example.com/memcacheds/$NS/" --rev="$from" -w json >"$HISTORY.memcacheds"
    start_job etcdctl watch --prefix "/registry/deployments/$NS/" --rev="$from" -w json >"$HISTORY.deployments"
}

next_revision() { etcdctl endpoint status -w json | jq '.[0].Status.header.revision + 1'; }

# spec.size of each Memcached, one line each: NAME SIZE SIZE…, repetitions left out.
size_history() {
    jq -r '.Events[]? | .kv | select(.value != null)
        | "\(.key | @base64d | split("/") | last) \(.value | @base64d | fromjson.spec.size)"' "$HISTORY.memcacheds" |
        awk '$2 != last[$1] {all[$1] = all[$1] " " $2; last[$1] = $2} END {for (name in all) print name all[name]}'
}

# Sizes of pairs grew whenever they changed: their sources only ever grew, so no value came back.
sizes_never_went_back() {
    size_history | awk '
        /^pair-/ {n++; for (i = 3; i <= NF; i++) if ($i + 0 <= $(i - 1) + 0) {print "went back: " $0; bad = 1}}
        END {exit bad || !n}'
}

# Deployments that were created more than once.
created_twice() {
    jq -r '.Events[]? | .kv | "\(.key | @base64d | split("/") | last) \(.create_revision)"' "$HISTORY.deployments" |
        sort -u | awk '{n[$1]++} END {for (name in n) if (n[name] > 1) print name}'
}

# ---- a broken way ------------------------------------------------------------------------------------

# A kubeconfig whose server is 127.0.0.1:PORT.
write_kubeconfig() {
    sed "s#^\( *server:\).*#\1 https://127.0.0.1:$1#" "$KUBECONFIG" >"$2"
}

# A proxy, and a kubeconfig that goes through it. $1 port (0: any). Its port is in PROXY_PORT, its
# pid in PROXY, the kubeconfig in PROXIED.
start_proxy() {
    PROXY_LOG=$BATS_TEST_TMPDIR/proxy.out
    PROXIED=$BATS_TEST_TMPDIR/kubeconfig
    : >"$PROXY_LOG"
    start_job "$E2E_LIB/proxy.py" "$1" "${API_SERVER#https://}" >"$PROXY_LOG" 2>&1
    PROXY=$JOB
    await "the proxy listens" grep -q listening "$PROXY_LOG"
    PROXY_PORT=$(awk '/listening/ {print $3}' "$PROXY_LOG")
    write_kubeconfig "$PROXY_PORT" "$PROXIED"
}

# $1 USR1 or USR2, $2 what it says then
signal_proxy() {
    kill "-$1" "$PROXY"
    await "the proxy has $2" grep -q "$2" "$PROXY_LOG"
}
