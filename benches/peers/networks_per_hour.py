#!/usr/bin/env python3
"""Networks per hour: a real search of Hatchery's, then the same networks trained by PyTorch.

    python3 benches/peers/networks_per_hour.py EXPERIMENT [--evaluations 100] [--seed 1] [--workers 2]
        --samples N --validation N [--set KEY=VALUE]... [--layout contiguous|channels_last] [--device cpu|cuda:0]
        [--hatchery target/release/hatchery] [--keep RUN] [--out FILE.json]

Hatchery searches with as many workers of one thread as there are processes of PyTorch's. Its journal says which
networks were trained, on how many samples and for how many epochs (fewer where a training was stopped early). PyTorch
then trains the same list, in the same order, in as many processes of one thread, which take the next network as soon
as they are free: the same layers, batch size, optimizer, augmentation and number of epochs, with one pass over as many
validation samples after each epoch. Data lie in memory; neither side's time has reading them, starting processes, or
Hatchery's final training in it. For Hatchery it runs from the first search training's beginning to the last one's
end, breeding and waiting included; for PyTorch from the first network's beginning to the last one's end.

Needs `pip install torch numpy`, in an environment of its own. Reads IDX files and the embedded digits as
`hatchery data write` hands them out.
"""
import argparse
import glob
import json
import math
import multiprocessing
import os
import queue
import sqlite3
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ACTIVATIONS = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU, "gelu": nn.GELU, "silu": nn.SiLU,
               "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
VALIDATION_BATCH = 128


def activation(name):
    return [ACTIVATIONS[name]()] if name in ACTIVATIONS else []


def normalisation(name, shape):
    if name == "none":
        return []
    if name == "batch":
        return [(nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d)(shape[0])]
    if name == "layer":
        return [nn.GroupNorm(1, shape[0])]
    return [nn.LocalResponseNorm(5)]


def slide(size, kernel, stride, dilation, padding):
    """Output size, zeros before and after, along one axis."""
    extent = (kernel - 1) * dilation + 1
    if padding == "valid":
        return (size - extent) // stride + 1, 0, 0
    out = math.ceil(size / stride)
    total = max((out - 1) * stride + extent - size, 0)
    return out, total // 2, total - total // 2


def pads(shape, kernel, stride, dilation, padding):
    rows, columns = (slide(s, k, stride, dilation, padding) for s, k in zip(shape[1:], kernel))
    return [rows[0], columns[0]], (columns[1], columns[2], rows[1], rows[2])


def convolution(shape, filters, kernel, stride=1, dilation=1, groups=1, padding="same", bias=True):
    size, around = pads(shape, kernel, stride, dilation, padding)
    left, right, top, bottom = around
    modules, inside = [], (0, 0)
    if left == right and top == bottom:
        inside = (top, left)
    else:
        modules.append(nn.ZeroPad2d(around))
    modules.append(nn.Conv2d(shape[0], filters, kernel, stride, inside, dilation, groups, bias))
    return modules, [filters, *size]


def pool(shape, genes, average):
    kernel = [genes["kernel"]] * 2
    size, around = pads(shape, kernel, genes["stride"], 1, genes["padding"])
    left, right, top, bottom = around
    modules, inside = [], 0
    if left == right == top == bottom and 2 * left <= kernel[0]:
        inside = left
    elif any(around):
        modules.append(nn.ZeroPad2d(around) if average else nn.ConstantPad2d(around, float("-inf")))
    if average:
        modules.append(nn.AvgPool2d(kernel, genes["stride"], inside, count_include_pad=False))
    else:
        modules.append(nn.MaxPool2d(kernel, genes["stride"], inside))
    return modules, [shape[0], *size]


