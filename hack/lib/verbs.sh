# shellcheck shell=bash
# One function per verb of hack/cluster.

verb_build() {
    [[ ${1:-} == --newest || $# == 0 ]] || die_usage "build: unknown argument: $1"
    "$HACK/deps" cluster
    build_kubernetes
    build_images
    say "Kubernetes $KUBE_VERSION: $KUBE_DIR"
    [[ ${1:-} == --newest ]] || return 0
    build_newest
    say "$NEWEST_SERVER $(<"$NEWEST_DIR/VERSION"): $NEWEST_DIR"
}

# What "up" needs, without a word when it is there.
ensure_built() {
    if [[ ! -x $KUBE_DIR/kubectl ]] ||
        ! type -P etcd etcdctl containerd runc memcached buildah ip curl openssl jq >/dev/null; then
        "$HACK/deps" cluster
        build_kubernetes
    fi
    case $1 in
        full) build_images ;;
        newest)
            [[ -x $NEWEST_DIR/$NEWEST_SERVER ]] ||
                die "the newest API machinery is not built" "build it (about 6 minutes): $PROGRAM build --newest"
            ;;
    esac
}

verb_up() {
    local level=full audit=0 argument
    for argument in "$@"; do
        case $argument in
            --control-plane | --api-only | --newest) level=${argument#--} ;;
            --audit) audit=1 ;;
            *) die_usage "up: unknown argument: $argument" ;;
        esac
    done
    ensure_built "$level"
    state_lock
    state_load
    if [[ -n $LEVEL ]]; then
        if is_up; then
            # shellcheck disable=SC2153 # set by state_load
            [[ $LEVEL == "$level" && $AUDIT == "$audit" ]] ||
                die "cluster \"$CLUSTER_NAME\" is up with other options ($(describe))" "end it first: \"$PROGRAM down\", or give this one another CLUSTER_NAME"
            say "cluster \"$CLUSTER_NAME\" is up already ($(describe))"
            return
        fi
        say "cluster \"$CLUSTER_NAME\" was not stopped cleanly: removing what it left"
        state_remove
    fi
    SECONDS=0
    state_create "$level" "$audit"
    bring_up
    touch "$STATE/ready"
    say "cluster \"$CLUSTER_NAME\" is up after $(duration $SECONDS) ($(describe))"
    say "use it: eval \"\$($PROGRAM env)\""
}

describe() {
    local text="$LEVEL, https://127.0.0.1:$PORT_APISERVER"
    ((AUDIT == 0)) || text+=", audited"
    printf '%s\n' "$text"
}

bring_up() {
    start_etcd
    make_pki
    [[ $LEVEL != full ]] || start_node
    start_apiserver
    if [[ $LEVEL == full ]]; then
        start_containerd
        wait_containerd
        load_images
    fi
    wait_apiserver
    give_to_caller "$KUBECONFIG_ADMIN" "$STATE/pki" "$STATE/pki/admin.key" "$STATE/pki/admin.crt"
    [[ $LEVEL != api-only ]] || return 0
    start_kcm
    start_scheduler
    if [[ $LEVEL == full ]]; then
        start_kubelet
        start_proxy
    fi
    [[ $LEVEL != newest ]] || bring_up_newest
    wait_service_account
    [[ $LEVEL != full ]] || wait_node
}

bring_up_newest() {
    connect_newest
    start_newest_etcd
    start_newest
    wait_newest
    aggregate_newest
}

is_up() {
    local component
    [[ -e $STATE/ready ]] || return 1
    for component in $(components_of_level "$LEVEL"); do
        component_pid "$component" >/dev/null || return 1
    done
}

verb_down() {
    case ${1:-} in
        '') down_one ;;
        --all) down_all ;;
        *) die_usage "down: unknown argument: $1" ;;
    esac
}

down_one() {
    state_lock
    state_load
    if [[ ! -e $STATE ]]; then
        say "cluster \"$CLUSTER_NAME\" is not there: nothing to do"
        return
    fi
    SECONDS=0
    state_remove
    say "cluster \"$CLUSTER_NAME\" is down, nothing is left of it ($(duration $SECONDS))"
}

