# shellcheck shell=bash
# Certificates and kubeconfig files. ECDSA keys: a new set takes a fraction of a
# second, so each "up" makes its own and nothing secret outlives the cluster.

PKI_DAYS=365

# $1 file name in pki/, $2 section of openssl.cnf, $3 subject, then e.g. the CA that signs.
make_certificate() {
    local out=$STATE/pki/$1 section=$2 subject=$3
    shift 3
    openssl req -x509 -config "$STATE/pki/openssl.cnf" -extensions "$section" -days "$PKI_DAYS" \
        -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -subj "$subject" -keyout "$out.key" -out "$out.crt" "$@" 2>"$STATE/log/openssl.log" ||
        component_failed openssl "openssl could not make $out.crt"
}

signed_by() { SIGNED_BY=(-CA "$STATE/pki/$1.crt" -CAkey "$STATE/pki/$1.key"); }

make_pki() {
    local -a SIGNED_BY
    render "$CONFIG_DIR/openssl.cnf" >"$STATE/pki/openssl.cnf"
    make_certificate ca ca "/CN=memcached-operator-cluster $CLUSTER_NAME"
    signed_by ca
    make_certificate apiserver server /CN=kube-apiserver "${SIGNED_BY[@]}"
    make_certificate admin client /O=system:masters/CN=admin "${SIGNED_BY[@]}"
    make_certificate kcm client /CN=system:kube-controller-manager "${SIGNED_BY[@]}"
    make_certificate scheduler client /CN=system:kube-scheduler "${SIGNED_BY[@]}"
    make_certificate proxy client /CN=system:kube-proxy "${SIGNED_BY[@]}"
    make_certificate kubelet client /O=system:nodes/CN=system:node:node1 "${SIGNED_BY[@]}"
    make_certificate kubelet-server server /CN=node1 "${SIGNED_BY[@]}"
    # By this one the API server tells aggregated servers on whose behalf it asks.
    make_certificate front-proxy-ca ca /CN=front-proxy-ca
    signed_by front-proxy-ca
    make_certificate front-proxy-client client /CN=front-proxy-client "${SIGNED_BY[@]}"
    # Signs service account tokens.
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$STATE/pki/sa.key" 2>/dev/null
    openssl pkey -in "$STATE/pki/sa.key" -pubout -out "$STATE/pki/sa.pub"
    write_kubeconfigs
}

write_kubeconfigs() {
    write_kubeconfig "$KUBECONFIG_ADMIN" admin 127.0.0.1
    write_kubeconfig "$STATE/kcm.kubeconfig" kcm 127.0.0.1
    write_kubeconfig "$STATE/scheduler.kubeconfig" scheduler 127.0.0.1
    write_kubeconfig "$STATE/kubelet.kubeconfig" kubelet "$HOST_IP"
    write_kubeconfig "$STATE/proxy.kubeconfig" proxy "$HOST_IP"
}

# $1 file, $2 certificate in pki/, $3 address of the server as seen by the user of the file.
write_kubeconfig() {
    write_kubeconfig_with "$1" "$2" "https://$3:$PORT_APISERVER" \
        "client-certificate: $STATE/pki/$2.crt" "client-key: $STATE/pki/$2.key"
}

# $1 file, $2 user's name, $3 URL, then the lines that say how the user proves who it is.
write_kubeconfig_with() {
    local file=$1 user=$2 url=$3
    shift 3
    {
        cat <<END
apiVersion: v1
kind: Config
clusters:
- name: $CLUSTER_NAME
  cluster:
    server: $url
    certificate-authority: $STATE/pki/ca.crt
users:
- name: $user
  user:
$(printf '    %s\n' "$@")
contexts:
- name: $CLUSTER_NAME
  context:
    cluster: $CLUSTER_NAME
    user: $user
current-context: $CLUSTER_NAME
END
    } >"$file"
    chmod 600 "$file"
}

# With sudo, the one who called it is to use the cluster.
give_to_caller() {
    [[ -z ${SUDO_UID:-} ]] || chown "$SUDO_UID:${SUDO_GID:-0}" "$@"
}
