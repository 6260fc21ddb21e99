#!/usr/bin/env python3
"""What a device can compute at most, and how much of it the training steps of a suite use.

    benches/peers/ceiling.py --device cpu|cuda:0 [--threads 1] [--rows FILE]

The ceiling is measured: PyTorch's product of two square matrices, in float32, and on a GPU also in TF32 and bfloat16.
FILE has the lines of `hatchery bench train --suite .. --json`; of each network, its share of the float32 ceiling is
printed. Needs `pip install torch`, in an environment of its own.
"""

import argparse
import json
import statistics
import time

import torch

REPEATS = 10


def product_flop_per_s(device, dtype, tf32, size):
    torch.backends.cuda.matmul.allow_tf32 = tf32
    one, other = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))

    def seconds():
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        began = time.perf_counter()
        one @ other
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - began

    seconds()
    return 2 * size**3 / statistics.median(seconds() for _ in range(REPEATS))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    kinds = {"float32": (torch.float32, False, 2048)}
    if device.type == "cuda":
        kinds = {
            "float32": (torch.float32, False, 8192),
            "tf32": (torch.float32, True, 8192),
            "bfloat16": (torch.bfloat16, False, 8192),
        }
    ceilings = {name: product_flop_per_s(device, *kind) for name, kind in kinds.items()}
    for name, ceiling in ceilings.items():
        print(json.dumps({"ceiling": name, "device": arguments.device, "flop_per_s": round(ceiling)}))
    for line in open(arguments.rows) if arguments.rows else []:
        row = json.loads(line)
        if "flop_per_s" in row:
            share = row["flop_per_s"] / ceilings["float32"]
            print(json.dumps({"network": row["network"], "flop_per_s": row["flop_per_s"], "share": round(share, 4)}))


if __name__ == "__main__":
    main()