down_all() {
    local dir
    for dir in "$BASE_DIR"/*/; do
        [[ ! -d $dir ]] || CLUSTER_NAME=$(basename "$dir") "$HACK/cluster" down
    done
}

# The data is thrown away, so nobody is asked to end politely.
state_remove() {
    local component
    if [[ -n $LEVEL ]]; then
        [[ $LEVEL != full ]] || remove_node
        for component in newest newest-etcd scheduler kcm apiserver etcd; do
            stop_process "$component" KILL
        done
        # shellcheck disable=SC2153 # set by state_use_slot
        ip link del "$LINK" 2>/dev/null || true
    fi
    rm -rf "$STATE" "$SHM_DIR"
    rmdir "${SHM_DIR%/*}" 2>/dev/null || true
    LEVEL=''
}

verb_env() {
    require_cluster
    printf 'export CLUSTER_NAME=%q\n' "$CLUSTER_NAME"
    printf 'export KUBECONFIG=%q\n' "$KUBECONFIG_ADMIN"
    # shellcheck disable=SC2016 # $PATH is the caller's
    printf 'case ":$PATH:" in *:%q:*) ;; *) export PATH=%q:"$PATH" ;; esac\n' "$KUBE_DIR" "$KUBE_DIR"
    printf 'export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=%q\n' "http://127.0.0.1:$PORT_ETCD"
    if ((AUDIT)); then printf 'export AUDIT_LOG=%q\n' "$AUDIT_LOG_FILE"; else echo 'unset AUDIT_LOG'; fi
}

require_cluster() {
    [[ -n $LEVEL ]] || die "there is no cluster \"$CLUSTER_NAME\"" "start it with \"$PROGRAM up\""
}

verb_kubectl() {
    require_cluster
    exec "$KUBE_DIR/kubectl" --kubeconfig="$KUBECONFIG_ADMIN" "$@"
}

# The component's own name, whatever of its usual names was given.
component_name() {
    local name=${1:-}
    case ${name#kube-} in
        controller-manager) name=kcm ;;
        *) name=${name#kube-} ;;
    esac
    require_cluster
    [[ " $(components_of_level "$LEVEL") " == *" $name "* ]] ||
        die_usage "no component \"${1:-}\" here: $LEVEL has $(components_of_level "$LEVEL")"
    printf '%s\n' "$name"
}

verb_pid() {
    local name
    name=$(component_name "$@")
    component_pid "$name" || die "$name does not run"
}

verb_logs() {
    local name
    name=$(component_name "$@")
    shift
    (($# > 0)) || set -- -n +1
    exec tail "$@" "$STATE/log/$name.log"
}

verb_start() {
    local name
    name=$(component_name "$@")
    [[ $name != node ]] || die "a node that has ended cannot be started alone" "\"$PROGRAM up\" starts the cluster afresh"
    if component_pid "$name" >/dev/null; then
        say "$name runs already"
        return
    fi
    "start_${name//-/_}"
    case $name in
        etcd)
            wait_for etcd 30 "etcd ready" etcdctl_cluster endpoint health
            if component_pid apiserver >/dev/null; then wait_apiserver; fi
            ;;
        apiserver) wait_apiserver ;;
        newest) wait_newest ;;
        containerd) wait_containerd ;;
    esac
    say "$name is started, pid $(component_pid "$name")"
}

verb_stop() { end_component TERM "$@"; }
verb_kill() { end_component KILL "$@"; }

end_component() {
    local signal=$1 name
    name=$(component_name "${2:-}")
    stop_process "$name" "$signal"
    say "$name is stopped"
}

verb_restart() {
    verb_stop "$@"
    verb_start "$@"
}

verb_compact() {
    require_cluster
    compact
}

verb_snapshot() {
    require_cluster
    [[ -n ${1:-} ]] || die_usage "snapshot: a file to write to is expected"
    save_snapshot "$1"
    give_to_caller "$1"
    say "etcd is saved in $1"
}

# Kubernetes' clients do not notice that history was reset: those of the control plane are restarted, as
# https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/ wants it.
verb_restore() {
    local component
    local -a others=()
    require_cluster
    [[ -r ${1:-} ]] || die_usage "restore: cannot read \"${1:-}\": a file from \"$PROGRAM snapshot\" is expected"
    for component in scheduler kcm apiserver etcd; do
        component_pid "$component" >/dev/null || continue
        [[ $component == etcd ]] || others=("$component" "${others[@]}")
        stop_process "$component" KILL
    done
    restore_snapshot "$1"
    for component in etcd "${others[@]}"; do
        verb_start "$component"
    done
}

verb_newest_apply_crd() {
    require_cluster
    [[ $LEVEL == newest ]] || die "cluster \"$CLUSTER_NAME\" has no second server" "start one with \"$PROGRAM up --newest\""
    [[ -r ${1:-} ]] || die_usage "newest-apply-crd: cannot read \"${1:-}\": a CustomResourceDefinition in YAML is expected"
    newest_apply_crd "$1"
}

verb_load_image() {
    local file=${1:-}
    require_cluster
    [[ -r $file ]] || die_usage "load-image: cannot read \"$file\": an image archive (tar) is expected"
    ctr_node images import "$(realpath "$file")"
}

# Kubernetes 1.20 makes a token secret for each service account by itself.
verb_kubeconfig_for() {
    local account=${1:-} namespace=${2:-} secret='' token file
    local -i tries
    [[ -n $namespace ]] || die_usage "kubeconfig-for: SERVICEACCOUNT and NAMESPACE are expected"
    require_cluster
    [[ $LEVEL != api-only ]] || die "an api-only cluster has no controller that makes tokens" "start one with \"$PROGRAM up --control-plane\""
    file=$STATE/$namespace.$account.kubeconfig
    # The controller adds the token a moment after the account is created.
    for ((tries = 0; tries < 50; tries++)); do
        secret=$(account_secret "$account" "$namespace" 2>/dev/null) && break
        sleep 0.1
    done
    [[ -n $secret ]] || die "service account $namespace/$account: not there, or it has no token"
    token=$(api_get "/api/v1/namespaces/$namespace/secrets/$secret" | jq -r '.data.token | @base64d')
    write_kubeconfig_with "$file" "$namespace.$account" "https://127.0.0.1:$PORT_APISERVER" "token: $token"
    give_to_caller "$file"
    printf '%s\n' "$file"
}

account_secret() {
    api_get "/api/v1/namespaces/$2/serviceaccounts/$1" | jq -er '.secrets[0].name'
}

verb_status() {
    case ${1:-} in
        '') status ;;
        --leftovers) leftovers ;;
        *) die_usage "status: unknown argument: $1" ;;
    esac
}

status() {
    local component pid port rss result=0
    require_cluster
    say "cluster \"$CLUSTER_NAME\": $(describe)"
    printf '%-12s %-6s %8s %6s %10s\n' COMPONENT STATE PID PORT MEMORY
    for component in $(components_of_level "$LEVEL"); do
        port=$(component_port "$component")
        if pid=$(component_pid "$component"); then
            rss=$(awk '/^VmRSS/ {printf "%d MiB", $2 / 1024}' "/proc/$pid/status")
            printf '%-12s %-6s %8s %6s %10s\n' "$component" up "$pid" "$port" "$rss"
        else
            printf '%-12s %-6s %8s %6s %10s\n' "$component" down - "$port" -
            result=1
        fi
    done
    return "$result"
}

component_port() {
    case $1 in
        etcd) echo "$PORT_ETCD" ;;
        apiserver) echo "$PORT_APISERVER" ;;
        kcm) echo "$PORT_KCM" ;;
        scheduler) echo "$PORT_SCHEDULER" ;;
        newest) echo "$PORT_NEWEST" ;;
        newest-etcd) echo "$PORT_NEWEST_ETCD" ;;
        *) echo - ;;
    esac
}
