#!/usr/bin/env python3
"""What it costs a search to be watched: the same run with and without 50 listeners to events and 1,000 scrapes, in turns.

    benches/watching.py [--hatchery target/release/hatchery] [--rounds 5] [--seconds 20] [--json FILE]

A coordinator and workers that pretend to train (`--simulate`), all real but the training: so the coordinator is what is
measured. Counts the evaluations that end in a time, from /proc the processor time of the coordinator too.
"""

import argparse
import json
import os
import pathlib
import random
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

LISTENERS = 50
SCRAPES = 1000
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Cluster:
    def __init__(self, hatchery, folder, trainers, training):
        self.run = folder / "run"
        port = random.randint(20000, 30000)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.coordinator = subprocess.Popen(
            [hatchery, "coordinator", "digits", "--quiet", f"--listen=127.0.0.1:{port}", f"--out={self.run}",
             "--evaluations=100000000", "--set=space.depth=4,12", "--set=search.strategy=random", "--set=budget.time=none"], **quiet)
        wait(lambda: (self.run / "http").exists() and (self.run / "cookie").exists())
        self.url = (self.run / "http").read_text().strip()
        self.worker = subprocess.Popen(
            [hatchery, "worker", f"--join=127.0.0.1:{port}", f"--cookie-file={self.run / 'cookie'}", "--devices=cpu",
             f"--slots={trainers}", f"--simulate={training}"], **quiet)
        wait(lambda: self.ended() > 50)

    def ended(self):
        journal = sqlite3.connect(f"file:{self.run / 'journal.sqlite'}?mode=ro", uri=True)
        try:
            return journal.execute("SELECT count(*) FROM events WHERE kind = 'finished'").fetchone()[0]
        except sqlite3.OperationalError:
            return 0
        finally:
            journal.close()

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.coordinator.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def end(self):
        for process in (self.worker, self.coordinator):
            process.kill()
            process.wait()


def wait(so):
    began = time.monotonic()
    while not so():
        assert time.monotonic() - began < 120, "waited in vain"
        time.sleep(0.05)


class Watchers:
    """Listeners that read all, and scrapes spread evenly over the time."""

    def __init__(self, url, seconds):
        self.stopped = threading.Event()
        self.scraped, self.heard = 0, 0
        host, port = url.removeprefix("http://").rsplit(":", 1)
        self.sockets = []
        for _ in range(LISTENERS):
            listener = socket.create_connection((host, int(port)))
            listener.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            listener.setblocking(False)
            self.sockets.append(listener)
        self.threads = [threading.Thread(target=self.scrape, args=(url, seconds / SCRAPES)),
                        threading.Thread(target=self.listen)]
        for thread in self.threads:
            thread.start()

    def scrape(self, url, pause):
        due = time.monotonic()
        while self.scraped < SCRAPES and not self.stopped.is_set():
            urllib.request.urlopen(url + "/metrics", timeout=30).read()
            self.scraped += 1
            due += pause
            time.sleep(max(0.0, due - time.monotonic()))

    def listen(self):
        while not self.stopped.is_set():
            for listener in self.sockets:
                try:
                    while data := listener.recv(1 << 16):
                        self.heard += len(data)
                except BlockingIOError:
                    pass
            time.sleep(0.1)

    def end(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        for listener in self.sockets:
            listener.close()


def measured(cluster, seconds, watched):
    watchers = Watchers(cluster.url, seconds) if watched else None
    count, processor, began = cluster.ended(), cluster.processor_seconds(), time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - began
    result = {"watched": watched, "evaluations_per_s": (cluster.ended() - count) / elapsed,
              "coordinator_cpu": (cluster.processor_seconds() - processor) / elapsed}
    if watchers:
        watchers.end()
        result |= {"scrapes": watchers.scraped, "heard_bytes": watchers.heard}
    return result


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--hatchery", default="target/release/hatchery")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=20.0)
    options.add_argument("--trainers", type=int, default=16)
    options.add_argument("--training", default="fixed:0.1")
    options.add_argument("--json")
    options = options.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(options.hatchery, pathlib.Path(folder), options.trainers, options.training)
        try:
            for number in range(options.rounds):
                # Who comes first changes, so that a run that grows slows neither more.
                for watched in ([False, True] if number % 2 == 0 else [True, False]):
                    rounds.append(measured(cluster, options.seconds, watched))
                    print(json.dumps(rounds[-1]), flush=True)
        finally:
            cluster.end()
    rate = lambda watched: [one["evaluations_per_s"] for one in rounds if one["watched"] == watched]
    alone, watched = rate(False), rate(True)
    summary = {"trainers": options.trainers, "training": options.training, "seconds": options.seconds,
               "alone_per_s": statistics.median(alone), "alone_spread": [min(alone), max(alone)],
               "watched_per_s": statistics.median(watched), "watched_spread": [min(watched), max(watched)],
               "slower": 1 - statistics.median(watched) / statistics.median(alone)}
    print(json.dumps(summary))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"summary": summary, "rounds": rounds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