class Inception(nn.Module):
    def __init__(self, shape, genes):
        super().__init__()
        bias = genes["norm"] != "batch"
        one, three, five, pooled = genes["branches"]
        branches = []
        if one:
            branches.append(convolution(shape, one, [1, 1], bias=bias)[0])
        for width, kernel in ((three, 3), (five, 5)):
            if width:
                entry, inner = convolution(shape, genes["bottleneck"], [1, 1])
                entry += activation(genes["activation"])
                branches.append(entry + convolution(inner, width, [kernel] * 2, bias=bias)[0])
        if pooled:
            entry = pool(shape, {"kernel": 3, "stride": 1, "padding": "same"}, False)[0]
            branches.append(entry + convolution(shape, pooled, [1, 1], bias=bias)[0])
        self.branches = nn.ModuleList(nn.Sequential(*branch) for branch in branches)
        self.shape = [sum(genes["branches"]), *shape[1:]]
        self.tail = nn.Sequential(*normalisation(genes["norm"], self.shape), *activation(genes["activation"]))

    def forward(self, x):
        return self.tail(torch.cat([branch(x) for branch in self.branches], 1))


class Residual(nn.Module):
    def __init__(self, shape, genes):
        super().__init__()
        bias, norm, act = genes["norm"] != "batch", genes["norm"], genes["activation"]
        first, inner = convolution(shape, genes["filters"], [3, 3], genes["stride"], bias=bias)
        first += normalisation(norm, inner) + activation(act)
        second, self.shape = convolution(inner, genes["filters"], [3, 3], bias=bias)
        self.inner = nn.Sequential(*first, *second, *normalisation(norm, self.shape))
        same = list(shape) == list(self.shape)
        self.skip = nn.Identity() if same else nn.Sequential(
            *convolution(shape, genes["filters"], [1, 1], genes["stride"])[0])
        self.tail = nn.Sequential(*activation(act))

    def forward(self, x):
        return self.tail(self.inner(x) + self.skip(x))


