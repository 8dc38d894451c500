# shellcheck shell=bash
# hack/cluster build: Kubernetes' binaries from Debian's source package, once, into the cache.

KUBE_VERSION=1.20.2
KUBE_COMMANDS=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl)
KUBE_DIR=$CACHE_DIR/kubernetes-$KUBE_VERSION
BUILD_LOG=$CACHE_DIR/build.log

# Run a long step in the background and say once in a while how long it has taken.
# $1 what, $2 how long it usually takes, then the command; its output goes to BUILD_LOG.
with_progress() {
    local what=$1 usual=$2 pid
    local -i start=$SECONDS shown=-1 step=10
    shift 2
    [[ -t 1 ]] && step=1
    # A process group of its own, so that a cut build takes its compilers along.
    set -m
    "$@" >>"$BUILD_LOG" 2>&1 </dev/null &
    pid=$!
    set +m
    # shellcheck disable=SC2064 # this very process group
    trap "kill -- -$pid 2>/dev/null; exit 130" INT TERM HUP
    while kill -0 "$pid" 2>/dev/null; do
        if (((SECONDS - start) / step != shown)); then
            shown=$(((SECONDS - start) / step))
            progress_line "$what … $(duration $((SECONDS - start))), of about $usual on 2 cores"
        fi
        sleep 0.2
    done
    [[ ! -t 1 ]] || printf '\r\033[K'
    trap - INT TERM HUP
    wait "$pid" || build_failed "$what"
    say "$what: $(duration $((SECONDS - start)))"
}

# On a terminal one line that changes; elsewhere a line every ten seconds.
progress_line() {
    if [[ -t 1 ]]; then printf '\r\033[K%s' "$1"; else say "$1"; fi
}

build_failed() {
    tail -n 15 "$BUILD_LOG" >&2
    die "$1 failed; the full log is in $BUILD_LOG"
}

# One build at a time: a second one waits here and then finds the work done.
build_lock() {
    mkdir -p "$CACHE_DIR"
    exec 8>"$CACHE_DIR/build.lock"
    if ! flock -n 8; then
        say "another build is running; waiting for it"
        flock 8
    fi
    # What a killed build has left; nobody else can be at work here now.
    rm -rf "$CACHE_DIR"/tmp.*
    : >"$BUILD_LOG"
    BUILD_TMP=$(mktemp -d "$CACHE_DIR/tmp.XXXXXX")
    trap 'rm -rf "$BUILD_TMP"' EXIT
}

build_unlock() {
    rm -rf "$BUILD_TMP"
    trap - EXIT
    exec 8>&-
}

# Debian's source package, through a configuration of our own: the system's
# apt sources stay as they are. Suite bookworm: Debian 13 has no 1.20 any more.
fetch_kubernetes() {
    local dir=$1
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/parts"
    printf 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s bookworm main\n' \
        "$(debian_mirror)" >"$dir/apt/sources.list"
    local -a apt=(apt-get -q -o "Dir::Etc::SourceList=$dir/apt/sources.list"
        -o "Dir::Etc::SourceParts=$dir/apt/parts" -o "Dir::State::Lists=$dir/apt/lists"
        -o "Dir::Cache=$dir/apt" -o APT::Sandbox::User=root)
    "${apt[@]}" update
    (cd "$dir" && "${apt[@]}" source --download-only kubernetes)
    mkdir -p "$dir/go/src/k8s.io"
    dpkg-source --no-check -x "$dir"/kubernetes_*.dsc "$dir/go/src/k8s.io/kubernetes"
}

# The vendored reflect2 1.0.1 reaches into the runtime of an older Go: with
# go ≥ 1.18 the API server panics in reflect.mapiterinit on a custom resource.
mend_reflect2() {
    local target=$1/go/src/k8s.io/kubernetes/vendor/github.com/modern-go/reflect2
    rm -f "$target"/*.go "$target"/*.s
    cp /usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} "$target/"
    rm -f "$target"/*_test.go
}

# kubelet asks five times, a second apart, for a Docker that is not there.
mend_docker_wait() {
    sed -i 's/^const rootDirRetries = 5$/const rootDirRetries = 1/; s/= 1000 \* time.Millisecond$/= time.Millisecond/' \
        "$1/go/src/k8s.io/kubernetes/vendor/github.com/google/cadvisor/container/docker/factory.go"
}

# GO111MODULE=off: in module mode Go refuses Debian's vendor folder.
go_env() {
    env GO111MODULE=off CGO_ENABLED=0 "GOPATH=$1/go" "GOCACHE=$1/gocache" GOFLAGS= \
        PATH="/usr/lib/go-1.19/bin:$PATH" "${@:2}"
}

# The tree's own generator; without it: "undefined: openapi.GetOpenAPIDefinitions".
generate_openapi() {
    cd "$1/go/src/k8s.io/kubernetes" && go_env "$1" make gen_openapi
}

# The version that /version and the node's status tell; the tree's own scripts
# take it from git.
version_flags() {
    local package
    for package in component-base/version client-go/pkg/version; do
        printf -- '-X k8s.io/kubernetes/vendor/k8s.io/%s.%s ' \
            "$package" "gitVersion=v$KUBE_VERSION" "$package" gitMajor=1 "$package" gitMinor=20
    done
}

compile_kubernetes() {
    cd "$1/go/src/k8s.io/kubernetes" &&
        go_env "$1" go install -trimpath -ldflags "-s -w $(version_flags)" \
            "${KUBE_COMMANDS[@]/#/k8s.io/kubernetes/cmd/}"
}

build_kubernetes() {
    local start=$SECONDS
    [[ ! -x $KUBE_DIR/kubectl ]] || return 0
    [[ -x /usr/lib/go-1.19/bin/go ]] || die "Kubernetes $KUBE_VERSION is built with Go 1.19, which is not here" "use Debian 12, which has it"
    build_lock
    if [[ ! -x $KUBE_DIR/kubectl ]]; then
        with_progress "fetching the source of Kubernetes $KUBE_VERSION" 20s fetch_kubernetes "$BUILD_TMP"
        with_progress "preparing it" 40s prepare_kubernetes "$BUILD_TMP"
        with_progress "building ${KUBE_COMMANDS[*]}" 6m compile_kubernetes "$BUILD_TMP"
        mv "$BUILD_TMP/go/bin" "$KUBE_DIR"
        say "Kubernetes $KUBE_VERSION is built ($(duration $((SECONDS - start))) in all)"
    fi
    build_unlock
}

prepare_kubernetes() { mend_reflect2 "$1" && mend_docker_wait "$1" && generate_openapi "$1"; }
