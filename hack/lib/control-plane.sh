# shellcheck shell=bash
# etcd, kube-apiserver, kube-controller-manager, kube-scheduler: processes on the host, on loopback ports.

# etcd waits for the disk at each write. A test cluster may lose its data: with
# an etcd that cannot be told so (3.4), the data lies in memory.
etcd_data_dir() {
    if ! etcd_has_no_fsync && [[ $(stat -f -c %T /dev/shm 2>/dev/null) == tmpfs ]]; then
        printf '%s\n' "$SHM_DIR/etcd"
    else
        printf '%s\n' "$STATE/etcd"
    fi
}

etcd_peer_url() { printf 'http://127.0.0.1:%d\n' "$PORT_ETCD_PEER"; }

etcd_has_no_fsync() { etcd --help 2>&1 | grep -q -e --unsafe-no-fsync; }

start_etcd() {
    local client=http://127.0.0.1:$PORT_ETCD peer
    peer=$(etcd_peer_url)
    local -a cmd=(etcd --name "$CLUSTER_NAME" --data-dir "$(etcd_data_dir)"
        --listen-client-urls "$client" --advertise-client-urls "$client"
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer"
        --initial-cluster "$CLUSTER_NAME=$peer" --quota-backend-bytes $((4 << 30)))
    ! etcd_has_no_fsync || cmd+=(--unsafe-no-fsync)
    mkdir -p "$(etcd_data_dir)"
    chmod 700 "$(etcd_data_dir)"
    start_process etcd "${cmd[@]}"
}

start_apiserver() {
    local pki=$STATE/pki bind=127.0.0.1
    # Pods and kubelet reach it at HOST_IP.
    [[ $LEVEL != full ]] || bind=0.0.0.0
    local -a cmd=("$KUBE_DIR/kube-apiserver"
        --etcd-servers="http://127.0.0.1:$PORT_ETCD"
        --bind-address="$bind" --secure-port="$PORT_APISERVER" --insecure-port=0 --advertise-address="$HOST_IP"
        --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key"
        --client-ca-file="$pki/ca.crt"
        --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client
        --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group
        --requestheader-extra-headers-prefix=X-Remote-Extra-
        --proxy-client-cert-file="$pki/front-proxy-client.crt" --proxy-client-key-file="$pki/front-proxy-client.key"
        --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key"
        --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP
        --service-account-issuer=https://kubernetes.default.svc
        --service-account-signing-key-file="$pki/sa.key" --service-account-key-file="$pki/sa.pub"
        --authorization-mode="Node,RBAC" --enable-admission-plugins=NodeRestriction
        --enable-aggregator-routing=true
        --allow-privileged=true --service-cluster-ip-range="$SERVICE_CIDR")
    if ((AUDIT)); then
        cmd+=(--audit-policy-file="$CONFIG_DIR/audit-policy.yaml" --audit-log-path="$AUDIT_LOG_FILE"
            --audit-log-mode=blocking)
    fi
    start_process apiserver "${cmd[@]}"
}

# Their own limits of requests a second would be what a burst test measures.
kube_client_rate=(--kube-api-qps=500 --kube-api-burst=1000)

start_kcm() {
    local pki=$STATE/pki kubeconfig=$STATE/kcm.kubeconfig
    start_process kcm "$KUBE_DIR/kube-controller-manager" --kubeconfig="$kubeconfig" \
        --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig" \
        --bind-address=127.0.0.1 --secure-port="$PORT_KCM" --port=0 --leader-elect=false \
        --use-service-account-credentials --service-account-private-key-file="$pki/sa.key" \
        --root-ca-file="$pki/ca.crt" "${kube_client_rate[@]}"
}

start_scheduler() {
    local kubeconfig=$STATE/scheduler.kubeconfig
    start_process scheduler "$KUBE_DIR/kube-scheduler" --kubeconfig="$kubeconfig" \
        --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig" \
        --bind-address=127.0.0.1 --secure-port="$PORT_SCHEDULER" --port=0 --leader-elect=false \
        "${kube_client_rate[@]}"
}

# GET a path of the API server as admin.
api_get() {
    curl -sSf --max-time 5 --cacert "$STATE/pki/ca.crt" --cert "$STATE/pki/admin.crt" \
        --key "$STATE/pki/admin.key" "https://127.0.0.1:$PORT_APISERVER$1"
}

wait_apiserver() { wait_for apiserver 180 "API server ready" api_get /readyz; }

wait_service_account() {
    wait_for kcm 60 "service account default/default" has_token_secret
}

# The account itself is no use to a pod before its token secret is there.
has_token_secret() {
    api_get /api/v1/namespaces/default/serviceaccounts/default | jq -e '.secrets | length > 0'
}

# By the environment alone: etcdctl refuses a flag where "env" was evaluated.
etcdctl_cluster() { ETCDCTL_API=3 ETCDCTL_ENDPOINTS="http://127.0.0.1:$PORT_ETCD" etcdctl "$@"; }

# Nothing written since the last time is no failure.
compact() {
    local revision output
    revision=$(etcdctl_cluster endpoint status -w json | jq -r '.[0].Status.header.revision')
    output=$(etcdctl_cluster compact --physical "$revision" 2>&1) ||
        [[ $output == *"has been compacted"* ]] || die "etcdctl compact: $output"
    say "compacted up to revision $revision"
}

save_snapshot() {
    local output
    output=$(etcdctl_cluster snapshot save "$1" 2>&1) || die "etcdctl snapshot save: $output"
}

# Over the data of an etcd that does not run.
restore_snapshot() {
    local dir output
    dir=$(etcd_data_dir)
    rm -rf "$dir"
    output=$(ETCDCTL_API=3 etcdctl snapshot restore "$1" --data-dir "$dir" --name "$CLUSTER_NAME" \
        --initial-cluster "$CLUSTER_NAME=$(etcd_peer_url)" --initial-advertise-peer-urls "$(etcd_peer_url)" 2>&1) ||
        die "etcdctl snapshot restore: $output"
}
