#!/usr/bin/env bats
# shellcheck disable=SC2016 # backquotes are the documents'
# hack/check-docs can fail: it is shown documents that are wrong.

setup() {
    ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    cd "$BATS_TEST_TMPDIR" || return
    mkdir -p hack src/base src/operator docs
    printf 'build: ## Build\n\t@true\n' >Makefile
    printf '# hack/tool [--loud]\n' >hack/tool
    mkdir -p src/shell
    printf '    {"dry-run", NULL},\n' >src/shell/flags.c
    printf 'enum { NAME_MAX_BYTES = 3 };\nint buf_append(void);\n' >src/base/buf.h
    printf 'static const char *r = "NameTaken", *m = "workqueue_depth";\n' | tee src/operator/operator.c >src/operator/sync_reconcile.c
    printf '# Page\n\n## A `b`, and c\n' >docs/page.md
    printf '%s\n' '# It' '`--dry-run` `NameTaken` `workqueue_depth`' '[page](docs/page.md#a-b-and-c) [it](#it)' '`make build`' \
        '`hack/tool --loud`' 'buf, flags, operator, sync_reconcile, `buf_append()`, `NAME_MAX_BYTES`' | tee README.md >ARCHITECTURE.md
}

# $1 is added to README.md; $2 is expected to be found.
assert_found() {
    printf '%s\n' "$1" >>README.md
    run "$ROOT/hack/check-docs" .
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"README.md: $2"* ]]
}

@test "docs: good ones pass" {
    "$ROOT/hack/check-docs" .
}

@test "docs: dead links and headings that are not there" {
    assert_found '[x](docs/absent.md)' 'the link to docs/absent.md is dead'
    assert_found '[x](docs/page.md#absent)' 'the link to docs/page.md#absent: there is no such heading'
    assert_found '[x](#absent)' 'the link to #absent: there is no such heading'
}

@test "docs: verbs, paths, flags, functions and constants that are not there" {
    assert_found '`make absent`' 'make absent: there is no such target'
    assert_found '`make build lost`' 'make lost: there is no such target'
    assert_found '`hack/absent`' 'hack/absent is not there'
    assert_found '`src/*/absent.c`' 'src/*/absent.c is not there'
    assert_found '`tool --absent=3`' "--absent is nobody's flag"
    assert_found '`buf_absent()`' 'buf_absent() is not in the code'
    assert_found '`ABSENT_MAX`' 'ABSENT_MAX is not in the code'
}

@test "docs: the same in a fenced block" {
    assert_found "$(printf '%s\n' '```' '$ make absent' '$ hack/absent --lost' '```')" 'make absent: there is no such target'
    [[ $output == *'hack/absent is not there'* ]]
    [[ $output == *"--lost is nobody's flag"* ]]
}

@test "docs: a flag, a metric, a reason and a module that no document names" {
    printf '    {"new-flag", NULL},\n' >>src/shell/flags.c
    assert_found '' 'does not name --new-flag'
    printf 'const char *m = "workqueue_news_total", *r = "NewReason";\n' >>src/operator/operator.c
    assert_found '' 'does not name workqueue_news_total'
    assert_found '' 'does not name NewReason'
    touch src/base/novelty.c
    run "$ROOT/hack/check-docs" .
    [[ $output == *'ARCHITECTURE.md: does not name novelty'* ]]
}
