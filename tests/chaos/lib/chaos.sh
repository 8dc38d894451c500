# shellcheck shell=bash
# What the chaos tests share beside those end to end: figures, and what must hold whatever breaks.

E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../e2e" && pwd)
# shellcheck source-path=SCRIPTDIR source=../../e2e/lib/common.sh
source "$E2E/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=../../e2e/lib/faults.sh
source "$E2E/lib/faults.sh"
CHAOS_LIB=$ROOT/tests/chaos/lib
CHAOS_FIGURES=${CHAOS_FIGURES:-/dev/null}

WAIT_SECONDS=${E2E_WAIT_SECONDS:-60}
WATCHES=4           # what an operator has open: Memcacheds, sources, operands, pods
BACKOFF_ATTEMPTS=6  # of one watch, until its backoff has come to its longest wait
ATTEMPTS_A_WRITE=4  # on the average: each is tried again after 5 ms, 10 ms, and so on while the server is away
WRITES_IN_FLIGHT=16 # libcurl repeats each that was lost on a connection of its own, and keeps that a while
GROWTH_KIB=3072     # for these connections, 100 KiB each, and what malloc does not give back at once
export LOAD_GIVE_UP_SECONDS=180 # longer than any fault

cluster() { "$ROOT/hack/cluster" "$@" 3>&- 4>&-; }

has_logged() { (($(log_count "$1") >= $2)); }

# ---- figures -----------------------------------------------------------------------------------------

# One row of the table that hack/chaos prints: what broke, noticed after, well again after, requests,
# writes, wrong ones, memory. "" where there is nothing to say.
figure() {
    local row
    printf -v row '%s|' "$@"
    echo "$row" | tee -a "$CHAOS_FIGURES"
}

# $1 since when, as of now_ms
seconds_since() { seconds $(($(now_ms) - $1)); }

# milliseconds → "1.2 s"
seconds() { printf '%d.%d s\n' $(($1 / 1000)) $(($1 % 1000 / 100)); }

# ---- a process ---------------------------------------------------------------------------------------

# Anonymous memory, in KiB.
rss() { awk '/^RssAnon/ {print $2}' "/proc/$OPERATOR_PID/status"; }

descriptors() {
    local -a open=("/proc/$OPERATOR_PID/fd"/*)
    echo "${#open[@]}"
}

# When a line was first logged, as of now_ms. $1 pattern, $2 file
logged_at() { date -d "$(grep -m 1 -E -- "$1" "$2" | cut -f 1)" +%s%3N; }

# Requests that read, answered or not: lists, watches, and a GET before each creation.
reads() { metric rest_client_requests_total 'method="GET"'; }

# ---- what must hold ----------------------------------------------------------------------------------

# Before a fault, once all is well: what to compare with.
begin_fault() {
    FAULT_RSS=$(rss) FAULT_DESCRIPTORS=$(descriptors)
    FAULT_READS=$(reads) FAULT_WRITES=$(writes) FAULT_START=$(now_ms)
}

# Deployments of ours that have been created since, as far as they are there.
created() {
    api GET "/apis/apps/v1/namespaces/$NS/deployments?labelSelector=app.kubernetes.io/managed-by=memcached-operator" |
        jq --argjson since $((FAULT_START / 1000)) '[.items[] | select((.metadata.creationTimestamp | fromdate) >= $since)] | length'
}

# After it, once all is well: by the history not one write was wrong, the process is the same one and has
# not grown, and it has not stormed. $1 what broke, $2 well again after, $3 noticed after
end_fault() {
    local verdict
    local -i reads_sent writes_sent created seconds
    verdict=$(judge_history) || { echo "$verdict" && return 1; }
    is_alive "$OPERATOR_PID"
    seconds=$((($(now_ms) - FAULT_START) / 1000)) reads_sent=$(($(reads) - FAULT_READS))
    writes_sent=$(($(writes) - FAULT_WRITES)) created=$(created)
    figure "$1" "${3:-}" "$2" "$reads_sent + $writes_sent" "${verdict%% *}" 0 \
        "$FAULT_RSS → $(rss) KiB"
    echo "$reads_sent reads in $seconds s, $created of them before a creation; descriptors: $FAULT_DESCRIPTORS, then $(descriptors)"
    ((reads_sent - created <= WATCHES * (BACKOFF_ATTEMPTS + seconds / 4)))
    ((writes_sent <= ATTEMPTS_A_WRITE * ${verdict%% *}))
    (($(rss) <= FAULT_RSS + GROWTH_KIB))
    (($(descriptors) <= FAULT_DESCRIPTORS + WRITES_IN_FLIGHT + WATCHES))
}

# What was there is right, and what is new becomes so. $1 how many pairs there are
assert_works() {
    await_pairs "$1"
    create_memcached after 1
    create_deployment source-after 3 after
    await_size after 3
    await "the operator is ready" is_ready
}

# "N writes, N wrong"; fails with what was wrong. What etcd tells may lag behind: a Memcached of our own ends it.
judge_history() {
    local end=end-$RANDOM verdict status=0
    create_memcached "$end" 0
    await "the history of Memcacheds is complete" history_has memcacheds "/registry/cache.example.com/memcacheds/$NS/$end"
    await "the history of Deployments is complete" history_has deployments "/registry/deployments/$NS/$end"
    verdict=$("$CHAOS_LIB/history.py" "$HISTORY.memcacheds" "$HISTORY.deployments") || status=$?
    tail -n 1 <<<"$verdict"
    ((status == 0)) || head -n -1 <<<"$verdict"
    return "$status"
}

history_has() { grep -qF "\"$(printf '%s' "$2" | base64 -w 0)\"" "$HISTORY.$1"; }
