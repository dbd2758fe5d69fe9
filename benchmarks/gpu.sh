#!/bin/sh
# A whole GPU run in one command: the report's smoke benchmark at full size, then the catalogue.
#
#   sh benchmarks/gpu.sh [OUT]
#
# OUT receives the tables (Markdown) and every figure (JSON); it is made when missing.
# Settings, by environment:
#   WHEELS   a folder of wheels; installed without an index into a virtual environment that sees
#            the machine's own packages (its torch). Unset: the current Python must have all of it.
#   DEVICE   cuda (default); cpu or mps to try the script elsewhere
#   SCALE    full (default) or tiny
#   BUDGET   seconds of timing for each verification and each patch or set; 120 by default
#   SUBJECTS patches and sets of the catalogue to measure; all of it by default
set -eu
cd "$(dirname "$0")/.."
OUT=${1:-gpu-run}
DEVICE=${DEVICE:-cuda}
SCALE=${SCALE:-full}
BUDGET=${BUDGET:-120}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
PYTHON=python3
if [ -n "${WHEELS:-}" ]; then
    python3 -m venv --system-site-packages "$WORK/venv"
    PYTHON=$WORK/venv/bin/python
    # Their pins name another torch than this machine's: what is here is what is measured.
    "$PYTHON" -m pip install --quiet --no-index --no-deps "$WHEELS"/*.whl
fi
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
patcher() { "$PYTHON" -m patcher -C "$WORK/workspace" "$@"; }

{
    date -u '+%Y-%m-%d %H:%M UTC'
    git rev-parse HEAD 2>/dev/null || true
    "$PYTHON" -c 'import sys, torch; print("Python", sys.version.split()[0], "torch", torch.__version__)'
    command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total \
        --format=csv,noheader
} >"$OUT/machine.txt" 2>&1 || true
cat "$OUT/machine.txt"

mkdir -p "$WORK/workspace"
patcher init
# name of the run, then the patches; a failing verification is a result, not an error here
smoke() {
    name=$1
    shift
    patcher apply "$@"
    patcher verify --bench --budget "$BUDGET" --device "$DEVICE" --scale "$SCALE" \
        --export-json "$OUT/$name.json" --export-markdown "$OUT/$name.md" || true
    patcher revert --all
}
smoke inference_mode inference_mode
smoke inference_mode_with_remedy inference_mode embed_ref_lens_clone
smoke channels_last channels_last
# shellcheck disable=SC2086  # SUBJECTS is a list
"$PYTHON" -m benchmarks.catalogue counts speed life --device "$DEVICE" --scale "$SCALE" \
    --budget "$BUDGET" ${SUBJECTS:+--only $SUBJECTS} || true
cp docs/catalogue-measured.md benchmarks/catalogue/results/*.json "$OUT/" 2>/dev/null || true
ls "$OUT"
