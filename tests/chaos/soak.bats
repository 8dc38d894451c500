#!/usr/bin/env bats
# A day's events in minutes: the operator is as small after them as before.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/chaos.sh

SOAK_SECONDS=${SOAK_SECONDS:-240}
SAMPLE_SECONDS=2
TOLERANCE_KIB=256 # by which memory may differ: one arena's slack, of some 3 MiB

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

series() { ask_operator /metrics | grep -vc '^#'; }

# "MEMORY DESCRIPTORS SERIES", a line a sample, until a process ends. $1 pid
sample_until_end() {
    while is_alive "$1"; do
        echo "$(rss) $(descriptors) $(series)"
        sleep "$SAMPLE_SECONDS"
    done
}

# The median of a column in one quarter of the samples. $1 column, $2 quarter
median() {
    local -i count
    count=$(wc -l <"$SAMPLES")
    ((count >= 40))
    sed -n "$((count * ($2 - 1) / 4 + 1)),$((count * $2 / 4))p" "$SAMPLES" | cut -d ' ' -f "$1" | sort -n |
        awk '{value[NR] = $1} END {print value[int((NR + 1) / 2)]}'
}

@test "memory, descriptors and series are flat over a day's events" {
    local -i first events start
    local names column before after
    SAMPLES=$BATS_TEST_TMPDIR/samples
    start_operator
    first=$(next_revision) start=$(now_ms)
    start_job "$CHAOS_LIB/churn.py" "$NS" "$SOAK_SECONDS" >"$BATS_TEST_TMPDIR/names"
    sample_until_end "$JOB" >"$SAMPLES"
    wait "$JOB"
    names=$(<"$BATS_TEST_TMPDIR/names") events=$(($(next_revision) - first))
    for column in 1 2 3; do
        echo "column $column, medians of the quarters: $(median $column 1) $(median $column 2) $(median $column 3) $(median $column 4)"
    done
    [ "$(log_count 'Reconciler error')" -eq 0 ]
    before=$(median 1 2) after=$(median 1 4)
    figure "none: $events events, $names, in $(seconds_since "$start"); as a day: $((events / 86400)).$((events * 10 / 86400 % 10)) a second" \
        "" "" "" "$(writes)" 0 "$before → $after KiB"
    ((after - before <= TOLERANCE_KIB))
    (($(median 2 4) <= $(median 2 2)))
    (($(median 3 4) <= $(median 3 2)))
    assert_quiet 2
}
