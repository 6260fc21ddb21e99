#!/usr/bin/env bash
# All that is to be measured on a machine with an NVIDIA GPU, in one go. Prints tables, leaves raw figures in DIR.
#
#   benches/gpu.sh [DIR] [DEVICE]          DIR: ./gpu-results, DEVICE: cuda:0
#
# 1. which library and device were found;
# 2. whether a training step changes the parameters as it does on the CPU, network by network; a whole search;
# 3. training steps of benches/suite.json against PyTorch eager, channels last and compiled (with CUDA graphs);
# 4. how much of what the device can compute at most the steps use;
# 5. packing: as many trainers at once on the device as raise the sum of their steps a second;
# 6. networks per hour of a search on digits with that many trainers, and of PyTorch on the same networks.
#
# Needs a Rust toolchain, and Python with `pip install torch numpy` (a CUDA build) as $PYTHON (python3).
set -euo pipefail
cd "$(dirname "$0")/.."
results=${1:-gpu-results} device=${2:-cuda:0} python=${PYTHON:-python3}
hatchery=target/release/hatchery
seconds=4         # of each measurement of packing
trainers_max=64   # tried at once, at most
gain_min=1.05     # what doubling the trainers must bring, or the search for more ends

mkdir -p "$results"
cargo build --release --locked
"$hatchery" doctor | tee "$results/doctor.txt"

echo "first steps on $device beside the CPU's"
"$hatchery" bench train --suite benches/suite.json --device "$device" --threads 1 --seconds 1 --check --json |
  tee "$results/steps.jsonl"
rm -rf "$results/search"
"$hatchery" run digits --set "runtime.device=$device" --seed 1 --evaluations 40 --json --quiet --out "$results/search" |
  tail -n 1 | tee "$results/search.json"

echo "training steps on $device"
"$python" benches/peers/train_suite.py --device "$device" --modes eager,channels_last,compile \
  --out "$results/train-suite.json" | tee "$results/train-suite.txt"

echo "what $device can compute at most, and the steps' shares of it"
"$python" benches/peers/ceiling.py --device "$device" --rows "$results/steps.jsonl" | tee "$results/ceiling.jsonl"

# Steps a second of NETWORK, of N trainers in processes of their own, all at once.
packed() {
  local files=() processes=() index
  for index in $(seq "$2"); do
    "$hatchery" bench train --suite benches/suite.json --only "$1" --device "$device" --threads 1 \
      --seconds "$seconds" --json > "$results/packed-$1-$2-$index.json" & processes+=($!)
    files+=("$results/packed-$1-$2-$index.json")
  done
  for index in "${processes[@]}"; do wait "$index"; done
  "$python" -c 'import json, sys; print(sum(1e3 / json.loads(open(f).readline())["step_ms_median"] for f in sys.argv[1:]))' "${files[@]}"
}

echo "packing on $device: network, trainers, steps a second in all"
best=1
for network in digits fashion cifar-quick residual; do
  trainers=1 last=0
  while ((trainers <= trainers_max)); do
    rate=$(packed "$network" "$trainers")
    echo "$network $trainers $rate" | tee -a "$results/packing.txt"
    "$python" -c "import sys; sys.exit(not $rate >= $gain_min * $last)" || break
    [ "$network" = digits ] && best=$trainers
    last=$rate trainers=$((2 * trainers))
  done
done

echo "networks per hour on $device, $best trainers"
"$python" benches/peers/networks_per_hour.py digits --samples 1150 --validation 288 --workers "$best" \
  --device "$device" --out "$results/networks-per-hour-digits.json"
