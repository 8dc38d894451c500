# shellcheck shell=bash
# The node: containerd, kubelet and kube-proxy, in namespaces of their own.
#
# The node has its own mount, network and pid namespace, held by one process
# (component "node"). Ending that one process ends every process of the node,
# and with them go its mounts, interfaces and iptables rules: even a kill -9 of
# everything leaves nothing on the host but files and empty cgroup directories.
# The host reaches pods and services by two routes over a veth pair.

NODE_SOCKET=/run/containerd/containerd.sock

# Run a program of the host in the node's mount and network namespace.
in_node() {
    local init
    init=$(component_pid node) || die "cluster \"$CLUSTER_NAME\" has no node" "start one with \"$PROGRAM up\""
    nsenter --target "$init" --mount --net -- "$@"
}

# Prints the one child of a process.
child_of() {
    local children
    children=$(<"/proc/$1/task/$1/children") 2>/dev/null || return 1
    [[ -n $children ]] && printf '%s\n' "${children%% *}"
}

# Like start_process, inside the node. nsenter forks to enter a pid namespace,
# so the component is its child.
start_in_node() {
    local name=$1 child='' init
    local -i tries
    shift
    init=$(component_pid node) || die "the node of cluster \"$CLUSTER_NAME\" does not run" "\"$PROGRAM up\" starts it afresh"
    spawn "$name" nsenter --target "$init" --mount --net --pid -- "$@"
    for ((tries = 0; tries < 100; tries++)); do
        child=$(child_of "$DAEMON_PID") && break
        sleep 0.02
    done
    [[ -n $child ]] || component_failed "$name" "$name did not start"
    record_pid "$name" "$child"
}

start_node() {
    local holder init='' pause=$IMAGE_DIR/pause
    local -i tries
    mkdir -p "$STATE/node/cni" "$STATE/node/volume-plugins"
    spawn node unshare --mount --net --pid --fork --kill-child --mount-proc -- \
        "$CONFIG_DIR/node-init.sh" "$STATE/node" "$pause"
    holder=$DAEMON_PID
    record_pid holder "$holder"
    for ((tries = 0; tries < 250; tries++)); do
        init=$(child_of "$holder") && [[ $(readlink "/proc/$init/exe") == "$pause" ]] && break
        sleep 0.02
    done
    [[ -n $init && $(readlink "/proc/$init/exe") == "$pause" ]] || component_failed node "the node's namespaces could not be made"
    record_pid node "$init"
    connect_node "$init"
    node_cgroups mkdir
}

connect_node() {
    ip link add "$LINK" type veth peer name uplink netns "$1"
    ip addr add "$HOST_IP/30" dev "$LINK"
    ip link set "$LINK" up
    in_node ip addr add "$NODE_IP/30" dev uplink
    # No default route: what is not on this machine is unreachable at once, where
    # kubelet's search for cloud providers would otherwise wait for 11 s.
    in_node ip link set uplink up
    ip route add "$POD_CIDR" via "$NODE_IP"
    ip route add "$SERVICE_CIDR" via "$NODE_IP"
}

# The node's cgroup in each hierarchy that has controllers (one of them where
# cgroup v2 is mounted).
node_cgroup_dirs() {
    local type mountpoint
    while read -r _ mountpoint type _; do
        case $type in
            cgroup) printf '%s%s\n' "$mountpoint" "$CGROUP" ;;
            cgroup2) [[ $mountpoint != /sys/fs/cgroup ]] || printf '%s%s\n' "$mountpoint" "$CGROUP" ;;
        esac
    done </proc/mounts
}

node_cgroups() {
    local dir knob
    for dir in $(node_cgroup_dirs); do
        mkdir -p "$dir"
        # A new cpuset is empty, and nothing can run in it.
        for knob in cpuset.cpus cpuset.mems; do
            [[ ! -e $dir/$knob || -n $(<"$dir/$knob") ]] || cat "${dir%/*}/$knob" >"$dir/$knob"
        done
        if [[ -e $dir/cgroup.subtree_control ]]; then
            for knob in cpu cpuset memory pids io hugetlb; do
                echo "+$knob" >"$dir/cgroup.subtree_control" 2>/dev/null || true
            done
        fi
    done
}

start_containerd() {
    render "$CONFIG_DIR/containerd.toml" >"$STATE/node/containerd.toml"
    render "$CONFIG_DIR/pods.conflist" >"$STATE/node/cni/pods.conflist"
    start_in_node containerd containerd --config "$STATE/node/containerd.toml"
}

start_kubelet() {
    render "$CONFIG_DIR/kubelet.yaml" >"$STATE/node/kubelet.yaml"
    start_in_node kubelet "$KUBE_DIR/kubelet" --config="$STATE/node/kubelet.yaml" \
        --kubeconfig="$STATE/kubelet.kubeconfig" --root-dir="$STATE/node/kubelet" \
        --cert-dir="$STATE/node/kubelet/pki" --hostname-override=node1 --node-ip="$NODE_IP" \
        --container-runtime=remote --container-runtime-endpoint="unix://$NODE_SOCKET" \
        --network-plugin=cni
}

# Host and node masquerade to services, so that the API server, which is on the
# host, can be reached by its service address from there too. The limits of
# connection tracking are the machine's, not this namespace's: hands off.
start_proxy() {
    start_in_node proxy "$KUBE_DIR/kube-proxy" --kubeconfig="$STATE/proxy.kubeconfig" \
        --hostname-override=node1 --bind-address="$NODE_IP" \
        --proxy-mode=iptables --cluster-cidr="$POD_CIDR" --masquerade-all \
        --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0s \
        --conntrack-tcp-timeout-close-wait=0s --oom-score-adj=0
}

ctr_node() { in_node ctr --address "$NODE_SOCKET" --namespace k8s.io "$@"; }

wait_containerd() { wait_for containerd 30 "containerd ready" ctr_node version; }

load_images() {
    local name
    ctr_node images import "$IMAGE_DIR/pause.tar" >/dev/null
    ctr_node images import "$IMAGE_DIR/memcached.tar" >/dev/null
    for name in "${MEMCACHED_NAMES[@]:1}"; do
        ctr_node images tag "${MEMCACHED_NAMES[0]}" "$name" >/dev/null
    done
}

node_is_ready() {
    api_get /api/v1/nodes/node1 |
        jq -e '([.status.conditions[] | select(.type == "Ready" and .status == "True")] | length == 1)
               and (.spec.taints // [] | length == 0)'
}

wait_node() { wait_for kubelet 90 "node Ready" node_is_ready; }

# End the node, whether or not it was stopped cleanly before.
remove_node() {
    stop_process node KILL
    # Alive only where "up" was cut before it knew the node's process; takes that along.
    stop_process holder KILL
    rm -f "$STATE"/run/{containerd,kubelet,proxy}.pid
    remove_node_cgroups
}

# A cgroup can be removed once its last process is reaped, a moment after it was killed.
remove_node_cgroups() {
    local dir
    local -i tries
    for dir in "/sys/fs/cgroup$CGROUP" /sys/fs/cgroup/*"$CGROUP"; do
        for ((tries = 0; tries < 100; tries++)); do
            [[ -d $dir ]] || break
            find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
        done
    done
}
