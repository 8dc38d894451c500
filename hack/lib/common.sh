# shellcheck shell=bash
# What hack/deps and hack/cluster share: messages, elapsed time, root, the cache directory.
# shellcheck disable=SC2034 # the variables are for those who source this

CACHE_DIR=${XDG_CACHE_HOME:-$HOME/.cache}/memcached-operator
PROGRAM=${0#"$PWD"/}

say() { printf '%s\n' "$*"; }
warn() { printf "$PROGRAM: %s\n" "$@" >&2; }

# A failure: what was wrong, and on further lines what to do about it.
die() {
    warn "$@"
    exit 1
}

# A usage error, as in every command line tool: exit code 2.
die_usage() {
    warn "$*" "see $PROGRAM --help"
    exit 2
}

# seconds → "42s" or "2m10s"
duration() {
    local -i s=$1
    if ((s < 60)); then printf '%ds' "$s"; else printf '%dm%02ds' $((s / 60)) $((s % 60)); fi
}

# The comment at the top of the script is its help.
print_help() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }

# Where Debian's own packages come from here: the configured mirror.
debian_mirror() {
    local uri
    # shellcheck disable=SC2016 # $(REPO_URI) is apt's, not the shell's
    uri=$(apt-get indextargets --format '$(REPO_URI)' \
        'Identifier: Packages' 'Origin: Debian' 'Component: main' | grep -v security | head -n 1)
    printf '%s\n' "${uri:-http://deb.debian.org/debian/}"
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -- "$@"
    else
        die "root is needed for: $*" "run this as root, or install sudo"
    fi
}
