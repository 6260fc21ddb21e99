#!/usr/bin/env bash
# All that is to be measured on a machine with an NVIDIA GPU, in one go. Prints tables, leaves raw figures in DIR.
#
#   benches/gpu.sh [DIR] [DEVICE]          DIR: ./gpu-results, DEVICE: cuda:0
#
# 1. which library and device were found;
# 2. whether a training step changes the parameters as it does on the CPU, network by network; a whole search;
# 3. training steps of benches/suite.json against PyTorch eager, channels last and compiled (with CUDA graphs);
# 4. how much of what the device can compute at most the steps use;
# 5. networks per hour of a search on digits with one trainer and with packing (how many trainers that has found to be
#    worth it, and what each doubling brought, is under "verdicts"), and of PyTorch on the same networks.
#
# Needs a Rust toolchain, and Python with `pip install torch numpy` (a CUDA build) as $PYTHON (python3).
set -euo pipefail
cd "$(dirname "$0")/.."
results=${1:-gpu-results} device=${2:-cuda:0} python=${PYTHON:-python3}
hatchery=target/release/hatchery
packing_most=16   # trainers at once, at most

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

echo "networks per hour on $device: one trainer, then as many as Hatchery finds worth it; PyTorch in as many processes"
for packing in 1 "$packing_most"; do
  "$python" benches/peers/networks_per_hour.py digits --samples 1150 --validation 288 --evaluations 300 \
    --packing "$packing" --workers "$packing" --device "$device" \
    --out "$results/networks-per-hour-digits-$packing.json"
done
