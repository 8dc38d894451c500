#!/usr/bin/env bats
# /metrics as Prometheus and the dashboards of controller-runtime want it; /healthz and /readyz.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/common.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

@test "after some work: all names are there, the format is right, the numbers are true" {
    local name
    start_operator --leader-elect --leader-elect-namespace="$NS"
    create_memcached web 1
    create_deployment source 3 web
    await_size web 3
    await_condition web SizeSynced True InSync
    ask_operator /metrics | tee "$BATS_TEST_TMPDIR/metrics.txt" | "$E2E_LIB/check_metrics.py"
    for name in controller_runtime_reconcile_total controller_runtime_reconcile_errors_total \
        controller_runtime_reconcile_time_seconds_bucket workqueue_depth workqueue_adds_total workqueue_retries_total \
        rest_client_requests_total leader_election_master_status process_cpu_seconds_total \
        process_resident_memory_bytes process_virtual_memory_bytes process_open_fds process_max_fds process_start_time_seconds; do
        grep -qE "^${name}[ {]" "$BATS_TEST_TMPDIR/metrics.txt" || { echo "no $name" && false; }
    done
    (($(metric controller_runtime_reconcile_total 'controller="memcached",result="success"') > 0))
    (($(metric controller_runtime_reconcile_total 'controller="deploymentsync",result="success"') > 0))
    [ "$(metric controller_runtime_reconcile_errors_total)" = 0 ]
    [ "$(metric rest_client_requests_total 'code="201",method="POST"')" -ge 1 ]
    (($(metric rest_client_requests_total "host=\"${API_SERVER#https://}\"") > 0))
    [ "$(metric leader_election_master_status)" = 1 ]
    [ "$(metric workqueue_depth)" = 0 ]
    (($(metric process_resident_memory_bytes) > 1000000))
}

@test "the checker of the format can fail" {
    local bad
    for bad in 'a_total 1' $'# HELP a x\n# TYPE a gauge\na 1\na 2' $'# HELP a x\n# TYPE a counter\na 1' \
        $'# HELP a x\n# TYPE a gauge\na{b="c} 1' $'# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_sum 1\nh_count 2'; do
        run "$E2E_LIB/check_metrics.py" <<<"$bad"
        [ "$status" -ne 0 ]
    done
}

# $1 path, then curl's options
status_of() { curl -sS -o /dev/null -w '%{http_code}' "${@:2}" "$(operator_url)$1"; }

@test "/healthz, /readyz and what is not there" {
    start_operator
    [ "$(status_of /healthz)" = 200 ]
    [ "$(status_of /readyz)" = 200 ]
    [ "$(status_of /metrics)" = 200 ]
    [ "$(status_of /nothing)" = 404 ]
    [ "$(status_of /metrics -X POST)" = 405 ]
    curl -sS -D - -o /dev/null "$(operator_url)/metrics" | grep -i '^content-type: text/plain; version=0.0.4'
}

@test "addresses of their own; 0 turns them off" {
    launch operator --watch-namespaces="$NS" --metrics-bind-address=0 --health-probe-bind-address=127.0.0.1:0
    await "the operator is ready" is_ready
    [ "$(status_of /metrics)" = 404 ]
    stop_operator
    launch operator --watch-namespaces="$NS" --metrics-bind-address=127.0.0.1:0 --health-probe-bind-address=0
    await "metrics are served" is 200 status_of /metrics
    [ "$(status_of /readyz)" = 404 ]
    stop_operator
    launch operator --watch-namespaces="$NS" --metrics-bind-address=0 --health-probe-bind-address=0
    create_memcached web 1
    await_size web 1
    run operator_url
    [ "$status" -ne 0 ]
}

@test "an address that is taken: one clear line, exit code 1" {
    local address
    start_operator
    address=$(operator_url)
    address=${address#http://}
    run "$OPERATOR" --metrics-bind-address="$address" --health-probe-bind-address=0
    echo "$output"
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *"$address"* ]]
}
