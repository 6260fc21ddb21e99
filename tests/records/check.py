"""Opens what `hatchery export` wrote with the programs that it is for, and holds it against the journal.

    check.py JOURNAL TABLES_DIR STUDY.db EVENTS_DIR [PARQUET_DIR]
    check.py --packages

The second form says which packages are missing, and ends with 3 where any is.
"""

import csv
import importlib
import json
import math
import os
import pathlib
import sqlite3
import sys
import tomllib

PACKAGES = ["optuna", "optuna_dashboard", "pandas", "pyarrow", "tensorboard"]


def same(one, other):
    return one == other or (one is not None and other is not None and math.isclose(one, other, rel_tol=1e-6))


def journal(path):
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    rows = connection.execute(
        "SELECT e.*, i.summary, i.operation, i.maker, i.parents, i.genome, i.parameters FROM evaluations e"
        " JOIN individuals i ON i.id = e.individual ORDER BY e.id"
    ).fetchall()
    individuals = connection.execute("SELECT * FROM individuals ORDER BY id").fetchall()
    (experiment,) = connection.execute("SELECT experiment FROM run").fetchone()
    return rows, individuals, tomllib.loads(experiment)["search"]["objectives"]


def curve(row):
    return [] if row["curve"] is None else json.loads(row["curve"])


