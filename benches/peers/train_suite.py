#!/usr/bin/env python3
"""Training steps of Hatchery beside PyTorch's, network by network, in turn in one run.

    python3 benches/peers/train_suite.py [--hatchery target/release/hatchery] [--suite benches/suite.json]
        [--threads 1] [--seconds 2] [--rounds 3] [--modes eager,channels_last,compile] [--only NAME,..]
        [--device cpu|cuda:0] [--cuda-graphs] [--out FILE.json]

For each network and round, Hatchery runs for `--seconds`, then each PyTorch mode does. A program's figure is the
median over the rounds of its median step (and the least of its least); PyTorch's is that of its best mode. A ratio
above 1 means that Hatchery is faster. With --cuda-graphs Hatchery records its steps and replays them, as PyTorch's
compiled mode does on a GPU. Needs `pip install torch numpy`, in an environment of its own.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time

import torch
from torch import nn
from torch.nn import functional

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def same_padding(size, kernel, stride):
    """Left, right, top, bottom padding that makes the output ceil(size / stride)."""
    sides = []
    for extent, window, step in zip(reversed(size), reversed(kernel), reversed(stride)):
        total = max((math.ceil(extent / step) - 1) * step + window - extent, 0)
        sides += [total // 2, total - total // 2]
    return sides


class ResidualBlock(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.first = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(filters)
        self.second = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(filters)
        reshaped = channels != filters or stride != 1
        self.skip = nn.Conv2d(channels, filters, 1, stride) if reshaped else nn.Identity()

    def forward(self, x):
        inner = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(inner)) + self.skip(x))


def windowed(layer, channels, size):
    """Modules of a convolution or a pool, and the shape behind it."""
    kernel, stride = layer["kernel"], layer.get("stride", [1, 1])
    modules, symmetric = [], (0, 0)
    if layer.get("pad") == "valid":
        out = [(s - k) // t + 1 for s, k, t in zip(size, kernel, stride)]
    else:
        out = [math.ceil(s / t) for s, t in zip(size, stride)]
        left, right, top, bottom = same_padding(size, kernel, stride)
        if layer["op"] == "conv" and left == right and top == bottom:
            symmetric = (top, left)
        elif any((left, right, top, bottom)):
            fill = float("-inf") if layer["op"] == "maxpool" else 0.0
            modules.append(nn.ConstantPad2d((left, right, top, bottom), fill))
    if layer["op"] == "conv":
        modules.append(nn.Conv2d(channels, layer["out"], kernel, stride, symmetric))
        channels = layer["out"]
        if layer.get("norm") == "batch":
            modules.append(nn.BatchNorm2d(channels))
    else:
        modules.append((nn.MaxPool2d if layer["op"] == "maxpool" else nn.AvgPool2d)(kernel, stride))
    return modules, channels, out


def sequence(layers, channels, size):
    modules, flat = [], False
    for layer in layers:
        kind = layer["op"]
        if kind in ("conv", "maxpool", "avgpool"):
            added, channels, size = windowed(layer, channels, size)
            modules += added
        elif kind == "residual":
            modules.append(ResidualBlock(channels, layer["out"], layer["stride"]))
            channels, size = layer["out"], [math.ceil(s / layer["stride"]) for s in size]
        elif kind == "globalavgpool":
            modules.append(nn.AdaptiveAvgPool2d(1))
            size = [1, 1]
        elif kind == "dropout":
            modules.append(nn.Dropout(layer["ratio"]))
        elif kind == "dense":
            if not flat:
                modules.append(nn.Flatten())
                flat = True
            modules.append(nn.Linear(channels * size[0] * size[1], layer["out"]))
            channels, size = layer["out"], [1, 1]
        if layer.get("act") == "relu":
            modules.append(nn.ReLU())
    return nn.Sequential(*modules), channels, size


class Network(nn.Module):
    def __init__(self, spec):
        super().__init__()
        channels, *size = spec["input"]
        layers = spec["layers"]
        self.towers = None
        if spec.get("towers"):
            cut = next(i for i, layer in enumerate(layers) if layer["op"] == "merge")
            built = [sequence(layers[:cut], 1, size) for _ in range(channels)]
            self.towers = nn.ModuleList(tower for tower, _, _ in built)
            channels, size, layers = channels * built[0][1], built[0][2], layers[cut + 1:]
        self.trunk, channels, size = sequence(layers, channels, size)
        self.head = nn.Linear(channels * size[0] * size[1], spec["classes"])

    def forward(self, x):
        if self.towers is not None:
            x = torch.cat([tower(x[:, i:i + 1]) for i, tower in enumerate(self.towers)], 1)
        return self.head(self.trunk(x).flatten(1))


def torch_stepper(spec, mode, device):
    """A function that takes one training step, or an exception where the mode cannot run here."""
    torch.manual_seed(0)
    network = Network(spec).to(device)
    x = torch.randn(spec["batch"], *spec["input"], device=device)
    y = torch.randint(0, spec["classes"], (spec["batch"],), device=device)
    if mode == "channels_last":
        network = network.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    run = network
    if mode == "compile":
        run = torch.compile(network, mode="reduce-overhead" if device != "cpu" else "default")

    def step():
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(run(x), y).backward()
        optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize()

    for _ in range(5):
        step()
    return step


def timed(step, seconds):
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        begin = time.perf_counter()
        step()
        times.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(times), min(times)


def hatchery_row(options, name):
    command = [options.hatchery, "bench", "train", "--suite", options.suite, "--only", name, "--json",
               "--seconds", str(options.seconds), "--threads", str(options.threads), "--device", options.device]
    command += ["--cuda-graphs"] if options.cuda_graphs else []
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(options, spec):
    torch_device = "cpu" if options.device == "cpu" else options.device
    steppers, failed = {}, {}
    for mode in options.modes.split(","):
        try:
            steppers[mode] = torch_stepper(spec, mode, torch_device)
        except Exception as error:  # a mode that this machine cannot run is reported, not hidden
            failed[mode] = str(error)[:200]
    ours, theirs = [], {mode: [] for mode in steppers}
    for _ in range(options.rounds):
        ours.append(hatchery_row(options, spec["name"]))
        for mode, step in steppers.items():
            theirs[mode].append(timed(step, options.seconds))
    medians = {mode: statistics.median(t[0] for t in times) for mode, times in theirs.items()}
    least = {mode: min(t[1] for t in times) for mode, times in theirs.items()}
    best = min(medians, key=medians.get)
    our_median = statistics.median(row["step_ms_median"] for row in ours)
    our_least = min(row["step_ms_min"] for row in ours)
    return {"network": spec["name"], "threads": options.threads, "device": options.device,
            "hatchery_ms": our_median, "hatchery_ms_min": our_least,
            "build_ms": statistics.median(row["build_ms"] for row in ours),
            "pytorch_mode": best, "pytorch_ms": medians[best], "pytorch_ms_min": min(least.values()),
            "pytorch_modes_ms": medians, "pytorch_failed": failed,
            "ratio": medians[best] / our_median, "ratio_of_minima": min(least.values()) / our_least}


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hatchery", default=os.path.join(ROOT, "target", "release", "hatchery"))
    parser.add_argument("--suite", default=os.path.join(ROOT, "benches", "suite.json"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--modes", default="eager,channels_last,compile")
    parser.add_argument("--only")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cuda-graphs", action="store_true")
    parser.add_argument("--out")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    rows = []
    print("| network | Hatchery ms | PyTorch ms (best mode) | ratio | ratio of minima | build ms |")
    print("|---|---|---|---|---|---|", flush=True)
    for spec in json.load(open(options.suite))["networks"]:
        if options.only and spec["name"] not in options.only.split(","):
            continue
        row = compare(options, spec)
        rows.append(row)
        print(f"| {row['network']} | {row['hatchery_ms']:.2f} | {row['pytorch_ms']:.2f} ({row['pytorch_mode']}) "
              f"| {row['ratio']:.2f} | {row['ratio_of_minima']:.2f} | {row['build_ms']:.0f} |", flush=True)
    print(f"| geometric mean | | | {geometric_mean([r['ratio'] for r in rows]):.2f} "
          f"| {geometric_mean([r['ratio_of_minima'] for r in rows]):.2f} | |")
    if options.out:
        with open(options.out, "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
