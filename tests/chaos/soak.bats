#!/usr/bin/env bats
# A day's events in minutes: the operator is as small after them as before.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/chaos.sh

SOAK_SECONDS=${SOAK_SECONDS:-430}
WARM_UP_SECONDS=370 # what has been told is remembered for 6 minutes (RECORDER_SERIES_MS): so long that grows
SAMPLE_SECONDS=1
TOLERANCE_KIB=128 # by which medians of memory may differ, of some 4 MiB: one page or two of each size of malloc's

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

# The median of a column in the first or last third of the samples after the warm-up. $1 column, $2 1 or 3
median() {
    local -i count
    count=$(wc -l <"$SAMPLES")
    ((count >= 30))
    sed -n "$((count * ($2 - 1) / 3 + 1)),$((count * $2 / 3))p" "$SAMPLES" | cut -d ' ' -f "$1" | sort -n |
        awk '{value[NR] = $1} END {print value[int((NR + 1) / 2)]}'
}

@test "memory, descriptors and series are flat over a day's events" {
    local -i first events start before after
    local names column verdict
    record_history
    SAMPLES=$BATS_TEST_TMPDIR/samples
    start_operator --zap-log-level=error
    first=$(next_revision) start=$(now_ms)
    start_job "$CHAOS_LIB/churn.py" "$NS" "$SOAK_SECONDS" >"$BATS_TEST_TMPDIR/names"
    sleep "$WARM_UP_SECONDS"
    sample_until_end "$JOB" >"$SAMPLES"
    wait "$JOB"
    names=$(<"$BATS_TEST_TMPDIR/names") events=$(($(next_revision) - first))
    for column in 1 2 3; do
        echo "column $column, medians of the thirds: $(median $column 1) $(median $column 2) $(median $column 3)"
    done
    verdict=$(judge_history) || { echo "$verdict" && return 1; }
    before=$(median 1 1) after=$(median 1 3)
    figure "none: $events events of $names in $(seconds_since "$start"), in a day $(a_second "$events")" \
        "" "" "$(reads) + $(writes)" "${verdict%% *}" 0 "$before → $after KiB"
    cat "$LOG"
    [ ! -s "$LOG" ]
    ((after - before <= TOLERANCE_KIB))
    (($(median 2 3) <= $(median 2 1)))
    (($(median 3 3) <= $(median 3 1)))
    assert_quiet 2
}

# So many events in a day are how many a second.
a_second() { awk -v events="$1" 'BEGIN {printf "%.1f a second\n", events / 86400}'; }
