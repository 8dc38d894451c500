#!/usr/bin/env bats
# shellcheck disable=SC2016 # dollar signs in texts of other programs
# What "make lint" and "make test" rely on can fail: each check is shown something bad.

bats_require_minimum_version 1.5.0

setup() {
    ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    cd "$BATS_TEST_TMPDIR" || return
    unset TEST_RUN # of the run that this is a part of
}

# $1 what is expected in the output of the failed run.
assert_fails_with() {
    echo "$output"
    [ "$status" -ne 0 ]
    [[ $output == *"$1"* ]]
}

# A source tree with one file in each folder; $1 and $2: one more, and its text.
make_sources() {
    mkdir -p src/base src/kube src/operator src/shell
    touch src/base/buf.h src/kube/store.h src/operator/sync.h src/shell/run.h
    printf '#include "shell/run.h"\n#include <unistd.h>\n' >src/main.c
    printf '#include "base/buf.h"\n#include "kube/store.h"\n#include <string.h>\n' >src/operator/sync.c
    printf '%s\n' "$2" >"src/$1"
}

# $1 what the server says its version is, $2 whether rules are expected
assert_crd_for() {
    printf '#!/bin/sh\necho '"'%s'"'\n' "$1" >kubectl
    chmod +x kubectl
    run -0 env KUBECTL="$PWD/kubectl" "$ROOT/hack/crd" print
    echo "$1"
    [ "$(grep -c x-kubernetes-validations <<<"$output" | sed 's/[1-9].*/yes/; s/0/no/')" = "$2" ]
}

@test "includes: a good tree passes" {
    make_sources shell/run.c '#include "operator/sync.h"'
    "$ROOT/hack/check-includes" src
}

@test "includes: base may not know kube, nor kube the operator, nor the operator the shell" {
    local pair
    for pair in base:kube/store.h kube:operator/sync.h operator:shell/run.h; do
        make_sources "${pair%%:*}/bad.c" "#include \"${pair#*:}\""
        run "$ROOT/hack/check-includes" src
        assert_fails_with "bad.c:1: ${pair%%:*} may not include \"${pair#*:}\""
        rm -r src
    done
}

@test "includes: a clock, a missing header, a bare or relative name, and an unknown folder are found" {
    make_sources kube/bad.c ' #  include <time.h>'
    run "$ROOT/hack/check-includes" src
    assert_fails_with "bad.c:1: <time.h> has no place in the pure core"
    make_sources kube/bad.c '#include "kube/absent.h"'
    run "$ROOT/hack/check-includes" src
    assert_fails_with "there is no src/kube/absent.h"
    make_sources kube/bad.c '#include "store.h"'
    run "$ROOT/hack/check-includes" src
    assert_fails_with '"store.h" does not begin with its folder'
    make_sources kube/bad.c '#include "kube/../shell/run.h"'
    run "$ROOT/hack/check-includes" src
    assert_fails_with 'does not begin with its folder'
    make_sources kube/bad.c '#include HEADER'
    run "$ROOT/hack/check-includes" src
    assert_fails_with 'names no file'
    mkdir src/extra && make_sources extra/a.c ''
    run "$ROOT/hack/check-includes" src
    assert_fails_with 'src/extra is not in the table'
}

# An archive with the C text of $1 in it.
make_archive() {
    printf '%s\n' "$1" >core.c
    gcc -O2 -fPIC -D_FORTIFY_SOURCE=2 -w -c core.c
    rm -f libcore.a
    ar rcs libcore.a core.o
}

@test "purity: pure code passes" {
    make_archive '#include <stdio.h>
        #include <string.h>
        static const char *const names[] = {"a", "b"};
        int f(char *out, size_t n, int i) { return snprintf(out, n, "%s", names[i]) + (int)strlen(out); }'
    "$ROOT/hack/check-purity" libcore.a
}

