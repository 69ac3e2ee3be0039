#!/usr/bin/python3
"""variants.py BUILD [--write | --own] [--every N] [NAME...]: rkv-contract on plugins broken on purpose (variants.txt).
The law that names the fault must catch each (alone, where variants.txt says so), and pass the plugin without the fault,
and each plugin that is only unusual (~). --write makes their rows of VARIANTS.md.
The last line counts variants that are caught and those that are not."""
import argparse
import concurrent.futures
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
GOOD = {"broken-mem": "storage-mem", "broken-wal": "storage-wal", "broken-sm": "sm-protobuf",
        "broken-transport": "transport-grpc"}  # who does the work for whom
# Of these plugins variants are made by a changed line in one of their folders: folder -> its objects.
CHANGED = {"storage-wal": {"plugins/storage-wal": "storage-wal.dir", "libs/storage-parts": "storage_parts.dir"},
           "storage-through": {"tests/stacked": "storage-through.dir"},
           "sm-through": {"tests/stacked": "sm-through.dir"},
           "transport-through": {"tests/stacked": "transport-through.dir"}}
OPTIONS = {"storage-wal": ["segment_bytes=256KiB"],
           "storage-through": ["over=storage-wal", "under.segment_bytes=256KiB"],
           "sm-through": ["over=sm-protobuf"], "transport-through": ["over=transport-grpc"]}
HANGING = {"never_called", "hangs", "called_under_a_lock", "cancel_not_told", "abort_finishes", "sulks",
           "never_kicks", "view_endless", "client_cancel_not_told"}  # faults that are caught by waiting ...
LIMIT_S = 4  # ... so long
RIGHT = "~"  # before a law: the plugin is right, only unusual, and the law must hold
NO_COMMANDS = "takes no command that the suite knows"
JOBS = 4  # most of the time they wait


