#!/usr/bin/env bats
# A day's events in minutes: the operator is as small after them as before.
# level: api-only

bats_require_minimum_version 1.5.0
load lib/chaos.sh

SOAK_SECONDS=${SOAK_SECONDS:-480}
WARM_UP_SECONDS=362 # what has been told is remembered for 6 minutes (RECORDER_SERIES_MS): so long that grows
SAMPLE_SECONDS=1
LEAK_BYTES=4 # so much for each event would be a leak: the least that anybody forgets to free is a pointer, of 8
SLACK_KIB=64 # by which medians of memory may differ for no reason: pages that a rare peak is first to touch
# How often an object was told of is remembered longer, 5 minutes for each time (RECORDER_REFILL_MS), and most are
# told of twice: 5 a second (RECORDER_NORMAL_REFILL_MS) of 200 bytes still come on top while samples are taken.
REMEMBERED_KIB=128

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

# The median of a column in one quarter of the samples after the warm-up. $1 column, $2 1 to 4
median() {
    local -i count
    count=$(wc -l <"$SAMPLES")
    ((count >= 40))
    sed -n "$((count * ($2 - 1) / 4 + 1)),$((count * $2 / 4))p" "$SAMPLES" | cut -d ' ' -f "$1" | sort -n |
        awk '{value[NR] = $1} END {print value[int((NR + 1) / 2)]}'
}

# The most of a column in the first quarter. $1 column
most_at_first() { sed -n "1,$(($(wc -l <"$SAMPLES") / 4))p" "$SAMPLES" | cut -d ' ' -f "$1" | sort -n | tail -n 1; }

# By how many KiB memory may have grown from the first quarter to the last. $1 events in all four
tolerance() {
    local -i leak=$(($1 * 3 * LEAK_BYTES / 4096))
    echo $((REMEMBERED_KIB + (leak > SLACK_KIB ? leak : SLACK_KIB)))
}

@test "memory, descriptors and series are flat over a day's events" {
    local -i first warm last events start before after may_grow
    local names column verdict
    record_history
    SAMPLES=$BATS_TEST_TMPDIR/samples
    start_operator --zap-log-level=error
    first=$(next_revision) start=$(now_ms)
    start_job "$CHAOS_LIB/churn.py" "$NS" "$SOAK_SECONDS" >"$BATS_TEST_TMPDIR/names"
    sleep "$WARM_UP_SECONDS"
    warm=$(next_revision)
    sample_until_end "$JOB" >"$SAMPLES"
    wait "$JOB"
    names=$(<"$BATS_TEST_TMPDIR/names") last=$(next_revision)
    events=$((last - first)) may_grow=$(tolerance $((last - warm)))
    for column in 1 2 3; do
        echo "column $column, medians of the quarters: $(median $column 1) $(median $column 2) $(median $column 3) $(median $column 4)"
    done
    verdict=$(judge_history) || { echo "$verdict" && return 1; }
    before=$(median 1 1) after=$(median 1 4)
    echo "$((last - warm)) events after the warm-up: memory may grow by $may_grow KiB"
    figure "none: $events events of $names in $(seconds_since "$start"), in a day $(a_second "$events")" \
        "" "" "$(reads) + $(writes)" "${verdict%% *}" 0 "$before → $after KiB"
    cat "$LOG"
    [ ! -s "$LOG" ]
    ((after - before <= may_grow))
    (($(median 2 4) <= $(most_at_first 2)))
    (($(median 3 4) <= $(most_at_first 3))) # they follow the names that are there now
    assert_quiet 2
}

# So many events in a day are how many a second.
a_second() { awk -v events="$1" 'BEGIN {printf "%.1f a second\n", events / 86400}'; }
