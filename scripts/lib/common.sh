# shellcheck shell=bash
# What the scripts share. Sourced from the source root with set -euo pipefail.

say() { printf '==> %s\n' "$*"; }

die() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

# Parallel jobs: one per core, but not more than the memory carries.
readonly MEMORY_PER_JOB_KIB=$((1536 * 1024))
jobs_default() {
    local cores memory_kib by_memory
    cores=$(nproc)
    memory_kib=$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)
    by_memory=$((memory_kib / MEMORY_PER_JOB_KIB))
    [[ $by_memory -ge 1 ]] || by_memory=1
    echo $((cores < by_memory ? cores : by_memory))
}
JOBS=${SKEIN_JOBS:-$(jobs_default)}
readonly JOBS

# setup [option …]: installs what is missing.
setup() {
    [[ -n ${SKEIN_NO_SETUP:-} ]] || scripts/setup "$@"
}

# configure PRESET. Quiet unless it fails.
configure() {
    local log=build/$1/configure.log
    mkdir -p "build/$1"
    cmake --preset "$1" >"$log" 2>&1 || {
        cat "$log" >&2
        return 1
    }
}

# build PRESET TARGET …
build() {
    local preset=$1
    shift
    say "build $preset: $*"
    configure "$preset" && cmake --build "build/$preset" -j "$JOBS" --target "$@"
}

# has_target PRESET TARGET: whether the configured tree builds it.
has_target() {
    ninja -C "build/$1" -t query "$2" >/dev/null 2>&1
}

version() {
    sed -n 's/^project(skein VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt
}