def variants():
    for line in (HERE / "variants.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            law, plugin, name, *rest = [part.strip() for part in line.split(" | ")]
            alone = law.startswith("=")  # no other law of the level basic may be broken
            yield law.removeprefix("="), plugin, name, rest, alone


def plugin_of(file, commands):
    """Which of CHANGED a file belongs to, and in which of its folders it is."""
    objects = [c["command"] for c in commands if pathlib.Path(c["file"]) == ROOT / file]
    for plugin, sources in CHANGED.items():
        for room, target in sources.items():
            if file.startswith(f"{room}/") and any(target in command for command in objects):
                return plugin, room
    raise ValueError(f"{file} is of no plugin that is changed")


def compiled(build, file, old, new, folder):
    """A plugin with one text of a FILE of it replaced: that file is compiled, the other objects are the good ones."""
    text = (ROOT / file).read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise ValueError(f"the text stands {text.count(old)} times in {file}")
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    plugin, room = plugin_of(file, commands)
    changed, out = folder / pathlib.Path(file).name, folder / f"{plugin}.so"
    changed.write_text(text.replace(old, new), encoding="utf-8")
    own = [(pathlib.Path(c["file"]), shlex.split(c["command"]), pathlib.Path(c["directory"])) for c in commands
           if any(pathlib.Path(c["file"]).parent == ROOT / of and target in c["command"]
                  for of, target in CHANGED[plugin].items())]
    objects = [folder_of / words[words.index("-o") + 1] for path, words, folder_of in own if path != ROOT / file]
    words = next(words for path, words, _ in own if path == ROOT / file)
    words = words[next(i for i, word in enumerate(words) if word.endswith(("/cc", "/gcc", "/clang"))):]  # no ccache
    words = [word for word in words if word != "-Werror"]
    words[words.index("-o") + 1] = str(folder / "changed.o")
    words[words.index("-c") + 1] = str(changed)
    sanitize = [word for word in words if word.startswith("-fsanitize")]
    subprocess.run(words + ["-iquote", str(ROOT / room)], check=True, capture_output=True, cwd=build)
    subprocess.run([words[0], "-shared", *sanitize, "-o", out, folder / "changed.o", *objects, "-lpthread"], check=True,
                   capture_output=True)
    return out


def suite(build, plugin, options, laws, scratch, slow, limit_s):
    """What rkv-contract says about a plugin: law -> (result, text). No laws: all of level basic."""
    words = [build / "rkv-contract", plugin, "--json", "-", "--scratch", scratch, "--slow", slow,
             *(() if laws else ("--level", "basic"))]
    if limit_s:
        words += ["--limit", str(limit_s)]
    for option in options:
        words += ["--option", option]
    for law in laws:
        words += ["--only", law]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode == 64 and NO_COMMANDS in done.stderr:  # told before the laws, once
        return {"takes_commands": ("failed", done.stderr.strip())}
    if not done.stdout:
        raise ValueError(done.stderr.strip() or "rkv-contract says nothing")
    return {law["name"]: (law["result"], law["text"]) for law in json.loads(done.stdout)["laws"]}


def on_variant(build, variant, laws, slow):
    _, plugin, name, rest, _ = variant
    with tempfile.TemporaryDirectory(prefix="rkv-variant-") as folder:
        folder = pathlib.Path(folder)
        if plugin in GOOD:
            file = build / "tests" / "contract-plugins" / f"{plugin}.so"
            options = [f"good={build}/plugins/{GOOD[plugin]}.so", f"fault={name}"]
        else:
            file = compiled(build, plugin, rest[0], rest[1], folder)
            options = [f"over={build}/plugins/{option[5:]}.so" if option.startswith("over=") else option
                       for option in OPTIONS[file.stem]]
        return suite(build, file, options, laws, folder, slow, LIMIT_S if name in HANGING else 0)


def on_good(build, plugin, laws, slow):
    """The laws that do not hold for the plugin without a fault."""
    results = on_variant(build, (None, plugin, "none", [], False), sorted(laws), slow)
    return [f"{law}: {text}" for law, (result, text) in results.items() if result != "passed"]


def judge(build, variant, slow):
    law, alone = variant[0].removeprefix(RIGHT), variant[4]
    try:
        results = on_variant(build, variant, [], slow) if alone else {}
        if law not in results:
            results.update(on_variant(build, variant, [law], slow))
    except (ValueError, subprocess.CalledProcessError) as error:
        return variant, False, f"cannot be tried: {error}"
    result, text = results.get(law, ("not tried", ""))
    if variant[0].startswith(RIGHT):
        return variant, result == "passed", text
    others = [f"{name}: {why}" for name, (how, why) in results.items() if how == "failed" and name != law]
    if alone and result == "failed" and others:
        return variant, False, "not alone: " + "; ".join(others)
    return variant, result == "failed", text


def place(variant):
    """The first three columns of a variant's row."""
    law, plugin, name, rest, alone = variant
    if plugin in GOOD:
        what, where = rest[0], f"{GOOD[plugin]}, fault {name}"
    else:
        what, where = name, f"{pathlib.Path(plugin).name} of {pathlib.Path(plugin).parent.name}, a line changed"
    return f"| {what} | {where} | {law}{', alone' if alone else ''} |"


def row(variant, caught, text):
    lines = [line for line in text.splitlines() if line.strip()] or [""]
    said = lines[-1 if variant[0] == "model" else 0][:150].replace("|", "\\|")
    if variant[0].startswith(RIGHT):
        return f"{place(variant)} {'it holds' if caught else 'ACCUSED'} |"
    return f"{place(variant)} {said if caught else 'NOT CAUGHT'} |"


def write(rows):
    """VARIANTS.md with new rows (place -> row); the others stay as they are."""
    file = HERE / "VARIANTS.md"
    old = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    lines = ["# Plugins broken on purpose, and the law that catches each", "",
             "Made by `tests/contract/self/variants.py build/release --write` from variants.txt.",
             "`alone`: no other law of level basic is broken.",
             "`~`: the plugin is right, only unusual, and the law holds.", "",
             "| what is wrong | where | law | what it says |", "| --- | --- | --- | --- |"]
    for start in map(place, variants()):
        lines.append(rows.get(start) or next((line for line in old if line.startswith(start)), f"{start} not tried |"))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="catch every plugin that is broken on purpose")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("names", nargs="*", help="only variants whose name contains one of these")
    parser.add_argument("--write", action="store_true", help="write their rows of VARIANTS.md")
    parser.add_argument("--every", type=int, default=1, help="only each Nth of them (1)")
    parser.add_argument("--own", action="store_true", help="not whether the law is alone: a third of the time")
    parser.add_argument("--slow", default="1", help="limits are so many times longer")
    options = parser.parse_intermixed_args()
    if options.write and options.own:
        parser.error("--write needs to know which law is alone: without --own")
    build = options.build.resolve()
    tried = [v for v in variants() if not options.names or any(part in v[2] for part in options.names)]
    tried = tried[::options.every]
    if options.own:
        tried = [(*v[:4], False) for v in tried]
    missed, rows = 0, {}
    for plugin in GOOD:
        laws = {v[0].removeprefix(RIGHT) for v in tried if v[1] == plugin}
        for finding in on_good(build, plugin, laws, options.slow) if laws else []:
            print(f"NO FAULT  {plugin} breaks {finding}")
            missed += 1
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for variant, caught, text in pool.map(lambda v: judge(build, v, options.slow), tried):
            missed += not caught
            rows[place(variant)] = row(variant, caught, text)
            good, bad = ("holds", "ACCUSED") if variant[0].startswith(RIGHT) else ("caught", "NOT CAUGHT")
            print(f"{good if caught else bad:10}  {variant[2]:30} by {variant[0]}", flush=True)
            if not caught:
                print(f"            {text}")
    if options.write:
        write(rows)
    print(f"{len(tried) - min(missed, len(tried))} passed, {missed} failed")
    return 1 if missed or not tried else 0


if __name__ == "__main__":
    sys.exit(main())
