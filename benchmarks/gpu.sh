#!/usr/bin/env bash
# Measures training on one NVIDIA GPU and writes a JSON, in under nine minutes.
#
#   benchmarks/gpu.sh [FILE]
#
# FILE is benchmarks/results/gpu-NAME-DATE.json if not given. The parts, each with a
# limit of its own: the workloads of benchmarks/train.py, a run of `jsr train` with
# configs/srgan.py, its steps a second and the minutes of 10,000, and the tables of
# benchmarks/scaling.py for more GPUs. benchmarks/upscale.py is a race on CPUs, no part.
#
# PYTHON (default: python3) needs jsr's dependencies, jax[cuda12] and a PyTorch with
# CUDA. Nothing is installed: what is missing is said. Without GPU, status 2.
set -u

name=benchmarks/gpu.sh
if [ "${1:-}" = -h ] || [ $# -gt 1 ]; then
  sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
case ${1:-} in
  '' | /*) file=${1:-} ;;
  *) file=$PWD/$1 ;;
esac
cd "$(dirname "$0")/.." || exit 1
python=${PYTHON:-python3}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}

if ! gpus=$(nvidia-smi -L 2>/dev/null) || [ -z "$gpus" ]; then
  echo "$name: there is no NVIDIA GPU here, so nothing was measured" >&2
  exit 2
fi
export CUDA_VISIBLE_DEVICES=${CUDA_VISIBLE_DEVICES-0}
if ! "$python" -c 'import jsr.cli, jsr.train.recipe' 2>/dev/null; then
  echo "$name: $python lacks jsr's dependencies; install them by: pip install -e ." >&2
  exit 2
fi
if ! JAX_PLATFORMS=cuda "$python" -c 'import jax; jax.devices()' 2>/dev/null; then
  echo "$name: JAX sees no GPU; jax[cuda12] is missing: pip install -e '.[cuda]'" >&2
  exit 2
fi
if ! "$python" -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
  echo "$name: PyTorch with CUDA is missing; jsr is measured alone" >&2
fi

# All parts together end before this many seconds.
total=525
parts=$(mktemp -d) || exit 1
trap 'rm -rf "$parts"' EXIT

# part SECONDS COMMAND...: runs it within the seconds, and within what is left.
part() {
  local limit=$1 left=$((total - SECONDS))
  shift
  if [ "$left" -lt "$limit" ]; then
    limit=$left
  fi
  if [ "$limit" -lt 5 ]; then
    echo "$name: no time left for: $*" >&2
    return 124
  fi
  # The signal goes to the whole group: contenders are processes of their own.
  timeout --kill-after=5 "$limit" "$@"
}

# The budget leaves room for a round that runs over it.
train() {
  part $(($2 + 20)) "$python" benchmarks/train.py --device gpu --workloads "$1" \
    --budget "$2" --json "$parts/train-$1.json" ||
    echo "$name: benchmarks/train.py $1 did not end by itself" >&2
}

train srgan 125
train edsr 80
train rrdb 120
echo
part 80 "$python" -m jsr.cli train --config configs/srgan.py --workdir "$parts/run" \
  --config.init_from= --config.losses.vgg=random --config.train.max_minutes=0.75 \
  --config.log.every=100 --config.log.progress=False --config.checkpoint.every=0 \
  --config.eval.every=0 --config.eval.limit=1 --config.eval.size=96 ||
  echo "$name: jsr train did not end by itself" >&2

gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1)
if [ -z "$file" ]; then
  slug=$(printf '%s' "${gpu:-unknown}" | tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9' -)
  mkdir -p benchmarks/results
  file=benchmarks/results/gpu-${slug%-}-$(date +%F).json
fi
JAX_PLATFORMS=cpu "$python" benchmarks/gather.py "$parts" "$file" "$gpu" || exit 1
part 60 "$python" benchmarks/scaling.py --analysis --results "$file" ||
  echo "$name: benchmarks/scaling.py did not end by itself" >&2
echo "$name: $SECONDS s in all"
