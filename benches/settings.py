#!/usr/bin/env python3
"""What a setting of the search brings: real searches with equal budgets, the arms of one question side by side.

    benches/settings.py union|inherit|textbook [--problem fashion-mnist|digits] [--data DIR] [--seeds 1 2 3 4 5]
        [--evaluations 160] [--workers 2] [--hatchery target/release/hatchery] [--json FILE]

`union`: Breeder and Refiner together, against the Breeder alone and the Refiner alone (which refines what the first
eight random networks come to); births are shared from the 100th result on, so that in shorter searches the union is the
Breeder. `inherit`: offspring that begin with their parent's weights, against such as do not. `textbook`: the first
networks are textbook designs, against searches that begin at random.

The problems join structure and numbers, and are too hard to be solved by all: Fashion-MNIST (its four IDX files are in
DIR) by networks of at most 20,000 parameters and 400,000 multiply-adds, trained for 3 epochs of 3,000 images, judged
by 2,000 others; and the embedded digits by networks of at most 1,000 parameters and 15,000 multiply-adds, trained for
2 epochs, of which a search takes seconds, so that there can be many. A budget is a number of evaluations, not a time:
what else the machine does has no part in the result. What is compared is the best of each search by its validation
part, and its accuracy on the test part with the weights that the search has left; a longer last training would hide
what the search is asked about.
"""

import argparse
import json
import pathlib
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
    "digits": {
        "training.epochs": 2,
        "limits.parameters": 1000,
        "limits.multiply_adds": 15_000,
    },
}

ALWAYS = {"budget.time": "none", "final.enabled": "false"}

QUESTIONS = {
    "union": {
        "union": {"search.refiner": "shared"},
        "breeder": {"search.refiner": "off"},
        "refiner": {"search.refiner": "only"},
    },
    "inherit": {
        "inherit": {"training.inherit": "true"},
        "afresh": {"training.inherit": "false"},
    },
    "textbook": {
        "textbook": {"search.textbook": "5"},
        "random": {"search.textbook": "0"},
    },
}

FIGURES = ("search_accuracy", "test_accuracy")


def search(arguments, settings, seed):
    """One search; the last line that it prints."""
    settings = PROBLEMS[arguments.problem] | ALWAYS | settings
    if arguments.data:
        settings["data.source"] = f"idx:{arguments.data}"
    with tempfile.TemporaryDirectory() as folder:
        command = [
            arguments.hatchery, "run", arguments.problem, "--json", "--quiet", f"--seed={seed}",
            f"--evaluations={arguments.evaluations}", f"--workers={arguments.workers}", f"--out={folder}/run",
            *(f"--set={key}={value}" for key, value in settings.items()),
        ]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    report = json.loads(printed.strip().splitlines()[-1])
    return {
        "search_accuracy": report["best"]["search_accuracy"],
        "test_accuracy": report["best"]["test_accuracy"],
        "evaluations": report["evaluations"],
        "elapsed_s": report["elapsed_s"],
    }


def summary(arms):
    """Means with their spread, medians, and how often the first arm is better than each other one."""
    first = next(iter(arms))
    rows = {}
    for name, runs in arms.items():
        row = {}
        for figure in FIGURES:
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
                  "problem": {"experiment": arguments.problem} | PROBLEMS[arguments.problem] | ALWAYS,
                  "runs": arms, "summary": summary(arms)}
        pathlib.Path(arguments.json).write_text(json.dumps(record, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("question", choices=QUESTIONS)
    parser.add_argument("--problem", choices=PROBLEMS, default="fashion-mnist")
    parser.add_argument("--data", help="the folder with Fashion-MNIST's four IDX files")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--evaluations", type=int, default=160)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--hatchery", default="target/release/hatchery")
    parser.add_argument("--json", help="write all figures to this file")
    arguments = parser.parse_args()
    if arguments.problem == "fashion-mnist" and not arguments.data:
        parser.error("--data: where are Fashion-MNIST's four IDX files?")
    arms = {name: [] for name in QUESTIONS[arguments.question]}
    for seed in arguments.seeds:
        for name, settings in QUESTIONS[arguments.question].items():
            run = search(arguments, settings, seed)
            arms[name].append({"seed": seed, **run})
            print(f"seed {seed} {name}: {run['search_accuracy']:.4f} by the search, {run['test_accuracy']:.4f} tested, "
                  f"{run['evaluations']} evaluations in {run['elapsed_s']:.0f} s", flush=True)
        write(arguments, arms)
    rows = summary(arms)
    for name, row in rows.items():
        for figure in FIGURES:
            print(f"{name} {figure}: mean {row[figure]['mean']:.4f} (sd {row[figure]['sd']:.4f}), median "
                  f"{row[figure]['median']:.4f}; the first arm is better {row[figure]['first_is_better']} times, by "
                  f"{row[figure]['first_is_ahead_by']:+.4f} in the mean", flush=True)


if __name__ == "__main__":
    main()
