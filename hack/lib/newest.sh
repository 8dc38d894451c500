# shellcheck shell=bash
# The second lane: today's API machinery for our own resource.
#
# Debian unstable has the newest Kubernetes libraries, among them the server for
# custom resources. It serves cache.example.com with CEL rules, WatchList and
# today's server-side apply; everything else stays with the 1.20 API server, and
# the aggregation layer makes one endpoint of both.

NEWEST_DIR=$CACHE_DIR/kubernetes-newest
NEWEST_PACKAGES=(golang-go golang-k8s-apiextensions-apiserver-dev etcd-server)
NEWEST_SERVER=apiextensions-apiserver

build_newest() {
    local start=$SECONDS
    [[ ! -x $NEWEST_DIR/$NEWEST_SERVER ]] || return 0
    "$HACK/deps" newest
    build_lock
    if [[ ! -x $NEWEST_DIR/$NEWEST_SERVER ]]; then
        with_progress "installing Debian unstable in a directory" 2m unpack_unstable "$BUILD_TMP/sid"
        with_progress "building $NEWEST_SERVER" 4m compile_newest "$BUILD_TMP/sid" "$BUILD_TMP/out"
        mv "$BUILD_TMP/out" "$NEWEST_DIR"
        say "$NEWEST_SERVER $(<"$NEWEST_DIR/VERSION") is built ($(duration $((SECONDS - start))) in all)"
    fi
    build_unlock
}

# A mirror that is a snapshot has a Release file that has expired, or one from
# the machine's future: neither matters for a build that is thrown away.
unpack_unstable() {
    local packages
    packages=$(IFS=,; echo "${NEWEST_PACKAGES[*]}")
    mmdebstrap --mode=root --variant=apt --include="$packages" \
        --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' \
        sid "$1" "$(debian_mirror)"
}

# Go finds itself through /proc; that mount is seen by the compiler alone.
compile_newest() {
    local root=$1 out=$2 version
    mkdir "$out" || return
    # shellcheck disable=SC2016 # ${Version} is dpkg's
    version=$(chroot "$root" dpkg-query -W -f '${Version}' golang-k8s-apiextensions-apiserver-dev) || return
    unshare --mount --pid --fork --kill-child --mount-proc="$root/proc" -- chroot "$root" env HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin GO111MODULE=off CGO_ENABLED=0 \
        GOPATH=/usr/share/gocode GOCACHE=/root/gocache \
        go build -trimpath -ldflags "-s -w" -o "/root/$NEWEST_SERVER" k8s.io/apiextensions-apiserver || return
    mv "$root/root/$NEWEST_SERVER" "$out/" || return
    cp "$root/usr/bin/etcd" "$out/" || return
    printf '%s\n' "${version%%-*}" >"$out/VERSION"
}

# An aggregated server must not be on a loopback address.
connect_newest() {
    ip link add "$LINK" type bridge
    ip addr add "$HOST_IP/30" dev "$LINK"
    ip link set "$LINK" up
}

# WatchList needs etcd ≥ 3.5, which comes from unstable too.
start_newest_etcd() {
    local client=http://127.0.0.1:$PORT_NEWEST_ETCD peer=http://127.0.0.1:$PORT_NEWEST_ETCD_PEER
    mkdir -p "$STATE/newest-etcd"
    chmod 700 "$STATE/newest-etcd"
    start_process newest-etcd "$NEWEST_DIR/etcd" --name newest --data-dir "$STATE/newest-etcd" \
        --listen-client-urls "$client" --advertise-client-urls "$client" \
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
        --initial-cluster "newest=$peer" --unsafe-no-fsync
}

# Admission by policies and webhooks is the 1.20 server's business; this one
# would watch for kinds that the other does not have.
start_newest() {
    local pki=$STATE/pki
    start_process newest "$NEWEST_DIR/$NEWEST_SERVER" \
        --etcd-servers="http://127.0.0.1:$PORT_NEWEST_ETCD" \
        --bind-address="$HOST_IP" --secure-port="$PORT_NEWEST" \
        --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
        --kubeconfig="$KUBECONFIG_ADMIN" --authentication-kubeconfig="$KUBECONFIG_ADMIN" \
        --authorization-kubeconfig="$KUBECONFIG_ADMIN" --enable-priority-and-fairness=false \
        --disable-admission-plugins=MutatingAdmissionPolicy,ValidatingAdmissionPolicy,MutatingAdmissionWebhook,ValidatingAdmissionWebhook
}

newest_request() {
    curl -sS --max-time 10 --cacert "$STATE/pki/ca.crt" --cert "$STATE/pki/admin.crt" \
        --key "$STATE/pki/admin.key" "${@:2}" "https://$HOST_IP:$PORT_NEWEST$1"
}

wait_newest() { wait_for newest 60 "$NEWEST_SERVER ready" newest_request /readyz --fail; }

aggregate_newest() {
    local CA_BUNDLE # for render
    # shellcheck disable=SC2034
    CA_BUNDLE=$(base64 -w 0 "$STATE/pki/ca.crt")
    render "$CONFIG_DIR/newest.yaml" | "$KUBE_DIR/kubectl" --kubeconfig="$KUBECONFIG_ADMIN" apply -f - >"$STATE/log/aggregate.log"
}

# This server has no discovery root, so kubectl does not talk to it: plain HTTP does.
newest_apply_crd() {
    local name answer
    local crds=/apis/apiextensions.k8s.io/v1/customresourcedefinitions
    name=$("$KUBE_DIR/kubectl" --kubeconfig="$KUBECONFIG_ADMIN" create --dry-run=client --validate=false \
        -o 'jsonpath={.metadata.name}' -f "$1")
    answer=$(newest_request "$crds/$name?fieldManager=hack-cluster&force=true" -X PATCH \
        -H 'Content-Type: application/apply-patch+yaml' --data-binary "@$1")
    [[ $(jq -r .kind <<<"$answer") == CustomResourceDefinition ]] ||
        die "$1 is refused: $(jq -r '.message // .' <<<"$answer")"
    wait_for newest 30 "$name seen through the API server" newest_serves "${name%%.*}"
    say "$name is served by $NEWEST_SERVER $(<"$NEWEST_DIR/VERSION")"
}

# What a client that asks the 1.20 server finds: the group, in it the resource, and its objects.
newest_serves() {
    api_get /apis | jq -e 'any(.groups[]; .name == "cache.example.com")' &&
        api_get /apis/cache.example.com/v1alpha1 | jq -e --arg name "$1" 'any(.resources[]; .name == $name)' &&
        api_get "/apis/cache.example.com/v1alpha1/$1"
}
