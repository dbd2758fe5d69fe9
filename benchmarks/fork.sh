#!/bin/sh
# Time to the first chunk and real-time factor of chatterbox-streaming, beside pristine, with a set:
#
#     benchmarks/fork.sh PYTHON [@SET] [more options of verify]
#
# PYTHON is an interpreter that has chatterbox-streaming 0.1.2 installed. Both arms are timed in
# interleaved pairs on weights of the published size; "first chunk" is a row of the table of stages.
# It wants a quiet machine.
set -eu
python=$1
set_=${2:-@fast-cpu}
shift; [ $# -eq 0 ] || shift
workspace=$(mktemp -d)
trap 'rm -rf "$workspace"' EXIT
printf 'python = "%s"\n' "$python" > "$workspace/patcher.toml"
patcher -C "$workspace" init chatterbox-streaming==0.1.2
patcher -C "$workspace" apply --target chatterbox-streaming "$set_"
patcher -C "$workspace" verify --bench --scale full --models "Base Chatterbox" "$@"
