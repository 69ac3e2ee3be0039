"""catchup.py [--rounds N] [--entries N] [--build DIR]: how fast a learner that has nothing takes a long log.

Three nodes hold a log of --entries puts (256-byte values), all kept. A fourth is added as a learner, which is answered
when it has caught up: once with nobody else about, once while 64 requests are in flight. Medians are printed."""
import argparse
import os
import statistics
import sys
import time

from served import Served

INFLIGHT = "64"
LOAD_SECONDS = 24  # long enough for the slowest way to catch up that is of interest
BEFORE_SECONDS = 5  # of load, measured before the learner joins
LEAST_RATE, MOST_LOSS = 500_000, 0.30  # what the project promises
KEEP = ("node.snapshot_after_entries=0", "node.keep_entries=1000000000")


def catch_up(served, identity):
    """Entries per second, and the leader's puts per second meanwhile."""
    address = served.join(identity)
    first, begin = served.last(), time.monotonic()
    served.ctl("add-learner", f"{identity}={address}", timeout=60)
    took = time.monotonic() - begin
    last, end = served.last(), time.monotonic()
    served.wait_until("last_applied", first, address)
    return first / took, (last - first) / (end - begin)


def put_rate(served, seconds):
    first, begin = served.last(), time.monotonic()
    time.sleep(seconds)
    last, end = served.last(), time.monotonic()
    return (last - first) / (end - begin)


def one_round(options):
    with Served(options.build, KEEP) as served:
        served.fill(options.entries, options.keys)
        alone, _ = catch_up(served, 4)
        load = served.start_load("--inflight", INFLIGHT, "--seconds", str(options.seconds), "--warmup", "0")
        time.sleep(1)
        before = put_rate(served, min(BEFORE_SECONDS, options.seconds / 4))
        beside, during = catch_up(served, 5)
        served.rows(load)
    return {"alone": alone, "beside": beside, "before": before, "during": during, "loss": 1 - during / before}


def main():
    parser = argparse.ArgumentParser(description="a learner far behind")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=LOAD_SECONDS)
    parser.add_argument("--build", default="build/release")
    options = parser.parse_args()
    rounds = []
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        rounds.append(one_round(options))
        print("  ".join(f"{name} {value:.2f}" if name == "loss" else f"{name} {value:,.0f}/s"
                        for name, value in rounds[-1].items()), flush=True)
    middle = {name: statistics.median(row[name] for row in rounds) for name in rounds[0]}
    print(f"learner, nobody else about: {middle['alone']:,.0f} entries/s "
          f"{'met' if middle['alone'] >= LEAST_RATE else 'MISSED'} (>= {LEAST_RATE:,})")
    print(f"learner, beside {INFLIGHT} puts in flight: {middle['beside']:,.0f} entries/s; "
          f"puts {middle['before']:,.0f}/s before, {middle['during']:,.0f}/s meanwhile, {middle['loss']:.0%} less "
          f"{'met' if middle['loss'] < MOST_LOSS else 'MISSED'} (< {MOST_LOSS:.0%})")


main()
