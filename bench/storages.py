#!/usr/bin/env python3
"""storages.py [--durable DIR]: the four storages side by side, all in turn within each round, medians.

Appends in batches of 1 and 64 entries, reads, a start with a million entries, bytes on the disk, memory; on tmpfs, and
with --durable on DIR's device too, with what it takes for a sync before and after each round. Writes bench/STORAGES.md,
docs/storages.svg and the figures of docs/choosing-a-storage.md; --to FOLDER: there instead."""
import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

import storages_page

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS = ("storage-mem", "storage-wal", "storage-rocksdb", "storage-lmdb")
PAYLOAD_BYTES, BATCH, MANY, AHEAD = 256, 64, 64, 16
LEFT = 10_000  # entries that the purge leaves
MOST_LOAD = 0.5
BUSY, WRONG = 69, 64  # exit codes, as compare.sh has them
LIBRARIES = ("librocksdb7.8", "liblmdb0")


def end(code, text):
    print(f"storages: {text}", file=sys.stderr)
    raise SystemExit(code)


class Bench:
    """bench-storage on one place; rows go to `rows` as they come."""

    def __init__(self, options, round_number, place, folder, rows):
        self.options, self.folder, self.rows = options, folder, rows
        self.about = {"round": round_number, "place": place}
        self.program = options.build / "bench-storage"

    def run(self, what, *words):
        done = subprocess.run([self.program, "--dir", self.folder, "--json", *map(str, words)], stdout=subprocess.PIPE,
                              text=True, check=False)
        if done.returncode != 0:
            end(done.returncode, f"bench-storage failed: {what} in {self.folder} (its reason stands above)")
        row = json.loads(done.stdout) | self.about | {"what": what}
        self.rows.append(row)
        return row

    def probe(self):
        self.run("probe", "--probe")

    def storage(self, plugin):
        """One storage: three ways to append for a time, then a log of all entries, which stays for a start."""
        sets = [word for name, value in self.options.sets if name == plugin.stem for word in ("--set", value)]
        row = [plugin, *sets, "--size", PAYLOAD_BYTES]
        for batch, window in ((1, 1), (1, MANY), (BATCH, 1)):
            self.run("append", *row, "--batch", batch, "--window", window, "--seconds", self.options.seconds)
        filled = self.run("fill", *row, "--batch", BATCH, "--window", AHEAD, "--fill", self.options.entries, "--keep")
        if filled["disk_stopped"] == 0:
            return  # it keeps nothing
        log = pathlib.Path(self.folder) / "row-0"
        opened = self.run("start", plugin, *sets, "--dir", log, "--open", "--cold", "--purge", LEFT)
        subprocess.run(["rm", "-rf", log], check=True)
        if opened["entries"] != filled["entries"]:
            end(1, f"{plugin.stem}: {filled['entries']} entries were acknowledged, {opened['entries']} are there")


def measure(options):
    places = {"tmpfs": "/dev/shm"} | ({"device": options.durable} if options.durable else {})
    rows = []
    for number in range(1, options.rounds + 1):
        for place, base in places.items():
            print(f"round {number} of {options.rounds}, {place}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="rkv-storages-", dir=base) as folder:
                bench = Bench(options, number, place, folder, rows)
                bench.probe()
                for plugin in options.plugins:
                    bench.storage(plugin)
                bench.probe()
    return rows


def said(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    return done.stdout.strip() if done.returncode == 0 else ""


def notes(options, load):
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf8")
                  if line.startswith("model name")), "unknown")
    versions = [f"{name} {said('dpkg-query', '-W', '-f', '${Version}', name) or 'unknown'}" for name in LIBRARIES]
    yield f"{said('date', '-u', '+%F')}, {os.cpu_count()} x {model}, Linux {platform.release()}"
    yield f"load of the machine before: {load} (1, 5, 15 minutes; anything above 0.2 is somebody else's)"
    yield ", ".join((f"rkv {said('git', 'describe', '--always', '--dirty') or 'unknown'}", *versions))
    yield (f"{options.rounds} rounds, {options.seconds} s for each way to append, {PAYLOAD_BYTES}-byte entries that do "
           f"not compress, {options.entries:,} of them for all but the first three lines")
    if options.durable:
        yield f"the device: {said('findmnt', '-no', 'FSTYPE', '-T', options.durable) or 'unknown'}"
    for name, value in options.sets:
        yield f"{name}: {value}"


def parse():
    parser = argparse.ArgumentParser(description="the storages side by side")
    parser.add_argument("--durable", metavar="DIR", help="a directory on a real device: measured there too")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=1, help="of each way to append")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the log that is read, opened and purged")
    parser.add_argument("--storage", action="append", metavar="NAME|PATH.so", help="instead of the four (repeatable)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME.KEY=VALUE", dest="sets",
                        help="an option of the plugin NAME (repeatable)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    to = parser.add_mutually_exclusive_group()
    to.add_argument("--no-write", action="store_true", help="only print")
    to.add_argument("--to", type=pathlib.Path, metavar="FOLDER", help="page and picture there, on a busy machine too")
    options = parser.parse_args()
    options.plugins = [pathlib.Path(name).resolve() if "/" in name else options.build / "plugins" / f"{name}.so"
                       for name in options.storage or OURS]
    for path in (options.build / "bench-storage", *options.plugins):
        if not path.exists():
            end(BUSY, f"no {path}: cmake --preset release && cmake --build --preset release")
    if options.durable and not pathlib.Path(options.durable).is_dir():
        end(BUSY, f"no directory {options.durable}")
    if options.entries <= LEFT:
        end(WRONG, f"--entries {options.entries}: more than {LEFT} (so many are left by the purge)")
    options.sets = [tuple(word.partition(".")[::2]) for word in options.sets]
    return options


def main():
    options = parse()
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    writes = not options.no_write and not options.to
    if writes and os.getloadavg()[0] > MOST_LOAD:
        end(BUSY, f"the machine is busy (load {load}): what is measured now says nothing; wait, or use --no-write")
    results = storages_page.Results(measure(options), list(notes(options, load)))
    results.print()
    if writes:
        results.write(ROOT / "bench", ROOT / "docs")
    elif options.to:
        results.write(options.to, options.to)


main()
