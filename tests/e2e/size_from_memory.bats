#!/usr/bin/env bats
# spec.sizeFrom: a Deployment that nobody refers to costs the operator no memory.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh
load lib/size_from.sh

CROWD=10000
MOST_KIB=512

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() {
    end_test
    "$E2E_LIB/crowd.py" "$NS" 0
}

rss_anon_kib() { awk '/^RssAnon:/ {print $2}' "/proc/$OPERATOR_PID/status"; }

# It has followed the source, and has nothing to do any more. $1 replicas
follow() {
    scale deployment/web "$1"
    await_size cache "$1"
    await "nothing is written any more" picture_of_cache_has_settled
}

picture_of_cache_has_settled() {
    local before
    before=$(field mc/cache .metadata.resourceVersion)
    sleep 0.3
    [ "$(field mc/cache .metadata.resourceVersion)" = "$before" ]
}

count() { api GET "$(path_of deployment/)?limit=1" | jq '.metadata.remainingItemCount + (.items | length)'; }

@test "10 000 Deployments, one of them named: less than 0.5 MB more, whether they come before the operator or after" {
    local -i before after anew
    create_deployment web 2
    create_follower cache 1 '{sources: ["Deployment/web"]}'
    start_operator
    follow 3
    before=$(rss_anon_kib)
    field deployment/web | "$E2E_LIB/crowd.py" "$NS" "$CROWD"
    [ "$(count)" -eq $((CROWD + 2)) ]
    follow 4
    after=$(rss_anon_kib)
    stop_operator
    start_operator
    follow 5
    anew=$(rss_anon_kib)
    echo "RssAnon: $before KiB without them, $after KiB with them, $anew KiB after a restart"
    ((after - before < MOST_KIB))
    ((anew - before < MOST_KIB))
}
