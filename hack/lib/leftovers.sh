# shellcheck shell=bash
# hack/cluster status --leftovers: is the machine as if there had never been a cluster?

# Whatever any ended cluster left on this machine; clusters that still have
# their state are not leftovers.
leftovers() {
    local found
    found=$(leftover_processes && leftover_interfaces && leftover_mounts && leftover_rules && leftover_cgroups)
    if [[ -n $found ]]; then
        printf '%s\n' "$found"
        return 1
    fi
    say "nothing is left over"
}

# By command line, or by a mount: that shows shims and containers too.
leftover_processes() {
    local pid name
    while read -r pid name; do
        [[ -e $BASE_DIR/$name/cluster ]] || printf 'process %s of cluster %s\n' "$pid" "$name"
    done < <(grep -aoE "${BASE_DIR##*/}/[a-z0-9-]+" /proc/[0-9]*/{cmdline,mountinfo} 2>/dev/null |
        sed -E 's|^/proc/([0-9]+)/.*/([a-z0-9-]+)$|\1 \2|' | sort -u)
}

slot_in_use() {
    local file slot
    for file in "$BASE_DIR"/*/cluster; do
        [[ -r $file ]] && read -r slot _ <"$file" && [[ $slot == "$1" ]] && return 0
    done
    return 1
}

leftover_interfaces() {
    local link
    for link in /sys/class/net/mcop*; do
        [[ ! -e $link ]] || slot_in_use "${link##*mcop}" || printf 'interface %s\n' "${link##*/}"
    done
}

leftover_cgroups() {
    local dir
    while read -r dir; do
        slot_in_use "${dir##*mcop}" || printf 'cgroup %s\n' "$dir"
    done < <(find /sys/fs/cgroup -maxdepth 2 -type d -name 'mcop[0-9]*' 2>/dev/null)
}

# None of these is ever on the host, with or without a cluster.
leftover_mounts() {
    awk -v base="$BASE_DIR/" 'index($2, base) == 1 {print "mount " $2}' /proc/mounts
}

leftover_rules() {
    iptables-save 2>/dev/null | awk '/10\.20[0-2]\./ && /KUBE-|CNI-/ {print "iptables rule " $0}'
}
