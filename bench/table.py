"""table.py: reads the JSON rows of compare.sh on stdin, prints medians of ours, etcd's and others' side by side."""
import json
import statistics
import sys
from collections import defaultdict

LEAST_RATIO = {("bench", 1): 1.2, ("bench", 64): 1.5, ("bench", 1000): 1.5}  # what the project promises
LEAST_RATE = {("1KiB raft limit", 64): 5000}
IDLE_MB, IDLE_CPU_MS = 25, 10  # ten milliseconds in a second is the clock's own grain


def median(rows, name):
    values = [row[name] for row in rows if name in row]
    return statistics.median(values) if values else None


def text(value, digits=0):
    return "-" if value is None else f"{value:,.{digits}f}"


def verdict(key, ours, ratio):
    if key in LEAST_RATIO and ratio is not None:
        return f"{'met' if ratio >= LEAST_RATIO[key] else 'MISSED'} (>= {LEAST_RATIO[key]})"
    if key in LEAST_RATE and ours is not None:
        return f"{'met' if ours >= LEAST_RATE[key] else 'MISSED'} (>= {LEAST_RATE[key]:,}/s)"
    return ""


def times(rows):
    return f"{text(median(rows, 'p50_ms'), 2)} / {text(median(rows, 'p99_ms'), 2)}"


def beside(rate, rows):
    """The cells of a program that was named on the command line."""
    theirs = median(rows, "puts_per_s")
    ratio = rate / theirs if rate and theirs else None
    return text(theirs), text(ratio, 2), times(rows), text(median(rows, "cpu_us_per_put"), 1)


def main():
    cells, idle = defaultdict(list), defaultdict(list)
    for line in sys.stdin:
        row = json.loads(line)
        if row["row"] == "idle":
            idle[row["target"]].append(row)
        else:
            cells[row["row"], row["inflight"], row["target"]].append(row)
    others = [t for t in dict.fromkeys(target for _, _, target in cells) if t not in ("rkv", "etcd")]
    out = [("ROW", "INFLIGHT", "RKV/S", "ETCD/S", "RATIO", "RKV p50/p99 ms", "ETCD p50/p99 ms", "RKV us CPU",
            "ETCD us CPU", *(f"{t}{what}" for t in others for what in ("/S", " RATIO", " p50/p99 ms", " us CPU")),
            "MARK")]
    for name, inflight in dict.fromkeys((name, inflight) for name, inflight, _ in cells):
        ours, theirs = cells[name, inflight, "rkv"], cells[name, inflight, "etcd"]
        rate, other = median(ours, "puts_per_s"), median(theirs, "puts_per_s")
        ratio = rate / other if rate and other else None
        out.append((name, str(inflight), text(rate), text(other), text(ratio, 2), times(ours), times(theirs),
                    text(median(ours, "cpu_us_per_put"), 1), text(median(theirs, "cpu_us_per_put"), 1),
                    *(cell for t in others for cell in beside(rate, cells[name, inflight, t])),
                    verdict((name, inflight), rate, ratio)))
    widths = [max(len(row[i]) for row in out) for i in range(len(out[0]))]
    for row in out:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for target, rows in idle.items():
        cpu, rss = max(row["cpu_ms_per_s"] for row in rows), max(row["rss_mb"] for row in rows)
        mark = f", {'met' if rss <= IDLE_MB and cpu <= IDLE_CPU_MS else 'MISSED'}" if target == "rkv" else ""
        print(f"idle {target} node, worst: {rss:.1f} MB, {cpu:.1f} ms CPU per second{mark}")


main()
