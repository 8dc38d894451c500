#!/usr/bin/env bats
# etcd is put back to an older snapshot while the operator runs: what it believes has never been.
# level: control-plane

bats_require_minimum_version 1.5.0
load lib/chaos.sh

setup_file() { prepare_cluster; }
setup() { begin_test; }
teardown() { end_test; }

# What the snapshot does not have: other sizes, objects that are new, gone, or others of the same name.
begin_newer_world() {
    local n
    load_pairs 40 scale 6
    await_pairs 40
    for n in 1 2 3; do
        create_memcached "newer-$n" 1
        create_deployment "source-newer-$n" 4 "newer-$n"
        await_size "newer-$n" 4
        delete "mc/pair-$n"
    done
    await "pair-3's Deployment is collected" is_gone deployment/pair-3
    create_memcached pair-3 1
    await_size pair-3 6
}

# $1 the snapshot, $2 what broke
assert_restored() {
    local start
    begin_fault
    cluster restore "$1"
    start=$(now_ms)
    record_history "$FROM" # of the restored world alone
    await_pairs 40
    await "the operator is ready" is_ready
    # Its view is that of the restored world: what changes there, it follows.
    scale_deployment source-0 7
    await_size pair-0 7
    create_memcached newer-1 2
    await_size newer-1 2
    create_deployment source-newer-1 3 newer-1
    await_size newer-1 3
    delete mc/pair-4
    await "pair-4's Deployment is collected" is_gone deployment/pair-4
    end_fault "$2" "$(seconds_since "$start")"
    assert_quiet 2
}

@test "restored from a snapshot" {
    local snapshot=$BATS_TEST_TMPDIR/snapshot FROM
    FROM=$(next_revision)
    record_history
    start_operator
    load_pairs 40 create
    await_pairs 40
    cluster snapshot "$snapshot"
    begin_newer_world
    judge_history
    assert_restored "$snapshot" "etcd restored from a snapshot"
}

