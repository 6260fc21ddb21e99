#!/usr/bin/env python3
"""What a setting of the search brings: real searches with equal budgets, the arms of one question side by side.

    benches/settings.py union|inherit|textbook|full-length [--problem fashion-mnist|fashion-mnist-15000|digits]
        [--data DIR] [--seeds 1 2 3 4 5] [--evaluations 160] [--workers 2] [--arms NAME ..] [--set KEY=VALUE ..]
        [--hatchery target/release/hatchery] [--json FILE]

`union`: Breeder and Refiner together, against the Breeder alone and the Refiner alone (which refines what the first
eight random networks come to); births are shared from the 100th result on, so that in shorter searches the union is the
Breeder. `inherit`: offspring that begin with their parent's weights, against such as do not. `textbook`: the first
networks are textbook designs, against searches that begin at random. `full-length`: the arms of `union`, each with
the comparison at full length and the last training behind it, in which the Refiner has a part of its own: the best in
a more strongly regularised form.

The problems join structure and numbers, and are too hard to be solved by all: Fashion-MNIST (its four IDX files are in
DIR) by networks of at most 20,000 parameters and 400,000 multiply-adds, trained for 3 epochs of 3,000 images, judged
by 2,000 others; and the embedded digits by networks of at most 1,000 parameters and 15,000 multiply-adds, trained for
2 epochs, of which a search takes seconds, so that there can be many. For `full-length` there is Fashion-MNIST with the
first 15,000 of its training images, by networks of at most 60,000 parameters and 600,000 multiply-adds: 20 epochs of
12,000 images, compared by 3,000 others. A budget is a number of evaluations, not a time: what else the machine does has
no part in the result. What is compared is the best of each search by its validation part, and its accuracy on the test
part with the weights that the search has left, since a longer last training would hide what the search is asked about;
in `full-length`, the winner by the comparison's validation part, and on the test part as it is handed over. With `--set
search.reproducible=true` arms that ask the same maker of the same seed bear the same networks, so that what they differ
in is not hidden by chance.
"""

import argparse
import contextlib
import gzip
import json
import pathlib
import shutil
import statistics
import subprocess
import tempfile

PROBLEMS = {
    "fashion-mnist": {
        "data.search_samples": 3000,
        "data.search_valid_samples": 2000,
        "training.epochs": 3,
        "limits.parameters": 20_000,
        "limits.multiply_adds": 400_000,
    },
    "fashion-mnist-15000": {
        "data.valid_fraction": 0.2,
        "data.search_samples": 3000,
        "data.search_valid_samples": 2000,
        "training.epochs": 3,
        "final.epochs": 20,
        "limits.parameters": 60_000,
        "limits.multiply_adds": 600_000,
    },
    "digits": {
        "training.epochs": 2,
        "limits.parameters": 1000,
        "limits.multiply_adds": 15_000,
    },
}

ALWAYS = {"budget.time": "none", "final.enabled": "false"}

MAKERS = {
    "union": {"search.refiner": "shared"},
    "breeder": {"search.refiner": "off"},
    "refiner": {"search.refiner": "only"},
}

QUESTIONS = {
    "union": MAKERS,
    "full-length": {name: settings | {"final.enabled": "true"} for name, settings in MAKERS.items()},
    "inherit": {
        "inherit": {"training.inherit": "true"},
        "afresh": {"training.inherit": "false"},
    },
    "textbook": {
        "textbook": {"search.textbook": "5"},
        "random": {"search.textbook": "0"},
    },
}

FIGURES = {"search_accuracy": "by the search", "test_accuracy": "tested"}
FIGURES_AT_FULL_LENGTH = {"valid_accuracy": "at full length", "test_accuracy": "tested"}

# Bytes of an image and of a label, and of the headers of their files, which hold the number of samples from byte 4 on.
CUT = {"train-images-idx3-ubyte": (28 * 28, 16), "train-labels-idx1-ubyte": (1, 8)}
SAMPLES_FIRST = 15_000


@contextlib.contextmanager
def first_samples(folder):
    """A folder of IDX files like this one, with its first training samples only."""
    with tempfile.TemporaryDirectory() as short:
        for source in pathlib.Path(folder).glob("*-ubyte*"):
            name = source.name.removesuffix(".gz")
            opened = gzip.open(source) if source.suffix == ".gz" else open(source, "rb")
            with opened as whole, open(pathlib.Path(short, name), "wb") as part:
                if name in CUT:
                    size, header = CUT[name]
                    begin = whole.read(header)
                    part.write(begin[:4] + SAMPLES_FIRST.to_bytes(4, "big") + begin[8:])
                    part.write(whole.read(SAMPLES_FIRST * size))
                else:
                    shutil.copyfileobj(whole, part)
        yield short


