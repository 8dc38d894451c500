#!/usr/bin/env bats
# What flags make of it: which namespaces, how fast, how often, and not at all.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

@test "--watch-namespaces=a,b: both are served, others are not touched" {
    local a=$NS b=$NS-b c=$NS-c before ns
    create_namespace "$b"
    create_namespace "$c"
    for ns in "$a" "$b" "$c"; do
        NS=$ns create_memcached web 1
        NS=$ns create_deployment source 3 web
    done
    before=$(NS=$c OPERATOR_PID='' picture)
    launch operator --watch-namespaces="$a,$b"
    await "the operator is ready" is_ready
    NS=$a await_size web 3
    NS=$b await_size web 3
    NS=$c scale_deployment source 3 # what is not watched brings nothing, whatever happens there
    NS=$c assert_quiet 1
    [ "$(NS=$c OPERATOR_PID='' picture)" = "$before" ]
}

@test "without --watch-namespaces all are served" {
    create_memcached web 1
    create_deployment source 3 web
    launch operator
    await "the operator is ready" is_ready
    await_size web 3
    create_namespace "$NS-later"
    NS=$NS-later create_memcached web 2
    NS=$NS-later await_size web 2
}

@test "--dry-run says what it would write, and writes nothing" {
    local before
    local -i lines
    create_memcached web 1
    create_memcached old 1
    create_deployment source 3 web
    before=$(OPERATOR_PID='' picture)
    start_operator --dry-run --leader-elect --leader-elect-namespace="$NS"
    await "it would create" log_has "Dry run: would send.*\"POST\".*/namespaces/$NS/deployments\?"
    await "it would scale" log_has "Dry run: would send.*\"PATCH\".*/memcacheds/web\?.*\\\\\"size\\\\\":3"
    [ "$(OPERATOR_PID='' picture)" = "$before" ]
    [ "$(writes)" -eq 0 ]
    lines=$(wc -l <"$LOG")
    sleep 1 # it does not say so again and again
    [ "$(wc -l <"$LOG")" -eq $lines ]
    [ "$(OPERATOR_PID='' picture)" = "$before" ]
    [ "$(api GET "/api/v1/namespaces/$NS/events" | jq '.items | length')" = 0 ]
    [ "$(api GET "/apis/coordination.k8s.io/v1/namespaces/$NS/leases" | jq '.items | length')" = 0 ]
    # It follows what others do.
    create_memcached new 2
    await "it would create that as well" log_has 'Dry run: would send.*\\"name\\":\\"new\\"'
}

requests() { metric rest_client_requests_total; }

@test "--kube-api-qps limits the requests a second" {
    local n
    local -i first more start
    start_operator --kube-api-qps=5
    first=$(requests)
    start=$(now_ms)
    for n in {1..20}; do
        create_memcached "web-$n" 1
    done
    await "some are created" is 1 field deployment/web-5 .spec.replicas
    more=$(($(requests) - first))
    echo "$more requests in $(($(now_ms) - start)) ms"
    ((more <= 6 + 5 * ($(now_ms) - start) / 1000)) # 5 of them may come at once
    for n in {1..20}; do
        await_size "web-$n" 1
    done
}

@test "--sync-period looks at everything again, and writes nothing for it" {
    local -i before
    start_operator --sync-period=500ms
    create_memcached web 1
    await_condition web Reconciled True AsDesired
    await "nothing is written any more" picture_has_settled
    before=$(metric controller_runtime_reconcile_total)
    await "it looks again" looked_more_than $((before + 3))
    assert_quiet 1
}

looked_more_than() { (($(metric controller_runtime_reconcile_total) > $1)); }

@test "--max-concurrent-reconciles=1 works through all of it" {
    for n in {1..5}; do
        create_memcached "web-$n" 1
        create_deployment "source-$n" 2 "web-$n"
    done
    start_operator --max-concurrent-reconciles 1
    for n in {1..5}; do
        await_size "web-$n" 2
    done
}

@test "--zap-encoder=json: each line is a JSON object with the fields of zap" {
    start_operator --zap-encoder=json --zap-log-level=info --zap-time-encoding=rfc3339
    create_memcached web 1
    create_deployment source 3 web
    await_size web 3
    jq -es 'length > 3 and all(.[]; (.level | IN("info", "error")) and (.ts | test("^20..-..-..T")) and (.msg | length > 0))' "$LOG"
    jq -es --arg ns "$NS" 'any(.[]; .logger == "controllers.DeploymentSync" and .from == 1 and .to == 3
        and .msg == "Replica count on deployment has changed. Syncing memcached" and ."memcached-identifier" == $ns + "/web")' "$LOG"
}
