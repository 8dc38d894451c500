#!/usr/bin/env bats
# A server that sends garbage: each time an error that says where, no hot loop, no crash, and all
# is well once the server is. With AddressSanitizer and UBSan where build-debug is there.
# level: own

bats_require_minimum_version 1.5.0
load lib/common.sh

# Backoffs are seconds: all operators run at once, each against a server of its own kind of garbage,
# and the tests look at what became of them.
setup_file() {
    local mode
    cd "$ROOT" || return
    export HOME=$BATS_FILE_TMPDIR
    if [[ -e build-debug/build.ninja && $OPERATOR == "$ROOT/build/memcached-operator" ]]; then
        ninja -C build-debug --quiet memcached-operator
        OPERATOR=$ROOT/build-debug/memcached-operator
    fi
    start_fake
    for mode in $(modes); do
        start_operator_against "$mode"
    done
    for mode in $(modes); do
        await "$mode: something is in the log" grep -qE 'ERROR|Creating' "$BATS_FILE_TMPDIR/$mode.log"
        fake "/$mode/-/requests" >"$BATS_FILE_TMPDIR/$mode.requests"
    done
    fake /-/good
}

teardown_file() {
    local file
    for file in "$BATS_FILE_TMPDIR"/*.pid; do
        kill -KILL "$(<"$file")" 2>/dev/null || true
    done
}

setup() { begin_test_without_cluster; }
teardown() { end_test; }

# Those that the tests of this file name.
modes() { grep -oP '^@test .*\{ (fails|recovers) \K[a-z0-9-]+' "$BATS_TEST_FILENAME"; }

start_fake() {
    local out=$BATS_FILE_TMPDIR/fake.out
    "$E2E_LIB/fake_api.py" >"$out" 3>&- 4>&- </dev/null &
    echo $! >"$BATS_FILE_TMPDIR/fake.pid"
    await "the server listens" grep -q listening "$out"
    FAKE=http://127.0.0.1:$(awk '/listening/ {print $3}' "$out")
    export FAKE
}

fake() { curl -sS --fail --max-time 5 "$FAKE$1"; }

start_operator_against() {
    local base=$BATS_FILE_TMPDIR/$1
    cat >"$base.kubeconfig" <<-END
		apiVersion: v1
		kind: Config
		current-context: fake
		clusters: [{name: fake, cluster: {server: "$FAKE/$1"}}]
		contexts: [{name: fake, context: {cluster: fake, user: nobody}}]
		users: [{name: nobody, user: {token: t}}]
	END
    (
        "$OPERATOR" --kubeconfig="$base.kubeconfig" --metrics-bind-address=0 --health-probe-bind-address=127.0.0.1:0 \
            >"$base.log" 2>&1 &
        echo $! >"$base.pid"
        wait $! || true
        echo $? >"$base.exit"
    ) 3>&- 4>&- </dev/null &
}

# $1 mode: it is as if nothing had been, and the end is clean.
recovers() {
    local base=$BATS_FILE_TMPDIR/$1
    OPERATOR_PID=$(<"$base.pid")
    LOG=$base.log
    cat "$LOG"
    echo "$(<"$base.requests") requests"
    # 4 watches, and each attempt may be a list and a watch; backoff keeps the rest away.
    (($(<"$base.requests") <= 100))
    WAIT_SECONDS=40 await "the operator is ready" is_ready
    await "it works" has_created "$1" later
    has_created "$1" web
    [ "$(fake "/$1/-/created" | jq 'length == (unique | length)')" = true ]
    [ "$(fake "/$1/-/climbers")" = "[]" ] # nothing that was sent led it to other paths
    kill -TERM "$OPERATOR_PID"
    await_end "$OPERATOR_PID" "$STOP_SECONDS"
    OPERATOR_PID='' await "its exit code is 0" is 0 cat "$base.exit"
    ! grep -E 'Sanitizer|runtime error:' "$LOG" || false
}

# $1 mode, $2 deployment
has_created() { fake "/$1/-/created" | jq -e --arg name "$2" 'index($name) != null'; }

# $1 mode; the log says where it was seen and, $2, what
fails() {
    local what=list
    case $1 in
        watch-*) what=watch ;;
        write-*) what=create ;;
    esac
    if [[ $what == create ]]; then
        grep -E "ERROR.*Reconciler error.*default/web.*create Deployment.*\"error\": .*$2" "$BATS_FILE_TMPDIR/$1.log"
    else
        grep -E "ERROR.*\"verb\": \"$what\", \"resource\": \"memcacheds.cache.example.com\".*\"error\": .*$2" "$BATS_FILE_TMPDIR/$1.log"
    fi
    recovers "$1"
}

@test "list: not JSON" { fails list-not-json "list: expected '{', found 't'"; }
@test "list: broken off" { fails list-half "list"; }
@test "list: an HTML page" { fails list-html "list: expected"; }
@test "list: an empty body" { fails list-empty "list"; }
@test "list: an array" { fails list-array "list: expected '{'"; }
@test "list: items are an object" { fails list-items-object "list: items is not an array"; }
@test "list: wrong types in an item" { fails list-item-types "metadata: name: not a plain text"; }
@test "list: no resourceVersion" { fails list-no-version "resourceVersion"; }
@test "list: NUL bytes behind it" { fails list-nul "list"; }
@test "list: 200 000 brackets deep" { fails list-deep "list: expected an object as item"; }
@test "list: an item nested 100 levels deep" { fails list-nested "deeper than 64"; }
@test "list: an item of 17 MiB" { fails list-huge "16777216 bytes"; }
@test "list: 500 with an HTML page" { fails list-html-500 "500"; }
@test "list: 204 without a body" { fails list-204 "204"; }
@test "list: 403 with a Status of wrong types" { fails list-status-types "403"; }
@test "list: 429 with Retry-After" { fails list-429 "429"; }
@test "list: a redirect is not followed" { fails list-redirect "302"; }
@test "list: head broken off" { fails list-cut-head ""; }
@test "list: body shorter than announced" { fails list-cut-body ""; }
@test "list: not HTTP at all" { fails list-not-http ""; }
@test "list: a header of 256 KiB" { fails list-huge-header ""; }
@test "list: 404 with an HTML page" { fails list-html-404 "404"; }

@test "watch: not JSON" { fails watch-not-json "watch line: JSON: byte 0"; }
@test "watch: a line broken off" { fails watch-half "watch line"; }
@test "watch: an HTML page" { fails watch-html "watch line"; }
@test "watch: ends at once, each time" { fails watch-empty "without an event"; }
@test "watch: an array" { fails watch-array "watch"; }
@test "watch: an unknown type of event" { fails watch-type "EXPLODED"; }
@test "watch: no object in an event" { fails watch-no-object "object"; }
@test "watch: wrong types in an object" { fails watch-object-types "resourceVersion"; }
@test "watch: an object without a name" { fails watch-no-name "name"; }
@test "watch: an object with a name that climbs out of its place" { fails watch-bad-name 'name: ."[.][.]/[.][.]'; }
@test "watch: an object with a namespace that does" { fails watch-bad-namespace 'namespace: ."default/memcacheds/[.][.]'; }
@test "watch: an object called .." { fails watch-dots 'name: ."[.][.]'; }
@test "watch: an object with a name of 100 000 characters" { fails watch-long-name "name"; }
@test "watch: an object with a namespace of 100 000 characters" { fails watch-long-namespace "namespace"; }
@test "watch: not UTF-8" { fails watch-utf8 "UTF-8"; }
@test "watch: 200 000 brackets deep" { fails watch-deep "watch line: JSON: byte 200028"; }
@test "watch: an object nested 100 levels deep" { fails watch-nested "deeper than the limit of 64"; }
@test "watch: a line of 17 MiB" { fails watch-long-line "16777216 bytes"; }
@test "watch: an ERROR event, 410" { fails watch-error-410 "410"; }
@test "watch: an ERROR event, 500" { fails watch-error-500 "500"; }
@test "watch: an ERROR event that is no Status" { fails watch-error-text ""; }
@test "watch: 500 with an HTML page" { fails watch-html-500 "500"; }
@test "watch: 429 with Retry-After" { fails watch-429 "429"; }
@test "watch: a redirect is not followed" { fails watch-redirect "302"; }
@test "watch: a chunk broken off" { fails watch-cut-chunk ""; }
@test "watch: not HTTP at all" { fails watch-not-http ""; }

@test "watch that brings its list: not JSON" { fails watchlist-not-json "watch line: JSON: byte 0"; }
@test "watch that brings its list: wrong types in an object" { fails watchlist-object-types "resourceVersion"; }
@test "watch that brings its list: a line of 17 MiB" { fails watchlist-long-line "16777216 bytes"; }
@test "watch that brings its list: a chunk broken off" { fails watchlist-cut-chunk ""; }
@test "watch that brings its list: an ERROR event, 410, falls back to a list" { recovers watchlist-error-410; }
@test "watch that brings its list: an ERROR event, 500, falls back to a list" { recovers watchlist-error-500; }
@test "watch that brings its list: ends without its bookmark, falls back to a list" { recovers watchlist-empty; }

@test "write: not JSON" { fails write-not-json ""; }
@test "write: an HTML page" { fails write-html ""; }
@test "write: an empty body" { fails write-empty ""; }
@test "write: broken off" { fails write-cut-body ""; }
@test "write: not HTTP at all" { fails write-not-http ""; }
@test "write: 500 with an HTML page" { fails write-html-500 "500"; }
@test "write: a redirect is not followed" { fails write-redirect "302"; }
@test "write: 17 MiB" { fails write-huge "16 MiB"; }
@test "write: 429 with Retry-After is sent again" { recovers write-429; }
