"""swaps.py [--entries N] [--rounds N] [--dir DIR] [--build DIR]: puts beside a move between storages; offline copies.

One node, so that every put waits for its storage; before each move a log of N entries and a snapshot of N keys. It
moves live through all ordered pairs of the durable storages. A row: puts/s and the slowest put, on each of the two
alone and moving. Promised: at most 30 % less than the slower of the two does alone, no put over 50 ms longer. Then the
same pairs by `storage copy`: at least 200,000 entries/s."""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from served import FILL, free_port

STORAGES = ("storage-wal", "storage-rocksdb", "storage-lmdb")
MOST_LOST, MOST_MS, LEAST_COPIED = 0.30, 50, 200000
SETS = ("node.swap_storage=true", "node.snapshot_after_entries=0")  # a snapshot when it is asked for, no other
SLICE_SECONDS, ALONE_SECONDS, CALL_SECONDS, TRIES = 1, 30, 600, 3


def walk(storages):
    """A round walk on which each one follows each other one once."""
    if len(storages) == 1:
        return list(storages)
    steps = [storages[0], *walk(storages[1:]), storages[0]]
    for other in storages[2:]:
        steps += [other, storages[0]]
    return steps


def summed(rows):
    return {"puts_per_s": sum(row["puts_per_s"] for row in rows) / len(rows),
            "max_ms": max(row["max_ms"] for row in rows)}


class One:
    """A node, its storage, and the places that it has yet to move to."""

    def __init__(self, options, folder, plugin):
        self.options, self.folder, self.made, self.plugin = options, folder, 0, plugin
        self.build, self.addr = pathlib.Path(options.build), f"127.0.0.1:{free_port()}"
        self.place = self.new_place(plugin)
        words = [self.build / "raft-key-value", "--id", "1", "--addr", self.addr]
        own = f"node.keep_entries={options.entries}", f"storage.plugin={plugin}", f"storage.dir={self.place}"
        for value in (*SETS, *own):
            words += ["--set", value]
        with open(folder / "log", "w", encoding="utf8") as log:
            self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=log)
        self.ctl("init", f"1={self.addr}")

    def new_place(self, plugin):
        self.made += 1
        return self.folder / f"{plugin}-{self.made}"

    def words(self, *words):
        return [self.build / "rkvctl", "--endpoints", self.addr, "--timeout", "60s", *words]

    def ctl(self, *words):
        done = subprocess.run(self.words(*words), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"rkvctl {' '.join(map(str, words))}: {done.stderr.strip()}")
        return done.stdout

    def load(self, *words):
        """A row of bench-cluster."""
        command = [self.build / "bench-cluster", "--endpoints", self.addr, "--json", "--value-bytes", "256", "--keys",
                   str(self.options.entries), *words]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)

    def put(self, seconds):
        return self.load("--inflight", str(self.options.inflight), "--warmup", "0", "--seconds", str(seconds))

    def alone(self, seconds=0):
        """In slices as beside a move, for as long, up to ALONE_SECONDS: the slowest of few puts is not that of many."""
        slices = max(self.options.seconds, min(round(seconds), ALONE_SECONDS))
        rows = [self.put(SLICE_SECONDS) for _ in range(slices)]
        return summed(rows)

    def move(self, plugin):
        """Puts beside it, in slices until it ended: their number per second, the slowest, how long it all took.
        None: it was given up."""
        self.ctl("snapshot")  # the log is N entries again, however many were put
        place, rows, began = self.new_place(plugin), [], time.monotonic()
        mover = subprocess.Popen(self.words("swap-storage", "1", "--plugin", plugin, "--set", f"dir={place}"),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while mover.poll() is None:
            rows.append(self.put(SLICE_SECONDS))
        took, text = time.monotonic() - began, mover.communicate()
        if mover.returncode != 0:
            print(f"{self.plugin} to {plugin}, after {took:.0f} s: {text[1].splitlines()[-1].strip()}", flush=True)
            return None
        self.plugin, self.place = plugin, place
        return dict(summed(rows), seconds=took)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=CALL_SECONDS)

    def copy(self, plugin):
        """Entries per second."""
        place, began = self.new_place(plugin), time.monotonic()
        done = subprocess.run([self.build / "raft-key-value", "storage", "copy", "--id", "1", "--from", self.plugin,
                               "--set-from", f"dir={self.place}", "--to", plugin, "--set-to", f"dir={place}"],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"storage copy: {done.stderr}")
        entries = int(re.search(r"(\d+) entries", done.stdout).group(1))
        shutil.rmtree(self.place)
        self.plugin, self.place = plugin, place
        return entries, entries / (time.monotonic() - began)


def verdict(holds):
    return "met" if holds else "MISSED"


def live(one, steps):
    print(f"{'FROM':>16} {'TO':>16} {'PUTS/S ALONE':>14} {'MOVING':>8} {'LOST':>5} {'MAX_MS ALONE':>14} {'MOVING':>8} "
          f"{'SECONDS':>7}")
    before = one.alone()
    for plugin in steps:
        source, old = one.plugin, one.place
        moving = next(filter(None, (one.move(plugin) for _ in range(TRIES))), None)
        if not moving:
            raise SystemExit(f"{source} to {plugin} was given up {TRIES} times")
        shutil.rmtree(old)
        after = one.alone(moving["seconds"])
        slower, longest = min(before["puts_per_s"], after["puts_per_s"]), max(before["max_ms"], after["max_ms"])
        lost = 1 - moving["puts_per_s"] / slower
        print(f"{source:>16} {plugin:>16} {before['puts_per_s']:6.0f} {after['puts_per_s']:7.0f} "
              f"{moving['puts_per_s']:8.0f} {100 * lost:4.0f}% {before['max_ms']:6.1f} {after['max_ms']:7.1f} "
              f"{moving['max_ms']:8.1f} {moving['seconds']:7.1f}  {verdict(lost <= MOST_LOST)} (<= 30 %), "
              f"{verdict(moving['max_ms'] <= longest + MOST_MS)} (<= {MOST_MS} ms longer)", flush=True)
        before = after


def offline(one, steps):
    for plugin in steps:
        source = one.plugin
        entries, rate = one.copy(plugin)
        print(f"storage copy: {source} to {plugin}: {entries} entries, {rate:.0f} entries/s "
              f"{verdict(rate >= LEAST_COPIED)} (>= {LEAST_COPIED})", flush=True)


def one_round(options, steps):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rkv-bench-", dir=options.dir))
    one = One(options, folder, steps[0])
    try:
        one.load(*FILL, "--puts", str(options.entries))
        live(one, steps[1:])
        one.ctl("snapshot")
        one.stop()
        offline(one, steps[1:])
    finally:
        one.process.kill()
        one.process.wait()
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description="puts beside a live move, and the speed of an offline copy")
    parser.add_argument("--entries", type=int, default=1000000)
    parser.add_argument("--inflight", type=int, default=64)
    parser.add_argument("--storages", default=",".join(STORAGES), help="between which (those that are built)")
    parser.add_argument("--seconds", type=int, default=5, help="of puts alone, at least (5)")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--dir", default="/dev/shm", help="where the storages are (/dev/shm)")
    parser.add_argument("--build", default="build/release")
    options = parser.parse_args()
    plugins = pathlib.Path(options.build) / "plugins"
    built = [name for name in options.storages.split(",") if (plugins / f"{name}.so").exists()]
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        one_round(options, walk(built))


main()
