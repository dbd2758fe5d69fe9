#!/bin/sh
# The report's afternoon as three commands, in a workspace of its own; then its other patch, and the
# remedy of the first one.
# Usage: sh benchmarks/demo.sh [WORKSPACE]
set -u
PATCHER="${BIN:+$BIN/}patcher"
WORKSPACE="${1:-$(mktemp -d "${TMPDIR:-/tmp}/patcher-demo.XXXXXX")}"
step() {
    expected=$1
    shift
    printf '\n$ patcher %s\n' "$*"
    "$PATCHER" -C "$WORKSPACE" "$@"
    status=$?
    printf '(exit %s)\n' "$status"
    if [ "$status" -ne "$expected" ]; then
        printf 'expected exit %s\n' "$expected" >&2
        exit 1
    fi
}
mkdir -p "$WORKSPACE"
echo "workspace: $WORKSPACE"
step 0 apply inference_mode
step 1 verify --bench # 6 of 9 cases fail, as in the report; the cause is named, all is restored
step 0 revert --all
step 0 apply channels_last
step 1 verify --models "Base Chatterbox" # every case fails: these tensors have another rank
step 0 apply inference_mode embed_ref_lens_clone
step 0 verify # the remedy: 9 of 9 bitwise equal
step 0 revert --all
step 0 status
