"""Runs the simulator on seeded bugs (mutations.txt): every one must be found. Called by scripts/mutations.sh.

Each mutant is one line of a copy of the sources, built in build/mutations and run until a seed fails. With --model the
bugs of core/raft are given to the model (tests/model) instead, in the bounds of the test run."""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutations"
LEFT_OUT = shutil.ignore_patterns("build", ".*", "__pycache__")
SEEDS = 400
RUN_SECONDS_MAX = 300


def mutations():
    for line in (ROOT / "tests/sim/mutations.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, file, old, new = [part.strip() for part in line.split(" | ")]
            yield name, file, old, new


def copy_sources():
    source = WORK / "src"
    shutil.rmtree(source, ignore_errors=True)
    # as of now: what the last bug of an earlier run left in the build is older and made anew
    shutil.copytree(ROOT, source, ignore=LEFT_OUT, copy_function=shutil.copy)
    return source


def build(source, target):
    out = WORK / "build"
    configure = ["cmake", "-S", source, "-B", out, "-DCMAKE_BUILD_TYPE=Release", "-DRKV_BENCH=OFF"]
    compile_ = ["cmake", "--build", out, "--target", target, "-j", "2"]
    for command in (configure, compile_):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            return done.stdout + done.stderr
    return None


def find(seeds):
    """The first failing seed and what was seen, or (None, why)."""
    command = [WORK / "build" / "rkv-sim", "--seeds", str(seeds), "--jobs", "2"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return 1, "it runs for ever"
    seen = re.findall(r"sim: seed (\d+) step \d+: (.*)", done.stdout)
    if done.returncode == 0 or not seen:
        return None, done.stdout.strip().splitlines()[-1] if done.stdout else "no output"
    seed, what = min(seen, key=lambda pair: int(pair[0]))
    asserted = re.search(r"Assertion `(.*)' failed", done.stderr)
    return int(seed), f"assert({asserted.group(1)})" if asserted else what


def explore():
    """The exploration that fails and the law it found broken, or (None, why)."""
    command = ["ctest", "--test-dir", WORK / "build", "-L", "^model$", "--stop-on-failure", "-V"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return None, "every law holds"
    failed = re.search(r"Test +#\d+: (model\.\w+)[ .]*(?:Subprocess \w+)?\*\*\*", done.stdout)
    law = re.search(r"model: broken: (.*)", done.stdout)
    asserted = re.search(r"Assertion `(.*)' failed", done.stdout)
    seen = law.group(1) if law else f"assert({asserted.group(1)})" if asserted else "it ends"
    return failed.group(1) if failed else "ctest", seen


def main():
    parser = argparse.ArgumentParser(description="find every seeded bug by simulation")
    parser.add_argument("names", nargs="*", help="only mutations whose name contains one of these")
    parser.add_argument("--model", action="store_true", help="explored by tests/model instead of simulated")
    parser.add_argument("--write", action="store_true", help="write tests/sim/MUTATIONS.md")
    options = parser.parse_args()
    source = copy_sources()
    rows, missed = [], 0
    for name, file, old, new in mutations():
        if options.names and not any(part in name for part in options.names):
            continue
        if options.model and (not file.startswith(("core/raft/", "core/include/")) or file.endswith("/read.c")):
            continue
        path = source / file
        clean = path.read_text()
        if clean.count(old) != 1:
            print(f"mutations.txt: {name}: the text stands {clean.count(old)} times in {file}")
            missed += 1
            continue
        path.write_text(clean.replace(old, new))
        broken = build(source, "rkv-model" if options.model else "rkv-sim")
        if broken:
            seed, what = None, "it does not compile:\n" + broken
        else:
            seed, what = explore() if options.model else find(SEEDS)
        path.write_text(clean)
        missed += seed is None
        by = "NOT FOUND" if not seed else f"found by {seed}" if options.model else f"found by seed {seed:3}"
        print(f"{by:17}  {name}: {what}", flush=True)
        rows.append((name, file, seed, what))
    if options.write:
        lines = ["# Seeded bugs and the seed that finds each", "",
                 f"Made by `./scripts/mutations.sh --write` (up to {SEEDS} seeds of 20,000 steps each).", "",
                 "| bug | file | seed | what was seen |", "| --- | --- | --- | --- |"]
        lines += [f"| {n} | {f} | {s if s else 'NOT FOUND'} | {w.replace('|', chr(92) + '|')} |" for n, f, s, w in rows]
        (ROOT / "tests/sim/MUTATIONS.md").write_text("\n".join(lines) + "\n")
    print(f"{len(rows) - missed} passed, {missed} failed")
    return 1 if missed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