@test "purity: clock, files, sockets, environment, chance, streams, exit and libraries are found" {
    local call
    for call in 'time(0)' 'clock_gettime(0, 0)' 'open("", 0)' 'read(0, 0, n)' 'write(0, 0, n)' 'send(0, 0, 0, 0)' \
        'recv(0, 0, 0, 0)' 'socket(0, 0, 0)' 'getenv("")' 'rand()' 'random()' 'printf("%d", n)' 'puts("")' '(exit(n), 1)' \
        'fopen("", "")' 'strerror(n)' 'strtok(0, "")' 'localtime(0)' 'epoll_create(1)' 'curl_easy_init()' \
        'MHD_get_version()' 'yyjson_read_file(0)' 'yyjson_mut_write_file(0)' 'yaml_parser_set_input_file(0, 0)' 'usleep(n)' 'getpid()' 'pthread_self()'; do
        make_archive "int f(int n) { return (int)(long)${call}; }"
        run "$ROOT/hack/check-purity" libcore.a
        assert_fails_with "the core needs "
    done
}

@test "purity: a fortified printf and read are found" {
    make_archive '#include <stdio.h>
        #include <unistd.h>
        int f(int n) { char b[8]; printf("%d", n); return (int)read(0, b, (size_t)n) + b[0]; }'
    run "$ROOT/hack/check-purity" libcore.a
    assert_fails_with "the core needs __printf_chk"
    assert_fails_with "the core needs __read_chk"
}

@test "purity: variables that can be written to are found, wherever they are" {
    local text
    for text in 'int v; int f(void) { return v++; }' 'int v = 3; int f(void) { return v++; }' \
        'int f(void) { static int v; return v++; }' 'static _Thread_local int v; int f(void) { return v++; }'; do
        make_archive "int strlen(char *); int g(char *s) { return strlen(s); } $text"
        run "$ROOT/hack/check-purity" libcore.a
        assert_fails_with "variable that can be written to: v"
    done
}

@test "purity: an archive with nothing in it is no proof" {
    make_archive 'static const int unused = 1;'
    run "$ROOT/hack/check-purity" libcore.a
    assert_fails_with "is it the core?"
    run "$ROOT/hack/check-purity" absent.a
    assert_fails_with "absent.a is not there"
}

@test "hardening: each missing measure is found" {
    printf '#include <stdio.h>\n#include <string.h>\nint main(int c, char **v) { char b[64]; strcpy(b, v[c - 1]); return puts(b); }\n' >m.c
    # shellcheck disable=SC2054
    local -a good=(-O2 -w -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -pie -Wl,-z,relro,-z,now,-z,noexecstack)
    gcc "${good[@]}" m.c -o m && "$ROOT/hack/check-hardening" m
    gcc "${good[@]}" -fno-pie -no-pie m.c -o m
    run "$ROOT/hack/check-hardening" m
    assert_fails_with "no position-independent"
    gcc "${good[@]}" -Wl,-z,norelro m.c -o m
    run "$ROOT/hack/check-hardening" m
    assert_fails_with "no RELRO"
    gcc "${good[@]}" -Wl,-z,lazy m.c -o m
    run "$ROOT/hack/check-hardening" m
    assert_fails_with "bound late"
    gcc "${good[@]}" -Wl,-z,execstack m.c -o m
    run "$ROOT/hack/check-hardening" m
    assert_fails_with "stack may be executable"
    gcc "${good[@]}" -fno-stack-protector m.c -o m
    run "$ROOT/hack/check-hardening" m
    assert_fails_with "no stack protector"
    gcc "${good[@]}" -U_FORTIFY_SOURCE m.c -o m
    run "$ROOT/hack/check-hardening" m
    assert_fails_with "no _FORTIFY_SOURCE"
    gcc "${good[@]}" -Wl,-rpath,/tmp m.c -o m
    run "$ROOT/hack/check-hardening" m
    assert_fails_with "run path"
}