def figures(question):
    return FIGURES_AT_FULL_LENGTH if question == "full-length" else FIGURES


def search(arguments, settings, seed):
    """One search; the last line that it prints."""
    settings = PROBLEMS[arguments.problem] | ALWAYS | settings | arguments.set
    if arguments.data:
        settings["data.source"] = f"idx:{arguments.data}"
    with tempfile.TemporaryDirectory() as folder:
        command = [
            arguments.hatchery, "run", arguments.problem.removesuffix("-15000"), "--json", "--quiet", f"--seed={seed}",
            f"--evaluations={arguments.evaluations}", f"--workers={arguments.workers}", f"--out={folder}/run",
            *(f"--set={key}={value}" for key, value in settings.items()),
        ]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    report = json.loads(printed.strip().splitlines()[-1])
    return {
        "search_accuracy": report["best"]["search_accuracy"],
        "valid_accuracy": report["best"]["valid_accuracy"],
        "test_accuracy": report["best"]["test_accuracy"],
        "evaluations": report["evaluations"],
        "elapsed_s": report["elapsed_s"],
    }


def summary(arms, names):
    """Means with their spread, medians, and how often the first arm is better than each other one."""
    first = next(iter(arms))
    rows = {}
    for name, runs in arms.items():
        row = {}
        for figure in names:
            values = [run[figure] for run in runs]
            ahead = [ours[figure] - theirs[figure] for ours, theirs in zip(arms[first], runs)]
            row[figure] = {
                "mean": statistics.mean(values),
                "sd": statistics.stdev(values) if len(values) > 1 else 0.0,
                "median": statistics.median(values),
                "first_is_better": sum(lead > 0 for lead in ahead),
                "first_is_ahead_by": statistics.mean(ahead),
            }
        rows[name] = row
    return rows


def write(arguments, arms):
    """After each seed: what has been measured is kept, whatever becomes of the rest."""
    if arguments.json:
        record = {"question": arguments.question, "evaluations": arguments.evaluations,
                  "problem": {"experiment": arguments.problem} | PROBLEMS[arguments.problem] | ALWAYS | arguments.set,
                  "arms": arguments.arms, "runs": arms, "summary": summary(arms, figures(arguments.question))}
        pathlib.Path(arguments.json).write_text(json.dumps(record, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("question", choices=QUESTIONS)
    parser.add_argument("--problem", choices=PROBLEMS, default="fashion-mnist")
    parser.add_argument("--data", help="the folder with Fashion-MNIST's four IDX files")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--evaluations", type=int, default=160)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--arms", nargs="+", help="only these of the question's arms")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings that all arms have")
    parser.add_argument("--hatchery", default="target/release/hatchery")
    parser.add_argument("--json", help="write all figures to this file")
    arguments = parser.parse_args()
    arguments.set = dict(setting.split("=", 1) for setting in arguments.set)
    questioned = QUESTIONS[arguments.question]
    if unknown := set(arguments.arms or []) - set(questioned):
        parser.error(f"--arms: {', '.join(sorted(unknown))}: the arms of {arguments.question} are {', '.join(questioned)}")
    arguments.arms = {name: questioned[name] for name in arguments.arms or questioned}
    if arguments.problem != "digits" and not arguments.data:
        parser.error("--data: where are Fashion-MNIST's four IDX files?")
    if arguments.problem == "fashion-mnist-15000":
        with first_samples(arguments.data) as arguments.data:
            compare(arguments)
    else:
        compare(arguments)


def compare(arguments):
    """All arms, seed by seed, and what they come to."""
    names = figures(arguments.question)
    arms = {name: [] for name in arguments.arms}
    for seed in arguments.seeds:
        for name, settings in arguments.arms.items():
            run = search(arguments, settings, seed)
            arms[name].append({"seed": seed, **run})
            came_to = ", ".join(f"{run[figure]:.4f} {words}" for figure, words in names.items())
            print(f"seed {seed} {name}: {came_to}, {run['evaluations']} evaluations in {run['elapsed_s']:.0f} s", flush=True)
        write(arguments, arms)
    rows = summary(arms, names)
    for name, row in rows.items():
        for figure in names:
            print(f"{name} {figure}: mean {row[figure]['mean']:.4f} (sd {row[figure]['sd']:.4f}), median "
                  f"{row[figure]['median']:.4f}; the first arm is better {row[figure]['first_is_better']} times, by "
                  f"{row[figure]['first_is_ahead_by']:+.4f} in the mean", flush=True)


if __name__ == "__main__":
    main()
