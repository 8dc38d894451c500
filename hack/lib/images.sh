# shellcheck shell=bash
# The node's images, made on this machine: nothing is pulled from anywhere.

PAUSE_NAME=localhost/pause:1
# Every name under which manifests may ask for memcached.
MEMCACHED_NAMES=(
    docker.io/library/memcached:1.6
    docker.io/library/memcached:1.6-alpine
    docker.io/library/memcached:1.4.36-alpine
    docker.io/library/memcached:alpine
)

# Keyed by memcached's version and by the files that the images are made from.
image_dir() {
    printf '%s/images-%s-%s\n' "$CACHE_DIR" \
        "$(dpkg-query -W -f '${Version}' memcached 2>/dev/null || echo none)" \
        "$(cat "$CONFIG_DIR"/pause.* "$CONFIG_DIR"/memcached.* "$HACK/lib/images.sh" | sha256sum | cut -c 1-12)"
}

build_images() {
    IMAGE_DIR=$(image_dir)
    [[ ! -e $IMAGE_DIR/memcached.tar ]] || return 0
    build_lock
    if [[ ! -e $IMAGE_DIR/memcached.tar ]]; then
        mkdir "$BUILD_TMP/done"
        with_progress "building the images of pause and memcached" 5s build_images_in "$BUILD_TMP"
        mv "$BUILD_TMP/done" "$IMAGE_DIR"
    fi
    build_unlock
}

build_images_in() {
    local dir=$1
    gcc -O2 -static -o "$dir/pause" "$CONFIG_DIR/pause.c" || return
    build_image "$dir" "$PAUSE_NAME" "$CONFIG_DIR/pause.Containerfile" "$dir/done/pause.tar" || return
    memcached_rootfs "$dir/rootfs" || return
    build_image "$dir" "${MEMCACHED_NAMES[0]}" "$CONFIG_DIR/memcached.Containerfile" "$dir/done/memcached.tar" || return
    mv "$dir/pause" "$dir/done/pause"
}

memcached_rootfs() {
    local root=$1 library
    mkdir -p "$root/etc" "$root/usr/bin" "$root/tmp"
    cp /usr/bin/memcached "$root/usr/bin/"
    printf 'root:x:0:0::/:/\nmemcache:x:11211:11211::/:/\n' >"$root/etc/passwd"
    printf 'root:x:0:\nmemcache:x:11211:\n' >"$root/etc/group"
    # "name => /path (address)", and the loader as "/path (address)".
    for library in $(ldd /usr/bin/memcached | grep -o '/[^ ]*'); do
        mkdir -p "$root${library%/*}"
        cp -L "$library" "$root$library"
    done
}

# $1 context and scratch directory, $2 name, $3 Containerfile, $4 archive to write.
build_image() {
    local -a buildah=(buildah --storage-driver vfs --root "$1/storage" --runroot "$1/run")
    "${buildah[@]}" build --isolation chroot --timestamp 0 --tag "$2" --file "$3" "$1" &&
        "${buildah[@]}" push "$2" "docker-archive:$4:$2"
}
