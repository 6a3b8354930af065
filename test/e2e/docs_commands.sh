#!/usr/bin/env bash
# Runs every command that stands in a ```sh block of README.md and docs/, from the source root. A comment above a
# block changes that (docs/testing.md): docs-test: as COMMAND | node | skip REASON.
# The commands run in a network namespace of their own, so that ports of this machine do not matter.
#   docs_commands.sh           runs the blocks; needs SKEIN_BINARY
#   docs_commands.sh --list    prints FILE:LINE, the kind and the commands of each block
#   docs_commands.sh --self-test
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."

readonly BLOCK_SECONDS_MAX=240
readonly READY_SECONDS_MAX=60

# Prints the blocks of a page as records "file:line TAB kind TAB argument TAB commands", in which a line end of
# the commands is written as \001.
blocks_of() {
    awk -v page="$1" '
        inside && /^```/ { printf "%s:%d\t%s\t%s\t%s\n", page, start, kind, argument, text; inside = 0; kind = "run"; argument = ""; next }
        inside { text = text (text == "" ? "" : "\001") $0; next }
        other && /^```/ { other = 0; next }
        /^```sh$/ { inside = 1; start = NR; text = ""; next }
        /^```/ { other = 1; kind = "run"; argument = ""; next }
        /^<!-- docs-test: .* -->$/ || /^<!-- docs-test: node -->$/ {
            line = $0; sub(/^<!-- docs-test: /, "", line); sub(/ -->$/, "", line)
            kind = line; sub(/ .*/, "", kind); argument = line; if (!sub(/^[a-z]+ /, "", argument)) argument = ""
            next
        }
        NF { kind = "run"; argument = "" }
        BEGIN { kind = "run" }
        END { if (inside) { printf "%s:%d\tbroken\tthe block has no end\t\n", page, start } }
    ' "$1"
}

pages() {
    printf '%s\n' README.md
    find docs -name '*.md' | sort
}

list() {
    local page
    while read -r page; do
        blocks_of "$page"
    done < <(pages)
}

skip() {
    printf 'SKIPPED: %s\n' "$1"
    exit 0
}

# Starts a node on the example for the blocks that ask one. Sets node_pid and node_data.
start_node() {
    local waited
    node_data=$(mktemp -d)
    setpriv --pdeathsig TERM -- "$SKEIN_BINARY" --config.file=examples/skein.yml \
        --storage.tsdb.path="$node_data" --web.listen-address=127.0.0.1:9090 \
        --grpc.listen-address=127.0.0.1:10901 >"$node_data.log" 2>&1 </dev/null &
    node_pid=$!
    for ((waited = 0; waited < READY_SECONDS_MAX * 10; ++waited)); do
        ! curl -fsS --max-time 2 -o "$node_data.ready" http://127.0.0.1:9090/-/ready 2>/dev/null || return 0
        kill -0 "$node_pid" 2>/dev/null || break
        sleep 0.1
    done
    cat "$node_data.log" >&2
    return 1
}

stop_node() {
    [[ -n ${node_pid:-} ]] || return 0
    kill -TERM "$node_pid" 2>/dev/null || true
    wait "$node_pid" 2>/dev/null || true
    rm -rf "$node_data" "$node_data.log" "$node_data.ready"
    node_pid=""
}

run_commands() {
    SKEIN_NO_SETUP=1 timeout --kill-after=10 "$BLOCK_SECONDS_MAX" bash -euo pipefail -c "$1" </dev/null
}

run_block() {
    local kind=$1 argument=$2 commands=$3 result=0
    case $kind in
        run) run_commands "$commands" ;;
        as) run_commands "$argument" ;;
        node)
            start_node || result=1
            [[ $result -ne 0 ]] || run_commands "$commands" || result=1
            stop_node
            return "$result"
            ;;
        *)
            echo "unknown comment or broken block: $kind $argument"
            return 1
            ;;
    esac
}

run_all() {
    local where kind argument commands ran=0 failed=0
    trap stop_node EXIT
    # An empty field would vanish between two tabs: awk puts a \002 in its place.
    while IFS=$'\t' read -r where kind argument commands <&3; do
        argument=${argument#$'\002'}
        commands=${commands//$'\001'/$'\n'}
        if [[ $kind == skip ]]; then
            printf -- '-- %s not run: %s\n' "$where" "$argument"
            continue
        fi
        printf -- '-- %s %s\n' "$where" "$kind"
        ran=$((ran + 1))
        if ! run_block "$kind" "$argument" "$commands"; then
            printf 'FAILED: %s\n%s\n' "$where" "$commands"
            failed=$((failed + 1))
        fi
    done 3< <(list | awk -F'\t' -v OFS='\t' '{ if ($3 == "") $3 = "\002"; print }')
    printf '%d blocks run, %d failed\n' "$ran" "$failed"
    [[ $failed -eq 0 && $ran -gt 0 ]]
}

self_test() {
    local page got want
    page=$(mktemp)
    printf '%s\n' 'text' '```sh' 'a' 'b' '```' '<!-- docs-test: as c d -->' '```sh' 'e' '```' '```yaml' 'f: g' '```' \
        '<!-- docs-test: node -->' '```sh' 'h' '```' '<!-- docs-test: skip for a reason -->' '' '```sh' 'i' '```' \
        '<!-- docs-test: node -->' 'words between' '```sh' 'j' '```' >"$page"
    got=$(blocks_of "$page" | sed "s|^$page||" | tr '\t\001' '|/')
    rm -f "$page"
    want=':2|run||a/b
:7|as|c d|e
:14|node||h
:19|skip|for a reason|i
:24|run||j'
    [[ $got == "$want" ]] || {
        printf 'got:\n%s\nwant:\n%s\n' "$got" "$want"
        return 1
    }
}

case ${1:-} in
    --list) list ;;
    --self-test) self_test ;;
    --inside)
        ip link set lo up
        run_all
        ;;
    "")
        [[ -n ${SKEIN_BINARY:-} && -x $SKEIN_BINARY ]] ||
            skip "the skein program is not built here; the commands of README.md and docs/ were not run"
        command -v ip >/dev/null || skip "ip (package iproute2) is not here, so there is no network namespace of our own"
        unshare --net --map-root-user true 2>/dev/null || skip "this machine does not allow network namespaces"
        exec unshare --net --map-root-user -- "$0" --inside
        ;;
    *)
        echo "unknown argument: $1" >&2
        exit 2
        ;;
esac
