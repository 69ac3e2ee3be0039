"""table.py: the JSON rows of compare.sh on stdin as one table of medians with their spread and the project's marks.

--write FOLDER also writes a page (RESULTS.md) and its picture (results.svg) there, --page NAME under another name;
--note TEXT (repeatable) are lines about the machine.
"""
import argparse
import json
import pathlib
import statistics
import sys
from collections import defaultdict

import picture

OURS, ETCD, EMPTY = "rkv", "etcd", "empty"
# (row, in flight) -> what is promised: at least this many times another target's (or another row's) rate.
RATIOS = {
    ("Set", 1): [(ETCD, 2.5), (EMPTY, 0.55)],
    ("Set", 64): [(ETCD, 3), (EMPTY, 0.65)],
    ("Set", 256): [(ETCD, 3), (EMPTY, 0.65)],
    ("Set", 1000): [(ETCD, 3), (EMPTY, 0.65)],
    ("h2load", 1): [(ETCD, 2.5), (EMPTY, 0.55)],
    ("h2load", 64): [(ETCD, 3), (EMPTY, 0.65)],
    ("h2load", 256): [(ETCD, 3), (EMPTY, 0.65)],
    ("h2load", 1000): [(ETCD, 3), (EMPTY, 0.65)],
    ("Set, busy_poll 100us", 1): [(ETCD, 2.5), (EMPTY, 0.55)],
    ("Get local", 64): [(EMPTY, 0.9)],
    ("Set, durable", 64): [(ETCD, 2)],
    ("Set, durable", 256): [(ETCD, 2)],
    ("Set, durable", 1000): [(ETCD, 2)],
}
AGAINST_ROWS = {  # against another row of ours
    ("Set, 1 KiB Raft limit", 64): (("Set", 64), 0.7),
    ("Get linearizable", 64): (("Get local", 64), 0.8),
}
RATES = {("Stream/Write, 64 a message", 4096): 300_000, ("in one process", 1): 300_000, ("in one process", 64): 1.5e6,
         ("in one process", 1024): 3e6, ("in one process", 4096): 3e6, ("in one process, 4 at once", 4096): 4e6}
CPU_US = {("Set", 64): 40, ("Set", 256): 40, ("Set", 1000): 40}  # of three nodes, per put
OF_CHAIN = {("Set, durable", 1): 0.8}  # of the puts that the syncs alone allow, one behind the other
# Why a mark is missed, as far as the rows show it: (row, in flight) -> reason.
ALONE = "a put alone is two hops, one behind the other (client to leader, leader to follower); the empty server has one"
SHARED = "three nodes and the generator share the processors that the one empty server has for itself"
LEVEL = "etcd's rate grows with the calls in flight, ours is level from 64 on"
REASONS = {("Set", 1): ALONE, ("h2load", 1): ALONE, ("Set, busy_poll 100us", 1): ALONE, ("Set", 64): SHARED,
           ("Set", 256): f"{LEVEL}; {SHARED}", ("h2load", 256): LEVEL, ("Set", 1000): LEVEL, ("h2load", 1000): LEVEL,
           ("Set, durable", 1): "one put costs more than its two syncs on this device: see Set with 1 in flight"}
IDLE_MB, IDLE_CPU_MS = 25, 10  # ten milliseconds in a second is the clock's own grain


def rate_of(row):
    return row.get("puts_per_s", row.get("per_s"))


def median(rows, name):
    values = [row[name] for row in rows if name in row]
    return statistics.median(values) if values else None


def number(value, digits=0):
    return "-" if value is None else f"{value:,.{digits}f}"


