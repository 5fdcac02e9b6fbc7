#!/usr/bin/env bash
# What infogap costs beside a GPU, in ten minutes at most: tokens per second of `infogap generate` with vllm against the
# bare engine at 64 to 1,024 requests in flight, scoring, and how busy the GPU was.
#
#   benchmarks/gpu.sh [MODEL]        MODEL: a folder or a model of the Hub; by default the small model of the tests
#   PYTHON=... benchmarks/gpu.sh     a Python with vLLM and infogap; by default .venv-vllm's or the one on the path
#   QUICK=1 benchmarks/gpu.sh        one size, few tokens: to try the script itself, also on a CPU
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-$([ -x .venv-vllm/bin/python ] && echo .venv-vllm/bin/python || command -v python3)}
OUT=${OUT:-$(mktemp -d)}
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}"
model=()
[ $# -gt 0 ] && model=(--model "$1")

if command -v nvidia-smi > /dev/null; then
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
    # Two engines share the GPU; the rest is for what they need besides.
    engine='{"gpu_memory_utilization": 0.4, "max_model_len": 4096, "max_num_seqs": SEQS}'
    sizes=(64 256 1024) tokens=512 rounds=2 texts=512 lines=60
else
    echo "no GPU: the figures say nothing about one"
    engine='{"dtype": "bfloat16", "max_model_len": 1024, "enforce_eager": true, "enable_chunked_prefill": false, "max_num_seqs": SEQS}'
    sizes=(16) tokens=32 rounds=1 texts=8 lines=10
fi
if [ -n "${QUICK:-}" ]; then sizes=(16) tokens=32 rounds=1 texts=8 lines=10; fi
"$PYTHON" -c "import vllm, torch; print('vllm', vllm.__version__, 'torch', torch.__version__)" 2> /dev/null

# Runs a benchmark and samples the GPU's utilisation beside it, a figure a second.
watched() {
    local name=$1 sampler=""
    shift
    if command -v nvidia-smi > /dev/null; then
        nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits -l 1 > "$OUT/$name.gpu" &
        sampler=$!
    fi
    timeout --signal=INT --kill-after=20 240 "$@" > "$OUT/$name.log" 2>&1 || echo "$name ended with $?: $OUT/$name.log says why"
    [ -n "$sampler" ] && kill "$sampler" 2> /dev/null
    echo "== $name"
    grep -E "^\||^infogap" "$OUT/$name.log" || true
    if [ -s "$OUT/$name.gpu" ]; then
        awk -F', *' '$1 > 0 { n++; sum += $1; if ($2 > most) most = $2 }
            END { if (n) printf "GPU busy %.0f %% on average while it worked, memory %d MiB at most\n", sum / n, most }' "$OUT/$name.gpu"
    fi
}

for size in "${sizes[@]}"; do
    watched "generate-$size" "$PYTHON" benchmarks/generate_vllm.py "${model[@]}" --engine "${engine/SEQS/$size}" \
        --requests $((size * 2)) --max-tokens "$tokens" --rounds "$rounds" --least 0
done
watched score "$PYTHON" benchmarks/score_vllm.py "${model[@]}" --engine "${engine/SEQS/256}" \
    --texts "$texts" --lines "$lines" --rounds "$rounds"
