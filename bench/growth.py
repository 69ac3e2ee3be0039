"""growth.py [--sizes N,N,...] [--rounds N] [--durable DIR] [--build DIR]: what a put costs as state and log grow.

Two ways to grow, each size in a cluster of its own, all sizes in every round: `keys` (as many keys as puts, the whole
log kept) and `log` (few keys, the log purged behind snapshots as by default). CPU time of all three nodes for each put,
64 in flight; medians, and how far the dearest size is from the cheapest."""
import argparse
import os
import statistics
import sys

from served import Served

INFLIGHT = "64"
FEW_KEYS = 1000
MOST_GROWTH = 1.2  # what the project promises: flat within 20 %
ALL_KEPT = ("node.snapshot_after_entries=0", "node.keep_entries=1000000000")


def one(options, way, size):
    """A row: microseconds of CPU per put, puts per second, p99, memory of the largest node."""
    keys = size if way == "keys" else FEW_KEYS
    sets = ALL_KEPT if way == "keys" else ()
    with Served(options.build, sets, options.value_bytes, durable=options.durable) as served:
        served.fill(size, keys)
        first, cpu = served.last(), served.cpu_seconds()
        row = served.load("--inflight", INFLIGHT, "--seconds", str(options.seconds), "--warmup", "0", "--keys",
                          str(keys))[0]
        cpu = (served.cpu_seconds() - cpu) / (served.last() - first)
        return {"cpu_us": cpu * 1e6, "puts_per_s": row["puts_per_s"], "p99_ms": row["p99_ms"],
                "rss_mb": served.memory_mb()}


def main():
    parser = argparse.ArgumentParser(description="a put's cost beside more and more keys and entries")
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--ways", default="keys,log")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--value-bytes", type=int, default=256)
    parser.add_argument("--durable", help="a folder: storage-wal with its files there, instead of storage-mem")
    parser.add_argument("--build", default="build/release")
    options = parser.parse_args()
    sizes, ways = [int(size) for size in options.sizes.split(",")], options.ways.split(",")
    cells = {}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        for way in ways:
            for size in sizes:
                cells.setdefault((way, size), []).append(one(options, way, size))
    print(f"{'storage-wal' if options.durable else 'storage-mem'}, {options.value_bytes}-byte values")
    print(f"{'WAY':5} {'ENTRIES':>9} {'CPU_US/PUT':>10} {'PUTS/S':>8} {'P99_MS':>7} {'RSS_MB':>7}   CPU of every round")
    for (way, size), rows in cells.items():
        middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        print(f"{way:5} {size:>9} {middle['cpu_us']:>10.1f} {middle['puts_per_s']:>8.0f} {middle['p99_ms']:>7.2f} "
              f"{middle['rss_mb']:>7.0f}   " + " ".join(f"{row['cpu_us']:.1f}" for row in rows))
    for way in ways:
        costs = [statistics.median(row["cpu_us"] for row in cells[way, size]) for size in sizes]
        ratio = max(costs) / min(costs)
        print(f"{way}: dearest {ratio:.2f} x cheapest {'met' if ratio <= MOST_GROWTH else 'MISSED'} (<= {MOST_GROWTH})")


main()
