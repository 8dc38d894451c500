#!/bin/bash
# The first process inside the node's namespaces (mount, network, pid). It makes
# them a node and then becomes "pause", which holds them: when that process
# ends, the kernel ends every process of the node and drops all its mounts.
# Arguments: the node's directory, the pause binary.
set -euo pipefail
NODE_DIR=$1
PAUSE=$2

# Volumes that pods share with each other need shared mounts; these are shared
# within this namespace only.
mount --make-rshared /
# Sockets, locks and network namespaces under /run, and the log directory that
# kubelet has compiled in, are this node's own.
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/containerd /run/netns /run/lock "$NODE_DIR/log"
mount --bind "$NODE_DIR/log" /var/log

# kubelet insists on these settings of the whole machine (a kernel that reboots
# after a panic, among others). It finds them set, and the machine keeps its own.
while read -r setting value; do
    [[ -e /proc/sys/$setting ]] || continue
    printf '%s\n' "$value" >"/run/${setting//\//.}"
    mount --bind "/run/${setting//\//.}" "/proc/sys/$setting"
done <<'END'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
END

printf 1 >/proc/sys/net/ipv4/ip_forward
ip link set lo up
exec "$PAUSE"
