# shellcheck shell=bash
# Which cluster: its name, directory, and the slot from which ports and addresses follow.
# shellcheck disable=SC2034 # the variables are for those who source this

BASE_DIR=/var/lib/memcached-operator-cluster
CLUSTER_NAME=${CLUSTER_NAME:-default}
STATE=$BASE_DIR/$CLUSTER_NAME
SHM_DIR=/dev/shm/memcached-operator-cluster/$CLUSTER_NAME
KUBECONFIG_ADMIN=$STATE/admin.kubeconfig
AUDIT_LOG_FILE=$STATE/log/audit.log
SLOTS=50
PORT_BASE=20000
PORTS_PER_SLOT=20

LEVEL='' # of the running cluster: api-only, control-plane, newest or full
AUDIT=0

# What a level consists of, in the order of starting.
components_of_level() {
    case $1 in
        api-only) echo etcd apiserver ;;
        control-plane) echo etcd apiserver kcm scheduler ;;
        newest) echo etcd apiserver kcm scheduler newest-etcd newest ;;
        full) echo etcd apiserver kcm scheduler node containerd kubelet proxy ;;
    esac
}

state_load() {
    [[ $CLUSTER_NAME =~ ^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$ ]] ||
        die_usage "CLUSTER_NAME \"$CLUSTER_NAME\": at most 20 of a-z, 0-9 and - are expected"
    [[ -r $STATE/cluster ]] || return 0
    local slot level audit
    read -r slot level audit <"$STATE/cluster"
    LEVEL=$level AUDIT=$audit
    state_use_slot "$slot"
}

# 10.200-202.SLOT: pods, services, and the link between host and node.
state_use_slot() {
    local -i port=$((PORT_BASE + $1 * PORTS_PER_SLOT))
    SLOT=$1
    PORT_APISERVER=$port
    PORT_ETCD=$((port + 1))
    PORT_ETCD_PEER=$((port + 2))
    PORT_KCM=$((port + 3))
    PORT_SCHEDULER=$((port + 4))
    PORT_NEWEST=$((port + 5))
    PORT_NEWEST_ETCD=$((port + 6))
    PORT_NEWEST_ETCD_PEER=$((port + 7))
    POD_CIDR=10.200.$1.0/24
    SERVICE_CIDR=10.201.$1.0/24
    SERVICE_IP=10.201.$1.1
    DNS_IP=10.201.$1.10
    HOST_IP=10.202.$1.1
    NODE_IP=10.202.$1.2
    LINK=mcop$1
    CGROUP=/mcop$1
}

# Take the lowest slot that no cluster has and on whose ports nobody listens;
# slot 0 is for the default cluster.
state_create() {
    local level=$1 audit=$2
    local -i slot
    mkdir -p "$BASE_DIR"
    exec 9<"$BASE_DIR"
    flock 9
    for ((slot = 0; slot < SLOTS; slot++)); do
        ((slot > 0)) || [[ $CLUSTER_NAME == default ]] || continue
        ! slot_is_taken "$slot" || continue
        mkdir -p "$STATE/pki" "$STATE/run" "$STATE/log"
        chmod 711 "$STATE"
        printf '%d %s %d\n' "$slot" "$level" "$audit" >"$STATE/cluster"
        exec 9<&-
        state_load
        return
    done
    die "all $SLOTS slots for clusters are taken" "see $BASE_DIR; end those not needed with \"CLUSTER_NAME=NAME $PROGRAM down\""
}

slot_is_taken() {
    local file slot
    local -i port=$((PORT_BASE + $1 * PORTS_PER_SLOT))
    for file in "$BASE_DIR"/*/cluster; do
        [[ -r $file ]] || continue
        read -r slot _ <"$file"
        ((slot != $1)) || return 0
    done
    [[ -n $(ss -Hltn "sport >= $port and sport < $((port + PORTS_PER_SLOT))") ]]
}

# One "up" or "down" of a cluster at a time.
state_lock() {
    exec 7>"/run/lock/memcached-operator-cluster-$CLUSTER_NAME.lock"
    flock 7
}

# Fill the @NAME@ places of a template.
render() {
    local text name
    text=$(<"$1")
    for name in STATE CGROUP POD_CIDR HOST_IP NODE_IP SERVICE_IP DNS_IP PORT_NEWEST CA_BUNDLE; do
        text=${text//@$name@/${!name-}}
    done
    printf '%s\n' "$text"
}
