#!/usr/bin/env python3
"""Optuna's samplers on benchmark tables, measured as `hatchery bench search` measures Hatchery's strategies.

    python3 benches/peers/search_tables.py [--tables DIR] [--table NAME,..] [--sampler tpe,random,..]
        [--evaluations 100] [--seeds 20] [--objective valid] [--report valid]
        [--direction minimise|maximise] [--report-direction minimise|maximise] [--out FILE.json]

A table is a CSV: columns named `valid*` or `test*` are results, all others are parameters. A parameter whose values
are all numbers is ordered: the sampler is given the place of its value among the sorted values, as an integer. Any
other is a category. One evaluation is one of the objective columns, drawn anew; which way it is better, its name says
(`directions.py`), or `--direction`, of the report too unless `--report-direction` says otherwise. What is handed over is the trial that Optuna calls the best; reported is the mean over its
report columns, and its place in the whole table (share of rows that are strictly better). A setting that the table
lacks counts as a failed trial and is not charged. Needs `pip install optuna`, in an environment of its own.
"""
import argparse
import csv
import glob
import gzip
import json
import os
import random
import statistics
import sys

import optuna

import directions

DATA = os.environ.get("HATCHERY_DATA", ".")


class Table:
    def __init__(self, path, objective, report, told=None, report_told=None):
        opener = gzip.open if path.endswith(".gz") else open
        with opener(path, "rt", newline="") as file:
            rows = list(csv.reader(file))
        header, rows = rows[0], rows[1:]
        results = [i for i, name in enumerate(header) if name.startswith(("valid", "test"))]
        parameters = [i for i in range(len(header)) if i not in results]
        self.name = os.path.basename(path).split(".csv")[0]
        self.names = [header[i] for i in parameters]
        self.choices, self.ordered = [], []
        for i in parameters:
            values = sorted({row[i] for row in rows})
            try:
                values.sort(key=float)
                self.ordered.append(True)
            except ValueError:
                self.ordered.append(False)
            self.choices.append(values)

        def columns(prefix):
            chosen = [i for i in results if header[i].startswith(prefix)]
            if not chosen:
                sys.exit(f"{path}: no result column starts with {prefix!r}")
            return chosen

        def direction(chosen, told):
            found = {told} if told else {directions.of_column(header[i]) for i in chosen}
            if len(found) > 1:
                sys.exit(f"{path}: some of the columns are minimised, others maximised; give them a --direction")
            return {"minimise": "minimize", "maximise": "maximize"}[found.pop()]

        objective, report = columns(objective), columns(report)
        self.direction = direction(objective, told)
        self.report_direction = direction(report, report_told or told)
        self.objective, self.report = {}, {}
        for row in rows:
            key = tuple(row[i] for i in parameters)
            self.objective[key] = [float(row[i]) for i in objective]
            self.report[key] = statistics.fmean(float(row[i]) for i in report)
        self.reports = list(self.report.values())

    def rank(self, value):
        better = (lambda other: other < value) if self.report_direction == "minimize" else (lambda other: other > value)
        return sum(map(better, self.reports)) / len(self.reports)


def sampler(name, seed):
    return {
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed),
        "tpe-multivariate": lambda: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
    }[name]()


def search(table, name, seed, evaluations):
    draws = random.Random(seed)

    def ask(trial):
        key = []
        for parameter, values, ordered in zip(table.names, table.choices, table.ordered):
            if ordered:
                key.append(values[trial.suggest_int(parameter, 0, len(values) - 1)])
            else:
                key.append(trial.suggest_categorical(parameter, values))
        key = tuple(key)
        if key not in table.objective:
            raise optuna.TrialPruned()
        trial.set_user_attr("key", list(key))
        return draws.choice(table.objective[key])

    study = optuna.create_study(direction=table.direction, sampler=sampler(name, seed))
    charged = lambda: len(study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE]))
    for _ in range(100 * evaluations):
        if charged() >= evaluations:
            break
        study.optimize(ask, n_trials=evaluations - charged())
    return tuple(study.best_trial.user_attrs["key"])


def measure(table, name, evaluations, seeds):
    handed = [search(table, name, seed, evaluations) for seed in range(seeds)]
    values = [table.report[key] for key in handed]
    return {
        "table": table.name,
        "strategy": f"optuna-{name}",
        "version": optuna.__version__,
        "evaluations": evaluations,
        "seeds": seeds,
        "report_mean": statistics.fmean(values),
        "report_sd": statistics.stdev(values) if seeds > 1 else 0.0,
        "report_median": statistics.median(values),
        "rank_median": statistics.median(table.rank(value) for value in values),
        "ranks": sorted(table.rank(value) for value in values),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default=os.path.join(DATA, "tables"))
    parser.add_argument("--table", help="only these, by name")
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--objective", default="valid")
    parser.add_argument("--report", default="valid")
    parser.add_argument("--direction", choices=("minimise", "maximise"))
    parser.add_argument("--report-direction", choices=("minimise", "maximise"))
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    wanted = options.table.split(",") if options.table else None
    measured = []
    for path in sorted(glob.glob(os.path.join(options.tables, "*.csv*"))):
        if wanted and os.path.basename(path).split(".csv")[0] not in wanted:
            continue
        table = Table(path, options.objective, options.report, options.direction, options.report_direction)
        for name in options.sampler.split(","):
            row = measure(table, name, options.evaluations, options.seeds)
            measured.append(row)
            print(json.dumps({key: value for key, value in row.items() if key != "ranks"}), flush=True)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(measured, file, indent=1)


if __name__ == "__main__":
    main()
