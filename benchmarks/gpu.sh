#!/bin/sh
# A whole GPU run in one command: the report's smoke benchmark at full size, then the catalogue.
#
#   sh benchmarks/gpu.sh [OUT]
#
# OUT receives the tables (Markdown) and every figure (JSON); it is made when missing. What OUT has
# already is not measured again: the same command with another BUDGET or PARTS goes on where the
# last one stopped. `summary.txt` there says how every part of this call ended, and the status is 1
# unless all of them were done. To adopt the figures, copy OUT/results/cuda to
# benchmarks/catalogue/results and run `python -m benchmarks.catalogue page`.
#
# Needs: Python 3.10 or newer with torch and torchaudio built for the device, `timeout` (coreutils).
# Settings, by environment:
#   PYTHON   python3 by default
#   WHEELS   a folder of wheels; installed without an index into a virtual environment that sees
#            the machine's own packages. Unset: $PYTHON must have all of it already. Needed are,
#            as far as the machine lacks them,
#            - for patcher: click gitpython gitdb smmap libcst packaging platformdirs pyyaml rich
#              pygments markdown-it-py mdurl, and tomli before Python 3.11;
#            - for the target: chatterbox-tts==0.1.7 transformers==5.2.0 diffusers==0.29.0
#              s3tokenizer==0.3.0 resemble-perth conformer einops safetensors tokenizers
#              huggingface-hub regex tqdm requests librosa audioread soundfile soxr numba llvmlite
#              scipy scikit-learn joblib threadpoolctl lazy-loader pooch msgpack decorator onnx
#              protobuf ml-dtypes omegaconf numpy, and what these import.
#            `pip download chatterbox-tts==0.1.7` fetches the second list and more, torch too.
#   DEVICE   cuda (default) or cpu
#   SCALE    full (default) or tiny, to try the script
#   BUDGET   seconds this call may take; 3000 by default. What is under way then is ended.
#   PARTS    of: smoke rates work gates counts stages speed start life; all of them, in this order, by default
#   SUBJECTS patches and sets of the catalogue to measure; all of it by default
#   COMMIT   the commit these files are of, where the checkout has no history
set -eu
cd "$(dirname "$0")/.."
OUT=${1:-gpu-run}
DEVICE=${DEVICE:-cuda}
SCALE=${SCALE:-full}
END=$(($(date +%s) + ${BUDGET:-3000}))
PARTS=${PARTS:-smoke rates work gates counts stages speed start life}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
PYTHON=${PYTHON:-python3}
if [ -n "${WHEELS:-}" ]; then
    "$PYTHON" -m venv --system-site-packages "$WORK/venv"
    PYTHON=$WORK/venv/bin/python
    # Their pins name another torch than this machine's: what is here is what is measured.
    "$PYTHON" -m pip install --quiet --no-index --no-deps "$WHEELS"/*.whl
fi
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"

{
    date -u '+%Y-%m-%d %H:%M UTC'
    git rev-parse HEAD 2>/dev/null || echo "${COMMIT:-commit not recorded}"
    "$PYTHON" -c 'import sys, torch; print("Python", sys.version.split()[0], "torch", torch.__version__)'
    ! command -v nvidia-smi >/dev/null || nvidia-smi --format=csv,noheader \
        --query-gpu=name,driver_version,memory.total
} >"$OUT/machine.txt" 2>&1
cat "$OUT/machine.txt"

: >"$OUT/summary.txt"
bad=0
KILLING=10 # seconds for what is ended to end
say() {
    echo "$*" | tee -a "$OUT/summary.txt"
}
# name of the part, the status it should end with, the command
step() {
    name=$1 wanted=$2
    shift 2
    began=$(date +%s)
    left=$((END - began - KILLING))
    status=124
    if [ "$left" -lt 10 ]; then
        say "$name: not begun, out of time"
        bad=1
        return
    fi
    status=0
    timeout --kill-after="$KILLING" "$left" "$@" >"$WORK/log" 2>&1 || status=$?
    took=$(($(date +%s) - began))
    cp "$WORK/log" "$OUT/$name.log"
    case $status in
    "$wanted") say "$name: done in $took s" ;;
    124 | 137) say "$name: out of time after $took s" && bad=1 ;;
    *) say "$name: status $status, not $wanted, after $took s; $name.log ends:" && bad=1 &&
        tail -n 12 "$WORK/log" | tee -a "$OUT/summary.txt" ;;
    esac
}
# name of the run, its status (1: the verification fails, as the report's did), then the patches
smoke() {
    name=$1 wanted=$2
    shift 2
    if [ -e "$OUT/$name.json" ]; then
        say "$name: done before"
        return
    fi
    run=$name ends=$wanted
    mkdir -p "$WORK/$run"
    step "$run-apply" 0 "$PYTHON" -m patcher -C "$WORK/$run" apply "$@"
    step "$run" "$ends" "$PYTHON" -m patcher -C "$WORK/$run" verify --bench \
        --budget "$(((END - $(date +%s)) / 2))s" --device "$DEVICE" --scale "$SCALE" \
        --export-markdown "$OUT/$run.md" --export-json "$WORK/$run.json"
    # Only what ended as it should is done; anything else is run, and complained of, again.
    [ "$status" != "$ends" ] || cp "$WORK/$run.json" "$OUT/$run.json"
}

for part in $PARTS; do
    if [ "$part" = smoke ]; then
        smoke inference_mode 1 inference_mode
        smoke inference_mode_with_remedy 0 inference_mode embed_ref_lens_clone
        smoke channels_last 1 channels_last
        continue
    fi
    # It ends by itself a little before `timeout` ends it, so that nothing it measured is lost.
    # shellcheck disable=SC2086  # SUBJECTS is a list
    step "$part" 0 "$PYTHON" -m benchmarks.catalogue "$part" --resume --device "$DEVICE" \
        --scale "$SCALE" --results "$OUT/results" --budget $((END - $(date +%s) - 3 * KILLING)) \
        ${SUBJECTS:+--only $SUBJECTS}
done
echo "in $OUT:"
ls "$OUT"
exit $bad