@test "versions: one that differs or is missing is found" {
    mkdir -p copy/config/manager
    cp "$ROOT/meson.build" "$ROOT/Makefile" copy/
    cp "$ROOT/config/manager/kustomization.yaml" copy/config/manager/
    "$ROOT/hack/check-versions" copy
    sed -i 's/newTag: .*/newTag: 9.9.9/' copy/config/manager/kustomization.yaml
    run "$ROOT/hack/check-versions" copy
    assert_fails_with "the version is 9.9.9"
    sed -i '/newTag/d' copy/config/manager/kustomization.yaml
    run "$ROOT/hack/check-versions" copy
    assert_fails_with "there is no version"
}

# hack/test in a project of its own, with the programs of $1 as meson tests.
make_project() {
    mkdir -p project/hack/lib project/tests/e2e
    cp "$ROOT/hack/test" project/hack/
    cp "$ROOT/hack/lib/common.sh" project/hack/lib/
    printf 'build: ; @test -d build || meson setup build >/dev/null; ninja -C build --quiet\n.PHONY: build\n' >project/Makefile
    printf "project('p', 'c')\ncmocka = dependency('cmocka')\n" >project/meson.build
    local name
    for name in "$@"; do
        printf "test('%s', executable('%s', '%s.c', dependencies: cmocka), suite: 'unit')\n" "$name" "$name" "$name" >>project/meson.build
    done
}

cmocka_program() {
    printf '#include <setjmp.h>\n#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <cmocka.h>\n#include <stdlib.h>
        static void good(void **s) { (void)s; }
        static void bad(void **s) { (void)s; fail(); }
        static void skipped(void **s) { (void)s; skip(); }
        void (*used[])(void **) = {good, bad, skipped};
        int main(void) { const struct CMUnitTest t[] = {%s}; int r = cmocka_run_group_tests(t, NULL, NULL); %s return r; }\n' "$1" "${2:-}"
}

@test "hack/test: cases are counted, passed, failed and skipped" {
    make_project good mixed
    cmocka_program 'cmocka_unit_test(good), cmocka_unit_test(good)' >project/good.c
    cmocka_program 'cmocka_unit_test(good), cmocka_unit_test(bad), cmocka_unit_test(bad), cmocka_unit_test(skipped)' >project/mixed.c
    run project/hack/test unit
    assert_fails_with "mixed: 1 passed, 2 failed (FAIL)"
    [[ $output == *"what has failed:"*"mixed: 1 passed, 2 failed (FAIL)"*"bad"*"unit: 2 failed"* ]]
    [ "${lines[-1]}" = "3 passed, 2 failed, 1 skipped" ]
}

@test "hack/test: all passed means exit code 0" {
    make_project good own
    cmocka_program 'cmocka_unit_test(good)' >project/good.c
    printf '#include <stdio.h>\nint main(void) { puts("7 passed, 0 failed"); return 0; }\n' >project/own.c
    run project/hack/test unit
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = "8 passed, 0 failed" ]
}

@test "hack/test: a crash, a bad exit after good cases, and a program that tests nothing are failures" {
    make_project crash late nothing
    printf '#include <stdlib.h>\nint main(void) { abort(); }\n' >project/crash.c
    cmocka_program 'cmocka_unit_test(good)' 'if (r == 0) exit(3);' >project/late.c
    printf 'int main(void) { return 0; }\n' >project/nothing.c
    run project/hack/test unit
    assert_fails_with "late: 1 passed, 1 failed"
    [ "${lines[-1]}" = "1 passed, 3 failed" ]
}

@test "hack/test: what does not compile, and a suite without tests, are failures" {
    make_project broken
    echo 'int main(void) { return x; }' >project/broken.c
    run project/hack/test unit
    assert_fails_with "0 passed, 1 failed"
    rm -r project
    make_project
    run project/hack/test unit
    assert_fails_with "it ran nothing"
    [ "${lines[-1]}" = "0 passed, 1 failed" ]
}