class Results:
    """The cells of one run: (row, in flight) -> target -> rows."""

    def __init__(self, lines):
        self.cells, self.idle, self.probes = defaultdict(lambda: defaultdict(list)), defaultdict(list), []
        for line in lines:
            row = json.loads(line)
            if row["row"] == "probe":
                self.probes.append(row)
            elif row["row"] == "idle":
                self.idle[row["target"]].append(row)
            else:
                self.cells[row["row"], row.get("inflight", row.get("clients"))][row["target"]].append(row)
        self.targets = sorted({target for cell in self.cells.values() for target in cell},
                              key=lambda name: ([OURS, ETCD, EMPTY].index(name) if name in (OURS, ETCD, EMPTY) else 3,
                                                name))

    def rates(self, key, target):
        return [rate_of(row) for row in self.cells[key][target]] if target in self.cells.get(key, {}) else []

    def rate(self, key, target):
        values = self.rates(key, target)
        return statistics.median(values) if values else None

    def marks(self, key):
        """(text, met) of everything promised about a row."""
        ours, found = self.rate(key, OURS), []
        for target, least in RATIOS.get(key, ()):
            other = self.rate(key, target) or self.rate(("Set", key[1]), target)  # a variant has no cells of theirs
            if ours and other:
                found.append((f"{ours / other:.2f} x {target} (>= {least})", ours >= least * other))
        if key in AGAINST_ROWS:
            (other_key, least), other = AGAINST_ROWS[key], self.rate(AGAINST_ROWS[key][0], OURS)
            if ours and other:
                found.append((f"{ours / other:.2f} x {other_key[0]} (>= {least})", ours >= least * other))
        if key in RATES and ours:
            found.append((f">= {RATES[key]:,.0f}/s", ours >= RATES[key]))
        quorum_us = median(self.probes, "quorum_us")
        if key in OF_CHAIN and ours and quorum_us:
            found.append((f"{ours * quorum_us / 1e6:.2f} of one put per sync (>= {OF_CHAIN[key]})",
                          ours * quorum_us >= OF_CHAIN[key] * 1e6))
        cpu = median(self.cells[key][OURS], "cpu_us_per_put")
        if key in CPU_US and cpu is not None:
            found.append((f"{cpu:.0f} us CPU (<= {CPU_US[key]})", cpu <= CPU_US[key]))
        return found

    def times(self, key, target):
        """How many times another target's rate ours is."""
        ours = self.rate(key, OURS)
        promised = target in dict(RATIOS.get(key, ()))
        other = self.rate(key, target) or (self.rate(("Set", key[1]), target) if promised else None)
        return f"{ours / other:.2f}" if ours and other else "-"

    def cell(self, key, target):
        values = self.rates(key, target)
        if not values:
            return "-"
        spread = (max(values) - min(values)) / 2 / statistics.median(values)
        return f"{number(statistics.median(values))} ±{spread:.0%}"

    def table(self):
        others = [target for target in (ETCD, EMPTY) if target in self.targets]
        out = [("row", "in flight", *(f"x {target}" for target in others), *(f"{target}/s" for target in self.targets),
                "p50 ms", "p99 ms", "us CPU")]
        for key in self.cells:
            ours = self.cells[key][OURS]
            out.append((key[0], number(key[1]), *(self.times(key, target) for target in others),
                        *(self.cell(key, target) for target in self.targets), number(median(ours, "p50_ms"), 2),
                        number(median(ours, "p99_ms"), 2), number(median(ours, "cpu_us_per_put"), 1)))
        return out

    def mark_table(self):
        out = [("row", "in flight", "promised", "held", "why not")]
        for key in self.cells:
            for text, met in self.marks(key):
                out.append((key[0], number(key[1]), text, "yes" if met else "no", "" if met else REASONS.get(key, "")))
        return out

    def probe_lines(self):
        for name, what in (("alone_us", "alone"), ("quorum_us", "until two of three at once are done")):
            if self.probes:
                values = ", ".join(number(row[name]) for row in self.probes)
                yield f"4 KiB overwritten and synced, {what}, p50 in us before and after each round: {values}"

    def idle_lines(self):
        for target, rows in self.idle.items():
            cpu, rss = max(row["cpu_ms_per_s"] for row in rows), max(row["rss_mb"] for row in rows)
            held = "as promised" if rss <= IDLE_MB and cpu <= IDLE_CPU_MS else "more than promised"
            mark = f", {held}" if target == OURS else ""
            yield f"idle {target} node, worst: {rss:.1f} MB, {cpu:.1f} ms CPU per second{mark}"


def print_table(table):
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


HEAD = [
    "How many times another server's rate ours is (`x etcd`, `x empty`), and the rates: median of the rounds, ± half",
    "the spread between them; all targets in turn within each round. p50, p99 and CPU (all nodes together, per put)",
    "are rkv's. `empty` is a gRPC C core server that only answers. Written by `bench/compare.sh`.",
]


def markdown(table):
    return ["| " + " | ".join(table[0]) + " |", "|" + " --- |" * len(table[0]),
            *("| " + " | ".join(row) + " |" for row in table[1:])]


def write(folder, page, results, notes):
    drawn = f"{page.lower()}.svg"
    beside = [f"- {line}" for line in (*results.probe_lines(), *results.idle_lines())]
    lines = [f"# {page.capitalize()}", "", *HEAD, "", f"![puts per second]({drawn})", "", *markdown(results.table()),
             "", *beside, "", "## Where it was measured", "",
             *(f"- {note}" for note in notes), "", "## What is promised", "", *markdown(results.mark_table()), ""]
    (folder / f"{page}.md").write_text("\n".join(lines), encoding="utf-8")
    drawn_rows = {key[0] for key in results.cells if key[0] in ("Set", "Set, durable")}
    groups = [(str(key[1]), {target: results.rate(key, target) for target in results.targets
                             if results.rate(key, target)}) for key in results.cells if key[0] in drawn_rows]
    title = "; ".join(sorted(drawn_rows)) + ": puts per second by puts in flight"
    (folder / drawn).write_text(picture.bars(title, groups), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("--page", default="RESULTS")
    parser.add_argument("--note", action="append", default=[])
    options = parser.parse_args()
    results = Results(sys.stdin)
    print_table(results.table())
    print()
    print_table(results.mark_table())
    for line in (*results.probe_lines(), *results.idle_lines()):
        print(line)
    if options.write:
        write(options.write, options.page, results, options.note)


if __name__ == "__main__":
    main()
