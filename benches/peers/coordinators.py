#!/usr/bin/env python3
"""How many evaluations a second other programs conduct, with an objective that does nothing.

    python3 benches/peers/coordinators.py [--programs optuna-memory,optuna-journal,optuna-sqlite,ray,deephyper]
        [--evaluations 2000] [--processes 2] [--out FILE.json]

Beside `hatchery bench coordinator`: what is timed is everything around the evaluation. Networks are a dozen numbers and
words drawn at random, so that no sampler's model is timed. Optuna's storages are shared by processes, as its manual
tells to distribute a study; `--processes` of them ask, evaluate and tell. Optuna in memory is one process. Ray Tune and
DeepHyper have their own workers, as many as `--processes`. Programs that are not installed are skipped, and that is
said. Needs `pip install optuna`, `pip install "ray[tune]"`, `pip install deephyper`, in environments of their own.

Reported: evaluations per second in all, and of the first and the last tenth. What is durable differs: Optuna's journal
and SQLite write every step to a file, the journal without a flush to the disk; in memory, Ray Tune (a snapshot now and
then) and DeepHyper (a CSV at the end) lose what they have not written when their process is killed.
"""
import argparse
import importlib.util
import json
import multiprocessing
import os
import sys
import tempfile
import time

WORDS = ["relu", "gelu", "silu", "tanh"]


def suggest(trial):
    for number in range(6):
        trial.suggest_int(f"width_{number}", 8, 512)
    for number in range(2):
        trial.suggest_categorical(f"activation_{number}", WORDS)
    trial.suggest_float("learning_rate", 1e-5, 1e-1, log=True)
    trial.suggest_float("momentum", 0.0, 0.99)
    trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True)
    trial.suggest_int("batch", 16, 512)
    return trial.number % 97 / 97


def rates(ends):
    """Evaluations a second: of all, of the first tenth, of the last."""
    ends = sorted(ends)
    tenth = max(len(ends) // 10, 2)

    def rate(part):
        return (len(part) - 1) / max(part[-1] - part[0], 1e-9)

    return {"evaluations_per_s": rate(ends), "first_tenth_per_s": rate(ends[:tenth]), "last_tenth_per_s": rate(ends[-tenth:])}


def optuna_storage(kind, path):
    import optuna

    if kind == "memory":
        return optuna.storages.InMemoryStorage()
    if kind == "sqlite":
        return optuna.storages.RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 100}})
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))


def optuna_worker(kind, path, count, seed, ends):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(
        study_name="bench", storage=optuna_storage(kind, path), sampler=optuna.samplers.RandomSampler(seed=seed)
    )
    mine = []
    study.optimize(suggest, n_trials=count, callbacks=[lambda *_: mine.append(time.time())])
    ends.put(mine)


def optuna_run(kind, evaluations, processes):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "study")
        storage = optuna_storage(kind, path)
        study = optuna.create_study(study_name="bench", storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
        if kind == "memory":
            ends = []
            study.optimize(suggest, n_trials=evaluations, callbacks=[lambda *_: ends.append(time.time())])
            return {**rates(ends), "processes": 1, "bytes": 0}
        queue = multiprocessing.Queue()
        shares = [evaluations // processes] * processes
        workers = [
            multiprocessing.Process(target=optuna_worker, args=(kind, path, share, seed, queue))
            for seed, share in enumerate(shares)
        ]
        for worker in workers:
            worker.start()
        ends = [end for _ in workers for end in queue.get()]
        for worker in workers:
            worker.join()
        size = sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))
        return {**rates(ends), "processes": processes, "bytes": size, "version": optuna.__version__}


def ray_objective(config):
    from ray import tune

    tune.report({"score": config["learning_rate"], "at": time.time()})


def ray_run(evaluations, processes):
    import ray
    from ray import tune

    ray.init(num_cpus=processes, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    space = {f"width_{number}": tune.randint(8, 512) for number in range(6)}
    space |= {f"activation_{number}": tune.choice(WORDS) for number in range(2)}
    space |= {"learning_rate": tune.loguniform(1e-5, 1e-1), "momentum": tune.uniform(0.0, 0.99)}
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(ray_objective, {"cpu": 1}),
            param_space=space,
            tune_config=tune.TuneConfig(num_samples=evaluations, metric="score", mode="max"),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        results = tuner.fit()
        ends = [result.metrics["at"] for result in results if result.metrics and "at" in result.metrics]
        size = sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)
    ray.shutdown()
    return {**rates(ends), "processes": processes, "bytes": size, "version": ray.__version__}


def deephyper_objective(job):
    return job.parameters["momentum"]


def deephyper_run(evaluations, processes):
    import deephyper
    from deephyper.evaluator import Evaluator
    from deephyper.hpo import HpProblem, RandomSearch

    problem = HpProblem()
    for number in range(6):
        problem.add((8, 512), f"width_{number}")
    for number in range(2):
        problem.add(WORDS, f"activation_{number}")
    problem.add((1e-5, 1e-1, "log-uniform"), "learning_rate")
    problem.add((0.0, 0.99), "momentum")
    with tempfile.TemporaryDirectory() as folder:
        evaluator = Evaluator.create(
            deephyper_objective, method="process", method_kwargs={"num_workers": processes}
        )
        search = RandomSearch(problem, random_state=0, log_dir=folder)
        began = time.time()
        results = search.search(evaluator, max_evals=evaluations)
        ends = [began + end for end in results["m:timestamp_gather"]]
        size = sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)
    return {**rates(ends), "processes": processes, "bytes": size, "version": deephyper.__version__}


PROGRAMS = {
    "optuna-memory": ("optuna", lambda *sizes: optuna_run("memory", *sizes)),
    "optuna-journal": ("optuna", lambda *sizes: optuna_run("journal", *sizes)),
    "optuna-sqlite": ("optuna", lambda *sizes: optuna_run("sqlite", *sizes)),
    "ray": ("ray", ray_run),
    "deephyper": ("deephyper", deephyper_run),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", default=",".join(PROGRAMS))
    parser.add_argument("--evaluations", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out")
    options = parser.parse_args()
    found = []
    for name in options.programs.split(","):
        module, run = PROGRAMS[name]
        if importlib.util.find_spec(module) is None:
            print(f"{name}: skipped, {module} is not installed", file=sys.stderr)
            continue
        began = time.time()
        figures = run(options.evaluations, options.processes)
        figures = {"program": name, "evaluations": options.evaluations, **figures, "wall_s": time.time() - began}
        found.append(figures)
        print(json.dumps(figures), flush=True)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