# A hack/cluster that only notes what it is asked for.
make_cluster() {
    printf '#!/bin/sh\necho "$CLUSTER_NAME $*" >>%s/asked\n%s\n' "$PWD" "${1:-:}" >project/hack/cluster
    chmod +x project/hack/cluster
}

@test "hack/test: the simulator is counted beside the end-to-end tests; one that says nothing has failed" {
    make_project
    printf '@test "a" { :; }\n' >project/tests/e2e/one.bats
    printf '#!/bin/sh\necho first\necho 3 passed, 1 failed\n' >project/hack/sim
    chmod +x project/hack/sim
    run project/hack/test sim e2e
    assert_fails_with "sim:               3 passed, 1 failed"
    [[ $output == *"what has failed:"*"3 passed, 1 failed"* ]]
    [ "${lines[-1]}" = "4 passed, 1 failed" ]
    printf '#!/bin/sh\nexit 1\n' >project/hack/sim
    run project/hack/test sim
    assert_fails_with "sim:               0 passed, 1 failed"
}

@test "hack/test: each level gets its cluster, and bats' cases are counted" {
    make_project
    make_cluster
    printf '#!/usr/bin/env bats\n#\n# level: api-only\n@test "a" { :; }\n@test "b" { false; }\n@test "c" { skip; }\n' >project/tests/e2e/one.bats
    printf '#!/usr/bin/env bats\n#\n# level: node\n@test "d" { :; }\n' >project/tests/e2e/two.bats
    run project/hack/test e2e
    assert_fails_with "e2e api-only:      1 passed, 1 failed, 1 skipped"
    [[ $output == *"what has failed:"*"api-only: not ok 2 b"*'{ false; }'*"e2e api-only: 1 failed"* ]]
    [[ ${output#*what has failed:} != *" ok 1 a"* ]]
    [ "${lines[-1]}" = "2 passed, 1 failed, 1 skipped" ]
    grep -qx 'test-api-only up --audit --api-only' asked
    grep -qx 'test-node up --audit' asked
    [ "$(grep '^test-api-only ' asked | tail -n 1)" = "test-api-only down" ]
    [ "$(grep '^test-node ' asked | tail -n 1)" = "test-node down" ]
}

@test "hack/test: a file without a level gets no cluster; what was not built is skipped" {
    make_project
    make_cluster
    printf '#!/usr/bin/env bats\n@test "a" { [ -z "${CLUSTER_NAME:-}" ]; }\n' >project/tests/e2e/one.bats
    printf '#!/usr/bin/env bats\n# level: newest\n@test "b" { :; }\n' >project/tests/e2e/two.bats
    XDG_CACHE_HOME=$PWD run project/hack/test e2e
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = "1 passed, 0 failed, 1 skipped" ]
    run ! grep -v ' build$' asked
}

@test "hack/test: an operator that does not compile fails the end-to-end tests" {
    make_project broken
    make_cluster
    echo 'int main(void) { return x; }' >project/broken.c
    printf '#!/usr/bin/env bats\n# level: node\n@test "a" { :; }\n' >project/tests/e2e/one.bats
    run project/hack/test e2e
    assert_fails_with "‘x’ undeclared"
    [ "${lines[-1]}" = "0 passed, 1 failed" ]
    [ ! -e asked ]
}

@test "hack/test: a cluster that does not start, a bats file that cannot run or is of no level, are failures" {
    make_project
    make_cluster 'case $1 in up) echo no etcd; exit 1 ;; esac'
    printf '#!/usr/bin/env bats\n#\n# level: node\n@test "d" { :; }\n' >project/tests/e2e/two.bats
    run project/hack/test e2e
    assert_fails_with "no etcd"
    [ "${lines[-1]}" = "0 passed, 1 failed" ]
    make_cluster
    printf '#!/usr/bin/env bats\n#\n# level: node\n@test "d" { :; }\n}\n' >project/tests/e2e/two.bats
    run project/hack/test e2e
    assert_fails_with "1 failed"
    printf '#!/usr/bin/env bats\n# level: moon\n@test "d" { :; }\n' >project/tests/e2e/two.bats
    run project/hack/test e2e
    assert_fails_with "no such level: moon"
}

@test "hack/sim: a soak goes on where it was interrupted, with the same simulator only" {
    mkdir -p project/hack/lib project/build/tests/sim bin
    cp "$ROOT/hack/sim" project/hack/
    cp "$ROOT/hack/lib/common.sh" project/hack/lib/
    printf '#!/bin/sh\n' | tee bin/make >bin/ninja
    cat >project/build/tests/sim/sim <<EOF
#!/bin/sh
echo "\$*" >>$PWD/asked
[ "\$2" != lost ] || [ ! -e $PWD/bad ] || { echo 2 passed, 1 failed; exit 1; }
echo 3 passed, 0 failed
EOF
    chmod +x bin/* project/build/tests/sim/sim
    touch bad
    PATH=$PWD/bin:$PATH run project/hack/sim --soak
    assert_fails_with "sim class lost --many: 2 passed, 1 failed"
    parts=$(wc -l <asked)
    [ "${lines[-1]}" = "$((3 * parts - 1)) passed, 1 failed" ]
    rm bad asked
    PATH=$PWD/bin:$PATH run project/hack/sim --soak
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(cat asked)" = "class lost --many" ]
    [[ $output == *"sim class crash --many: 3 passed, 0 failed, before"* ]]
    [ "${lines[-1]}" = "$((3 * parts)) passed, 0 failed" ]
    rm asked
    echo '# another one' >>project/build/tests/sim/sim
    PATH=$PWD/bin:$PATH run project/hack/sim --soak
    [ "$(wc -l <asked)" -eq "$parts" ]
}

@test "crd: a rule without its comment, a comment without its rules, and stray text are found" {
    mkdir bases
    printf 'a:\n  # cel: one\n  type: object\n' >bases/cache.example.com_memcacheds.yaml
    printf '# two rules\none:\n- rule: "x"\n  message: "y"\n' >cel_rules.yaml
    run -0 env CRD_CONFIG="$PWD" "$ROOT/hack/crd" print --cel
    [ "$output" = $'a:\n  x-kubernetes-validations:\n  - rule: "x"\n    message: "y"\n  type: object' ]
    run -0 env CRD_CONFIG="$PWD" "$ROOT/hack/crd" print --plain
    [[ $output == *"# cel: one"* ]]
    sed -i 's/cel: one/cel: other/' bases/cache.example.com_memcacheds.yaml
    run env CRD_CONFIG="$PWD" "$ROOT/hack/crd" print --cel
    assert_fails_with 'there are no rules "other"'
    sed -i '/cel:/d' bases/cache.example.com_memcacheds.yaml
    run env CRD_CONFIG="$PWD" "$ROOT/hack/crd" print --cel
    assert_fails_with 'no comment "# cel: one" takes the rules'
    echo 'oops' >>cel_rules.yaml
    run env CRD_CONFIG="$PWD" "$ROOT/hack/crd" print --cel
    assert_fails_with 'neither NAME:, a rule, nor a comment'
}

@test "crd: the server's version decides on the rules; an unknown one is told" {
    assert_crd_for '{"major": "1", "minor": "20"}' no
    assert_crd_for '{"major": "1", "minor": "24+"}' no
    assert_crd_for '{"major": "1","minor": "25"}' yes
    assert_crd_for '{"major":"1","minor":"36+","gitVersion":"v1.36.0"}' yes
    assert_crd_for '{"major": "2", "minor": "0"}' yes
    printf '#!/bin/sh\necho "{}"\n' >kubectl
    run env KUBECTL="$PWD/kubectl" "$ROOT/hack/crd" print
    assert_fails_with 'no version that is understood'
    run env KUBECTL=/bin/false "$ROOT/hack/crd" print
    assert_fails_with 'the server does not tell its version'
}