def layer(gene, shape):
    """Modules of a layer gene behind something of a shape, and the shape behind them."""
    kind = gene["kind"]
    if kind == "convolution":
        filters, wish = gene["filters"], gene["groups"]
        if wish == "depthwise":
            groups = shape[0]
            filters = max((filters + groups // 2) // groups, 1) * groups
        else:
            common = math.gcd(shape[0], filters)
            groups = max(g for g in range(1, min(common, wish["count"]) + 1) if common % g == 0)
        modules, shape = convolution(shape, filters, gene["kernel"], gene["stride"], gene["dilation"], groups,
                                     gene["padding"], gene["norm"] != "batch")
        return modules + normalisation(gene["norm"], shape) + activation(gene["activation"]), shape
    if kind in ("max_pool", "average_pool"):
        return pool(shape, gene, kind == "average_pool")
    if kind == "global_average_pool":
        return [nn.AdaptiveAvgPool2d(1), nn.Flatten()], shape[:1]
    if kind in ("inception", "residual"):
        module = (Inception if kind == "inception" else Residual)(shape, gene)
        return [module], module.shape
    if kind == "normalisation":
        return normalisation(gene["norm"], shape), shape
    if kind == "dropout":
        return [nn.Dropout(gene["ratio"])], shape
    if kind == "dense":
        modules = [nn.Flatten()] if len(shape) > 1 else []
        modules.append(nn.Linear(math.prod(shape), gene["units"], gene["norm"] != "batch"))
        shape = [gene["units"]]
        return modules + normalisation(gene["norm"], shape) + activation(gene["activation"]), shape
    raise ValueError(f"no such layer here: {kind}")


def network(genome, shape, classes):
    modules = []
    for gene in genome["layers"]:
        added, shape = layer(gene, shape)
        modules += added
    modules += ([nn.Flatten()] if len(shape) > 1 else []) + [nn.Linear(math.prod(shape), classes)]
    return nn.Sequential(*modules)


def optimizer(genes, parameters):
    rate, momentum, decay = 1e-3, genes["momentum"], genes["weight_decay"]
    return {
        "sgd": lambda: torch.optim.SGD(parameters, rate, weight_decay=decay),
        "momentum": lambda: torch.optim.SGD(parameters, rate, momentum, weight_decay=decay),
        "nesterov": lambda: torch.optim.SGD(parameters, rate, momentum, weight_decay=decay, nesterov=True),
        "rmsprop": lambda: torch.optim.RMSprop(parameters, rate, momentum, weight_decay=decay),
        "adam": lambda: torch.optim.Adam(parameters, rate, (momentum, 0.999), weight_decay=decay),
        "adamw": lambda: torch.optim.AdamW(parameters, rate, (momentum, 0.999), weight_decay=decay),
    }[genes["optimizer"].replace("_", "")]()


def augment(x, genes):
    if genes["shift"]:
        shift = genes["shift"]
        padded = functional.pad(x, [shift] * 4)
        height, width = x.shape[2:]
        draw = lambda: torch.randint(0, 2 * shift + 1, (len(x), 1), device=x.device)
        rows = draw() + torch.arange(height, device=x.device)
        columns = draw() + torch.arange(width, device=x.device)
        samples = torch.arange(len(x), device=x.device)[:, None, None]
        x = padded[samples, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    if genes["flip"]:
        x = torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5, x.flip(3), x)
    return x


def train(job, data, layout):
    """Trains one network as Hatchery did; the seconds that it took."""
    begin = time.perf_counter()
    genes = job["genome"]["training"]
    x, y = data["x"], data["y"]
    device = x.device
    model = network(job["genome"], list(x.shape[1:]), data["classes"]).to(device)
    if layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
    rule = optimizer(genes, model.parameters())
    batch, train_count = min(genes["batch_size"], job["samples"]), job["samples"]
    for _ in range(job["epochs"]):
        model.train()
        order = torch.randperm(train_count, device=device)
        for first in range(0, train_count - batch + 1, batch):
            index = order[first:first + batch]
            images = augment(x[index], genes)
            if layout == "channels_last":
                images = images.contiguous(memory_format=torch.channels_last)
            rule.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(model(images), y[index], label_smoothing=genes["label_smoothing"])
            loss.backward()
            if genes["gradient_clip"]:
                nn.utils.clip_grad_norm_(model.parameters(), genes["gradient_clip"])
            rule.step()
        model.eval()
        with torch.no_grad():
            for first in range(0, job["validation"], VALIDATION_BATCH):
                images = x[first:min(first + VALIDATION_BATCH, job["validation"])]
                (model(images).argmax(1) == y[first:first + len(images)]).sum().item()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def worker(jobs, results, data, layout, device, ready, start):
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    data = {key: value.to(device) if torch.is_tensor(value) else value for key, value in data.items()}
    train({**jobs[0][1], "epochs": 1}, data, layout)  # libraries warm up outside of the measurement
    ready.release()
    start.wait()
    while True:
        with jobs[1].get_lock():
            index, jobs[1].value = jobs[1].value, jobs[1].value + 1
        if index >= len(jobs[2]):
            return
        begin = time.time()
        seconds = train(jobs[2][index], data, layout)
        results.put((index, begin, begin + seconds, seconds))


def result_of(processes, results):
    """The next result; ends the comparison where a process has died, which else would be waited for without end."""
    while True:
        try:
            return results.get(timeout=5)
        except queue.Empty:
            if any(process.exitcode not in (None, 0) for process in processes):
                sys.exit("a PyTorch process has died: what it printed says why")


def by_pytorch(options, jobs, data):
    context = multiprocessing.get_context("fork" if options.device == "cpu" else "spawn")
    counter, results = context.Value("i", 0), context.Queue()
    ready, start = context.Semaphore(0), context.Event()
    shared = ((0, jobs[0]), counter, jobs)
    processes = [context.Process(target=worker, args=(shared, results, data, options.layout, options.device, ready, start))
                 for _ in range(options.workers)]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    start.set()
    done = [result_of(processes, results) for _ in jobs]
    for process in processes:
        process.join()
    return max(d[2] for d in done) - min(d[1] for d in done), sorted(done)


def run_hatchery(options, folder):
    fixed, packed = ["--workers", str(options.workers)], ["--set", f"runtime.packing={options.packing}"]
    trainers = packed if options.packing else fixed
    command = [options.hatchery, "run", options.experiment, "--seed", str(options.seed), *trainers,
               "--out", folder, "--quiet", "--json",
               "--set", f"runtime.device={options.device}", "--set", "budget.time=none",
               "--set", f"budget.evaluations={options.evaluations}", "--set", "final.enabled=false"]
    for setting in options.set:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def verdicts(folder):
    """What the workers have found out about trainers side by side."""
    lines = []
    for log in sorted(glob.glob(os.path.join(folder, "log", "worker-*"))):
        with open(log, errors="replace") as file:
            lines += [line.strip() for line in file if "side by side" in line]
    return lines


def read_journal(folder):
    journal = sqlite3.connect(os.path.join(folder, "journal.sqlite"))
    rows = journal.execute("""
        SELECT genome, curve, images, started_ms, finished_ms, seconds, build_seconds, outcome
        FROM evaluations JOIN individuals ON individuals.id = evaluations.individual
        WHERE kind = 'search' AND finished_ms IS NOT NULL ORDER BY evaluations.id""").fetchall()
    fields = ("genome", "curve", "images", "started_ms", "finished_ms", "seconds", "build_seconds", "outcome")
    return [dict(zip(fields, row)) for row in rows]


def load(options, folder):
    file = os.path.join(folder, "all.npz")
    source = next((s.split("=", 1)[1] for s in options.set if s.startswith("data.source=")), options.experiment)
    subprocess.run([options.hatchery, "data", "write", source, "--part", "all", "--out", file], check=True,
                   capture_output=True)
    arrays = numpy.load(file)
    x = torch.tensor(arrays["x"].astype("float32"))
    x = (x - x.mean()) / x.std()
    y = torch.tensor(arrays["y"].astype("int64"))
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    return {"x": x[order].contiguous(), "y": y[order], "classes": int(y.max()) + 1}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment")
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--packing", type=int, help="on a GPU: Hatchery finds how many trainers are worth it, up to so "
                        "many; --workers are PyTorch's processes only")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--layout", default="contiguous", choices=["contiguous", "channels_last"])
    parser.add_argument("--hatchery", default=os.path.join(ROOT, "target", "release", "hatchery"))
    parser.add_argument("--samples", type=int, required=True, help="training samples of a search training")
    parser.add_argument("--validation", type=int, required=True, help="validation samples of a search training")
    parser.add_argument("--keep", help="where Hatchery's run directory is to be, and to stay")
    parser.add_argument("--out")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        run = options.keep or os.path.join(folder, "run")
        said, rows, found = run_hatchery(options, run), read_journal(run), verdicts(run)
        data = load(options, folder)
    jobs = [{"genome": json.loads(row["genome"]), "epochs": len(json.loads(row["curve"] or "[]")),
             "samples": options.samples, "validation": options.validation} for row in rows]
    jobs = [job for job in jobs if job["epochs"] > 0]
    ours = (max(row["finished_ms"] for row in rows) - min(row["started_ms"] for row in rows)) / 1e3
    theirs, done = by_pytorch(options, jobs, data)
    hour = lambda count, seconds: 3600 * count / seconds
    figures = {
        "experiment": options.experiment, "seed": options.seed, "workers": options.workers, "layout": options.layout,
        "packing": options.packing, "verdicts": found,
        "networks": len(jobs), "epochs": sum(job["epochs"] for job in jobs),
        "hatchery_s": ours, "hatchery_networks_per_hour": hour(len(jobs), ours),
        "hatchery_training_s": sum(row["seconds"] or 0 for row in rows),
        "hatchery_build_s": sum(row["build_seconds"] or 0 for row in rows),
        "pytorch_s": theirs, "pytorch_networks_per_hour": hour(len(jobs), theirs), "ratio": theirs / ours,
        "hatchery_said": said,
        "seconds_each": [[row["seconds"], d[3]] for row, d in zip([r for r in rows if json.loads(r["curve"] or "[]")], done)],
    }
    if options.out:
        with open(options.out, "w") as file:
            json.dump(figures, file, indent=1)
    print(json.dumps({key: value for key, value in figures.items() if key not in ("seconds_each", "hatchery_said")}))


if __name__ == "__main__":
    main()
