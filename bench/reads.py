"""reads.py [--rounds N] [--seconds N] [--build DIR]: what reads of each level cost beside as many writes.

64 requests in flight at the leader of three processes; runs interleaved, medians printed."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

INFLIGHT = 64
MOST_RATIO = 1.5  # what the project promises: p99 of a linearizable read to that of a local one
SHARES = ("write=50,local=50", "write=50,lease=50", "write=50,linearizable=50", "write=50,local=25,linearizable=25")
KEYS = 1000  # written all over while it warms up


def run(options, mix):
    words = [str(options.build / "bench-cluster"), "--json", "--mix", mix, "--inflight", str(INFLIGHT), "--keys",
             str(KEYS), "--seconds", str(options.seconds), "--set", "node.lease_reads=true"]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def median(rows, name):
    return statistics.median(row[name] for row in rows)


def main():
    parser = argparse.ArgumentParser(description="reads of each level beside writes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--build", type=pathlib.Path, default="build/release")
    options = parser.parse_args()
    cells = {}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        for mix in SHARES:
            for row in run(options, mix):
                cells.setdefault((mix, row["kind"]), []).append(row)
    print(f"{'MIX':36} {'KIND':13} {'PER_S':>7} {'P50_MS':>7} {'P99_MS':>7}   p99 of every round")
    for (mix, kind), rows in cells.items():
        print(f"{mix:36} {kind:13} {median(rows, 'per_s'):7.0f} {median(rows, 'p50_ms'):7.2f} "
              f"{median(rows, 'p99_ms'):7.2f}   {' '.join(str(round(row['p99_ms'], 2)) for row in rows)}")
    apart = [[row["p99_ms"] for row in cells[f"write=50,{level}=50", level]] for level in ("linearizable", "local")]
    beside = [[row["p99_ms"] for row in cells[SHARES[-1], level]] for level in ("linearizable", "local")]
    for name, (ours, local) in (("each beside writes", apart), ("both beside writes", beside)):
        ratio = statistics.median(ours) / statistics.median(local)
        print(f"p99 linearizable / local, {name}: {ratio:.2f} {'met' if ratio <= MOST_RATIO else 'MISSED'} "
              f"(<= {MOST_RATIO})")


main()