def check_csv(folder, rows, individuals):
    def read(name):
        with open(folder / f"{name}.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    found = read("evaluations")
    assert len(found) == len(rows) > 0
    for one, row in zip(found, rows):
        assert int(one["id"]) == row["id"] and one["summary"] == row["summary"], (one, row["summary"])
        assert one["maker"] == row["maker"], one
        assert same(float(one["latency_s"]) if one["latency_s"] else None, row["latency_s"])
        assert one["message"] == (row["message"] or ""), one
        assert same(float(one["score"]) if one["score"] else None, row["score"])
    assert [one["genome"] for one in read("individuals")] and len(read("individuals")) == len(individuals)
    for one, individual in zip(read("individuals"), individuals):
        assert one["maker"] == individual["maker"]
        assert json.loads(one["genome"]) == json.loads(individual["genome"])
        assert int(one["born_ms"]) > 0
    assert len(read("curves")) == sum(len(curve(row)) for row in rows) > 0


def check_parquet(folder, rows, individuals):
    import pyarrow.parquet as parquet

    found = parquet.read_table(folder / "evaluations.parquet").to_pylist()
    assert len(found) == len(rows)
    for one, row in zip(found, rows):
        assert (one["id"], one["summary"], one["message"]) == (row["id"], row["summary"], row["message"] or None)
        assert one["maker"] == row["maker"]
        assert one["score"] == row["score"] and one["finished_ms"] == row["finished_ms"]
    frame = parquet.read_table(folder / "individuals.parquet").to_pandas()
    assert list(frame["maker"]) == [individual["maker"] for individual in individuals]
    assert parquet.read_table(folder / "individuals.parquet").num_rows == len(individuals)
    curves = parquet.read_table(folder / "curves.parquet")
    assert curves.num_rows == sum(len(curve(row)) for row in rows)
    assert str(curves.schema.field("validation_score").type) == "double"


def values(row, objectives):
    columns = {
        "error": "score",
        "parameters": "parameters",
        "multiply_adds": "multiply_adds",
        "latency": "latency_s",
        "training_time": "seconds",
    }
    return [row[columns[objective]] for objective in objectives]


def check_optuna(path, rows, objectives):
    import optuna
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = [row for row in rows if row["kind"] == "search"]
    (name,) = optuna.study.get_all_study_names(f"sqlite:///{path}")
    study = optuna.load_study(study_name=name, storage=f"sqlite:///{path}")
    trials = study.get_trials()
    assert len(trials) == len(search)
    states = {
        "completed": TrialState.COMPLETE,
        "stopped": TrialState.PRUNED,
        "timed_out": TrialState.PRUNED,
        None: None,
    }
    for number, (trial, row) in enumerate(zip(trials, search)):
        assert trial.number == number and trial.user_attrs["evaluation"] == row["id"]
        judged = values(row, objectives)
        if row["outcome"] is not None:
            expected = states.get(row["outcome"], TrialState.FAIL)
            if expected == TrialState.COMPLETE and None in judged:
                expected = TrialState.FAIL
            assert trial.state == expected, (trial.state, row["outcome"])
        if trial.state == TrialState.COMPLETE:
            assert trial.values == judged, (trial.values, judged)
        assert trial.user_attrs["maker"] == row["maker"]
        assert trial.user_attrs["summary"] == row["summary"]
        assert trial.user_attrs["operation"] == row["operation"]
        assert trial.user_attrs["parents"] == json.loads(row["parents"])
        genome = json.loads(row["genome"])
        assert same(trial.params["learning_rate"], genome["training"]["learning_rate"])
        assert trial.params["layers"] == len(genome["layers"])
        points = trial.intermediate_values if len(objectives) == 1 else dict(trial.user_attrs["curve"])
        assert len(points) == len(curve(row))
        for parameter, value in trial.params.items():
            assert trial.distributions[parameter]._contains(
                trial.distributions[parameter].to_internal_repr(value)
            ), parameter
    complete = [values(row, objectives) for row in search if row["outcome"] == "completed"]
    complete = [judged for judged in complete if None not in judged]
    assert len(study.metric_names) == len(study.directions) == len(objectives)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE"] + ["MINIMIZE"] * (len(objectives) - 1)
    assert {trial.state for trial in trials} >= {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    if len(objectives) == 1:
        assert study.best_value == max(complete)[0]
    else:
        assert max(complete)[0] in [trial.values[0] for trial in study.best_trials]
    # Optuna goes on with the study, whichever way it samples.
    number, rate = len(objectives), trials[0].distributions["learning_rate"]

    def objective(trial):
        return [trial.suggest_float("learning_rate", rate.low, rate.high, log=rate.log)] * number

    for sampler in [optuna.samplers.TPESampler(n_startup_trials=2), optuna.samplers.NSGAIISampler()]:
        study.sampler = sampler
        study.optimize(objective, n_trials=1)
    check_dashboard(study._storage)


def check_dashboard(storage):
    """The dashboard's own server, asked as its page asks it."""
    from optuna_dashboard import wsgi
    from wsgiref.util import setup_testing_defaults

    application = wsgi(storage)

    def get(path):
        environment = {"PATH_INFO": path, "REQUEST_METHOD": "GET"}
        setup_testing_defaults(environment)
        answer = {}
        body = b"".join(application(environment, lambda status, headers, _=None: answer.update(status=status)))
        assert answer["status"].startswith("200"), (path, answer, body[:300])
        return json.loads(body)

    (study,) = get("/api/studies")["study_summaries"]
    details = get(f"/api/studies/{study['study_id']}")
    assert len(details["trials"]) > 1 and details["trials"][0]["params"]


def check_tensorboard(folder, rows):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2
    from tensorboard.util import tensor_util

    begun = {row["id"]: row for row in rows if row["state"] != "queued"}
    folders = sorted({path.parent for path in folder.rglob("events.out.tfevents.*")})
    assert len(folders) == len(begun), (len(folders), len(begun))
    for path in folders:
        row = begun[int(path.name.split("-")[1])]
        events = EventAccumulator(str(path))
        events.Reload()
        losses = [] if not curve(row) else events.Scalars("loss/training")
        assert len(losses) == len(curve(row))
        for tag, column in [("network", "summary"), ("maker", "maker")]:
            text = events.Tensors(tag)[0].tensor_proto
            assert tensor_util.make_ndarray(text)[0].decode() == row[column]
        content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
        assert same(start.hparams["learning_rate"].number_value, json.loads(row["genome"])["training"]["learning_rate"])


def missing():
    def importable(name):
        try:
            importlib.import_module(name)
            return True
        except ImportError:
            return False

    return [name for name in PACKAGES if not importable(name)]


def main():
    if sys.argv[1:] == ["--packages"]:
        if missing():
            print("missing: " + ", ".join(missing()))
            sys.exit(3)
        return
    paths = [pathlib.Path(argument) for argument in sys.argv[1:]]
    rows, individuals, objectives = journal(os.fspath(paths[0]))
    check_csv(paths[1], rows, individuals)
    check_optuna(paths[2], rows, objectives)
    check_tensorboard(paths[3], rows)
    if len(paths) > 4:
        check_parquet(paths[4], rows, individuals)
    print(f"{len(rows)} evaluations: all as in the journal")


main()
