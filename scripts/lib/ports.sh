# shellcheck shell=bash
# Which local TCP ports listen, and who holds them: read from /proc, so that nothing has to be installed.

# The inodes of the sockets that listen on a port, on any address.
listening_inodes() {
    local hex
    hex=$(printf '%04X' "$1")
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v port=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { print $10 }'
}

port_is_taken() {
    [[ -n $(listening_inodes "$1") ]]
}

# port_owner PORT: "prometheus (process 4711)", or what can be said without the right to look.
port_owner() {
    local inode descriptor pid
    for inode in $(listening_inodes "$1"); do
        for descriptor in /proc/[0-9]*/fd/*; do
            if [[ $(readlink "$descriptor" 2>/dev/null) == "socket:[$inode]" ]]; then
                pid=${descriptor#/proc/}
                pid=${pid%%/*}
                printf '%s (process %s)' "$(cat "/proc/$pid/comm")" "$pid"
                return 0
            fi
        done
    done
    printf 'a process of another user (sudo ss -ltnp names it)'
}
