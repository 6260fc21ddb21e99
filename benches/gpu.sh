#!/usr/bin/env bash
# All that is to be measured on a machine with an NVIDIA GPU, in one go. Prints tables, leaves raw figures in DIR.
#
#   benches/gpu.sh [DIR] [DEVICE]          DIR: ./gpu-results, DEVICE: cuda:0
#
# 1. which library and device were found;
# 2. whether a training step changes the parameters as it does on the CPU, network by network; a whole search;
# 3. training steps of benches/suite.json, launched kernel by kernel and recorded (CUDA graphs), against PyTorch eager,
#    channels last and compiled (with CUDA graphs);
# 4. how much of what the device can compute at most the steps use;
# 5. networks per hour of a search on digits with one trainer and with packing (how many trainers that has found to be
#    worth it, and what each doubling brought, is under "verdicts"), with processes that record their steps, one and
#    several, and of PyTorch on the same networks.
#
# A part that fails is named at the end; the others go on. DEVICE may be cpu, to try the script where there is no GPU.
#
# Needs Python with `pip install torch numpy` (a CUDA build) as $PYTHON (python3); without it, what compares with PyTorch
# is left out. Needs a Rust toolchain, or a program that was built elsewhere as $HATCHERY.
set -euo pipefail
cd "$(dirname "$0")/.."
results=${1:-gpu-results} device=${2:-cuda:0} python=${PYTHON:-python3}
packing_most=16   # trainers at once, at most
processes=4       # that record their steps, side by side
seconds=0.5       # for each network, mode and round
failed=()

# Runs a part, shows what it prints and keeps it in $results/FILE.
part() {
  local title=$1 file=$2
  shift 2
  echo "== $title"
  SECONDS=0
  "$@" | tee "$results/$file" || { failed+=("$title"); echo "failed: $title" >&2; }
  echo "   ($SECONDS s)"
}

has_torch() { "$python" -c 'import numpy, torch' 2>/dev/null; }

search() {
  rm -rf "$results/search"
  "$hatchery" run digits --set "runtime.device=$device" --seed 1 --evaluations 40 --json --quiet --out "$results/search"
}

# networks_per_hour NAME WORKERS ARGUMENT..
networks_per_hour() {
  local name=$1 workers=$2
  shift 2
  "$python" benches/peers/networks_per_hour.py digits --hatchery "$hatchery" --samples 1150 --validation 288 \
    --evaluations 300 --workers "$workers" --device "$device" "$@" \
    --out "$results/networks-per-hour-digits-$name.json"
}

mkdir -p "$results"
if [[ -z ${HATCHERY:-} ]]; then
  cargo build --release --locked
fi
hatchery=${HATCHERY:-target/release/hatchery}

part "what is there" doctor.txt "$hatchery" doctor
part "first steps on $device beside the CPU's" steps.jsonl \
  "$hatchery" bench train --suite benches/suite.json --device "$device" --threads 1 --seconds "$seconds" --check --json
part "the same, recorded and replayed" steps-recorded.jsonl \
  "$hatchery" bench train --suite benches/suite.json --device "$device" --threads 1 --seconds "$seconds" --check --json \
  --cuda-graphs
part "a search on $device" search.txt search
if has_torch; then
  part "what $device can compute at most, and the steps' shares of it" ceiling.jsonl \
    "$python" benches/peers/ceiling.py --device "$device" --rows "$results/steps.jsonl"
  part "training steps on $device" train-suite.txt \
    "$python" benches/peers/train_suite.py --hatchery "$hatchery" --device "$device" --seconds "$seconds" \
    --out "$results/train-suite.json"
  part "training steps on $device, recorded and replayed" train-suite-recorded.txt \
    "$python" benches/peers/train_suite.py --hatchery "$hatchery" --device "$device" --seconds "$seconds" \
    --cuda-graphs --out "$results/train-suite-recorded.json"
  for packing in 1 "$packing_most"; do
    part "networks per hour on $device, $packing trainers at most" "networks-per-hour-digits-$packing.txt" \
      networks_per_hour "$packing" "$packing" --packing "$packing"
  done
  for workers in 1 "$processes"; do
    part "networks per hour on $device, $workers processes that record their steps" \
      "networks-per-hour-digits-recorded-$workers.txt" \
      networks_per_hour "recorded-$workers" "$workers" --set runtime.cuda_graphs=true
  done
else
  echo "left out, for want of PyTorch and NumPy in $python: steps and networks per hour beside PyTorch's, the ceiling"
fi

if ((${#failed[@]})); then
  printf 'failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
