"""snapshots.py [--rounds N] [--keys N] [--build DIR]: what snapshots of a large state cost the puts beside them.

Three nodes hold --keys keys (256-byte values). Windows of load alternate, in one run: nothing else going on; every node
building one snapshot after the other. Then a fourth node takes the snapshot as a learner. Medians are printed."""
import argparse
import os
import statistics
import sys
import threading
import time

from served import Served

ITEM_BYTES = 16  # of an item beside its value: a key of 12 bytes, tags and lengths
MOST_WAIT_MS, MOST_RATIO, LEAST_MB_PER_S = 5, 1.5, 300  # what the project promises
SETS = ("node.snapshot_after_entries=0", "node.keep_entries=1000")
KINDS = ("p50_ms", "p99_ms", "p999_ms", "max_ms", "puts_per_s")


def build_until(served, endpoint, stop, built):
    while not stop.is_set():
        served.ctl("snapshot", endpoint=endpoint)
        built.append(endpoint)


def window(served, options, inflight, snapshots):
    """A row of load; with `snapshots`, every node builds them all the time."""
    stop, built = threading.Event(), []
    load = served.start_load("--inflight", str(inflight), "--seconds", str(options.seconds), "--warmup", "1", "--keys",
                             str(options.keys), *(("--rate", str(options.rate)) if options.rate else ()))
    builders = [threading.Thread(target=build_until, args=(served, endpoint, stop, built))
                for endpoint in served.endpoints.split(",") if snapshots]
    for builder in builders:
        builder.start()
    row = served.rows(load)[0]
    stop.set()
    for builder in builders:
        builder.join()
    row["built"] = len(built)
    return row


def stream(served, options, identity):
    """Megabytes per second from the beginning to a learner that has caught up."""
    address, begin = served.join(identity), time.monotonic()
    served.ctl("add-learner", f"{identity}={address}")
    took = time.monotonic() - begin
    if served.number("snapshots_installed", endpoint=address) != 1:
        raise SystemExit("the learner took no snapshot")
    served.wait_until("sm-protobuf.keys", options.keys, address)
    return options.keys * (options.value_bytes + ITEM_BYTES) / took / 1e6


def verdict(ok):
    return "met" if ok else "MISSED"


def main():
    parser = argparse.ArgumentParser(description="puts beside snapshots")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--value-bytes", type=int, default=256)
    parser.add_argument("--inflight", default="8,64")
    parser.add_argument("--rate", type=int, help="puts per second, each timed from when it is due; no closed loop")
    parser.add_argument("--durable", help="a folder: storage-wal with its files there, instead of storage-mem")
    parser.add_argument("--build", default="build/release")
    options = parser.parse_args()
    cells, streams = {}, []
    with Served(options.build, SETS, options.value_bytes, durable=options.durable) as served:
        served.fill(options.keys, options.keys)
        served.ctl("snapshot")
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
            for inflight in options.inflight.split(","):
                for snapshots in (False, True):
                    cells.setdefault((inflight, snapshots), []).append(window(served, options, inflight, snapshots))
        for number in range(options.rounds):
            streams.append(stream(served, options, 4 + number))
    print(f"{'INFLIGHT':>8} {'SNAPSHOTS':>9} " + " ".join(f"{name.upper():>10}" for name in KINDS) + "   max of each")
    middle = {cell: {name: statistics.median(row[name] for row in rows) for name in KINDS}
              for cell, rows in cells.items()}
    for (inflight, snapshots), rows in cells.items():
        print(f"{inflight:>8} {sum(row['built'] for row in rows):>9} "
              + " ".join(f"{middle[inflight, snapshots][name]:>10.2f}" for name in KINDS) + "   "
              + " ".join(f"{row['max_ms']:.1f}" for row in rows))
    for inflight in options.inflight.split(","):
        without, beside = middle[inflight, False], middle[inflight, True]
        ratio, longer = beside["p99_ms"] / without["p99_ms"], beside["max_ms"] - without["max_ms"]
        print(f"{inflight} in flight: p99 {ratio:.2f} x without {verdict(ratio <= MOST_RATIO)} (<= {MOST_RATIO}); "
              f"longest put {longer:+.1f} ms {verdict(longer <= MOST_WAIT_MS)} (<= {MOST_WAIT_MS})")
    rate = statistics.median(streams)
    print(f"to a learner: {rate:.0f} MB/s {verdict(rate >= LEAST_MB_PER_S)} (>= {LEAST_MB_PER_S}), "
          f"of each: {' '.join(f'{each:.0f}' for each in streams)}")


main()
