#!/usr/bin/python3
"""check.py [--objects BUILD]: style.md as far as a script can see it (its rule 20).

Without an argument it reads the sources; with --objects the compiled objects of a build without sanitizers. One line
per finding, `FILE:LINE: what (remedy)`; the last line counts the rules that hold and those that do not.
"""
import pathlib
import re
import shutil
import subprocess
import sys

import c_text
import draw
import floors
import names
import objects

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ("core", "libs", "plugins", "share", "tools", "bench", "tests", "scripts", "protos", "examples")
COLUMNS = {".c": 100, ".h": 100, ".cc": 100, ".py": 120, ".sh": 130}
FILE_LINES = 350
FILE_LINES_OF = {  # people copy them
    "plugins/storage-mem/storage-mem.c": 250, "share/skeletons/transport/tcp.h": 200,
    "share/skeletons/transport/wire.h": 200}
FUNCTION_LINES = 70
PROGRAMS = ("core/host/", "tools/", "bench/", "tests/")  # these may print, exit and know the time
CLOCK_OWNERS = ("core/node/kernel/executor",)  # where production's time, chance and threads come in

# names -> remedy; scope: which files.
EVERYWHERE = {
    "strcpy strcat stpcpy sprintf vsprintf gets": "use snprintf or memcpy with the room that is there",
    "atoi atol atoll atof": "use strtoull and check where it ended",
    "strtok": "keeps hidden state: use strchr or memchr",
    "alloca": "no bound: use a named maximum or malloc",
    "system popen tmpnam mktemp": "use posix_spawn, mkstemp",
}
IN_LIBRARIES = {
    "printf vprintf fprintf vfprintf dprintf puts fputs putchar putc perror": "log through struct rkv_host",
    "exit _exit _Exit quick_exit abort": "return a status: outside input must never end the process",
    "rand srand random srandom rand_r drand48": "chance is an argument",
    "signal sigaction atexit setlocale": "the process belongs to the host",
}
CLOCKS = {
    "time clock clock_gettime gettimeofday timespec_get nanosleep usleep sleep": "time is an argument",
    "getrandom getentropy arc4random": "chance is an argument",
}
WORLD = {
    "open openat read write close fopen fread fwrite fclose fsync socket send recv poll": "effects leave as outputs",
    "pthread_create pthread_mutex_lock thrd_create mtx_lock": "core/raft knows no threads",
}
RAFT_HEADERS = {"assert.h", "inttypes.h", "limits.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h", "string.h"}
ABI_HEADERS = RAFT_HEADERS | {"stdarg.h", "stdio.h"}
LAYERS = {  # room -> the prefixes of project headers it may include; a plugin: its own folder, rkv/ and libs/*
    "core/include": ("rkv/",),
    "core/raft": ("rkv/", "raft/"),
    "core/node": ("rkv/", "raft/", "node/"),
    "core/host": ("rkv/", "node/", "host/"),
    "share/skeletons/durable-storage": ("rkv/", "storage-parts/"),  # of what is installed for authors
    "share/skeletons/stacked-storage": ("rkv/", "storage-parts/"),
}
LIBRARIES = tuple(f"{path.name}/" for path in sorted((ROOT / "libs").glob("*")) if path.is_dir())
LAYERED = re.compile("(rkv|raft|node|host|core|libs|plugins|tests|tools|bench)/|\\.\\./" +
                     "".join(f"|{re.escape(name)}" for name in LIBRARIES))
ASSERTED = (  # rooms in which each numbered invariant of a file's top comment is asserted
    "core/include", "core/raft", "core/node", "core/host", "libs/raft-wire", "libs/storage-parts",
    "plugins/sm-protobuf", "plugins/storage-crypt", "plugins/storage-lmdb", "plugins/storage-mem",
    "plugins/storage-rocksdb", "plugins/storage-wal", "plugins/transport-grpc", "share/skeletons/durable-storage",
    "share/skeletons/stacked-storage", "share/skeletons/state-machine", "share/skeletons/transport")


class File:
    """A source with its text in the forms that rules ask for."""

    def __init__(self, path):
        self.path = str(path.relative_to(ROOT))
        self.kind = path.suffix
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.splitlines()
        self.is_c = self.kind in (".c", ".h", ".cc")
        self.code = c_text.without_comments(self.text) if self.is_c else ""

    def at(self, line, what):
        return f"{self.path}:{line}: {what}"


def sources():
    """What git knows; everything in the rooms where there is no git (a bare machine, an unpacked archive)."""
    paths = [str(p.relative_to(ROOT)) for room in ROOMS for p in (ROOT / room).rglob("*")]
    if shutil.which("git"):
        listed = subprocess.run(("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", *ROOMS),
                                capture_output=True, text=True, check=False)
        paths = listed.stdout.splitlines() if listed.returncode == 0 else paths
    return [File(ROOT / p) for p in sorted(paths) if (ROOT / p).is_file() and pathlib.Path(p).suffix in COLUMNS]


def calls(file, banned):
    """(line, name, remedy) of each call of a banned function."""
    for names, remedy in banned.items():
        for match in re.finditer(r"(?<![\w.>])(" + "|".join(names.split()) + r")\s*\(", file.code):
            yield c_text.line_of(file.code, match.start()), match.group(1), remedy


# ---- rules: each yields the findings of one file ----

def columns(file):
    """A line fits."""
    limit = COLUMNS[file.kind]
    for number, line in enumerate(file.lines, 1):
        if len(line) > limit:
            yield file.at(number, f"{len(line)} columns (at most {limit}: break it)")


def whitespace(file):
    """No tab, no trailing space, one newline at the end."""
    for number, line in enumerate(file.lines, 1):
        if "\t" in line or line != line.rstrip():
            yield file.at(number, "tab or trailing space (use spaces; remove it)")
    if file.text and not file.text.endswith("\n"):
        yield file.at(len(file.lines), "no newline at the end (add one)")


def file_length(file):
    """A file is one job."""
    limit = FILE_LINES_OF.get(file.path, FILE_LINES)
    if len(file.lines) > limit:
        yield file.at(limit + 1, f"{len(file.lines)} lines (at most {limit}; one job per file: move one out)")


def function_length(file):
    """A function can be seen whole."""
    for name, first, length in c_text.functions(file.code):
        if length > FUNCTION_LINES:
            yield file.at(first, f"{name} has {length} lines (at most {FUNCTION_LINES}; split it)")


def first_line(file):
    """The first line says what the file is, under its own name."""
    name = pathlib.Path(file.path).name
    if file.is_c and not (file.lines and file.lines[0].startswith("/* ") and f"{name}:" in file.lines[0]):
        yield file.at(1, f"does not say what it is (begin with `/* {name}: ...`)")


def unfinished(file):
    """Nothing is left for later."""
    if file.path.startswith("tests/style/"):
        return
    for number, line in enumerate(file.lines, 1):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            yield file.at(number, "unfinished (do it, or open an issue and say what holds now)")


def banned_calls(file):
    """Functions that overflow, hide state, print, or end the process."""
    library = file.path.startswith(("core/", "libs/", "plugins/", "share/")) and not file.path.startswith(PROGRAMS)
    found = list(calls(file, EVERYWHERE)) + (list(calls(file, IN_LIBRARIES)) if library else [])
    for line, name, remedy in sorted(found):
        yield file.at(line, f"calls {name} ({remedy})")


def pure_core(file):
    """Nothing under core/raft and core/node reads a clock or a random source; core/raft does no I/O."""
    if not file.path.startswith(("core/raft/", "core/node/")) or file.path.startswith(CLOCK_OWNERS):
        return
    banned = dict(CLOCKS, **WORLD) if file.path.startswith("core/raft/") else CLOCKS
    for line, name, remedy in calls(file, banned):
        yield file.at(line, f"calls {name} ({remedy})")


def asked_plugins(file):
    """A plugin may leave an error as it was: it is handed one that outcome_clear emptied (node/kernel/outcome.h)."""
    if not file.path.startswith(("core/node/", "core/host/")):
        return
    for match in re.finditer(r"\b(?:sm|storage|transport)(?:_ops)?->(\w+)\(", file.code):
        handed = c_text.arguments(file.code, match.end())
        if re.search(r"\berror\b", handed) and "outcome_clear(" not in handed:
            yield file.at(c_text.line_of(file.code, match.start()),
                          f"asks a plugin's {match.group(1)} with an error that says something (outcome_clear)")


def include_direction(file):
    """Who may know whom: host -> node -> raft -> include/rkv; plugins know libs/*, rkv/, themselves; libraries rkv/."""
    skeleton = file.path.startswith("share/skeletons/")
    room = "/".join(file.path.split("/")[: 3 if skeleton else 2])
    if room not in LAYERS and not room.startswith(("libs/", "plugins/")) and not skeleton:
        return
    allowed = LAYERS.get(room, ("rkv/", *LIBRARIES) if room.startswith("plugins/") else ("rkv/",))
    for number, line in enumerate(file.lines, 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^">]+)[">]', line)
        if not match:
            continue
        quoted, name = match.group(1) == '"', match.group(2)
        own = quoted and (ROOT / room / name).is_file() and ".." not in name
        if LAYERED.match(name) and not own and not name.startswith(allowed):
            yield file.at(number, f"includes {name} (a file in {room} may include {', '.join(allowed)} and its own)")
        elif quoted and not own and not LAYERED.match(name) and not name.endswith(".pb-c.h"):
            yield file.at(number, f"includes {name}, which is not in {room} (a room includes only its own)")
        elif not quoted and room in ("core/raft", "core/include") and not LAYERED.match(name) and \
                name not in (RAFT_HEADERS if room == "core/raft" else ABI_HEADERS):
            yield file.at(number, f"includes <{name}> ({room} needs memory and strings, nothing else)")


def pointer_typedef(file):
    """A pointer can be seen to be one; a struct keeps its tag."""
    for match in re.finditer(r"^\s*typedef\s+(?:const\s+)?(?:struct|union|enum)\b[^;()]*;", file.code, re.M):
        yield file.at(c_text.line_of(file.code, match.start() + len(match.group()) - len(match.group().lstrip())),
                      "typedef of a struct, union or enum (write the tag)")


WORD_FOR_WORD = ("tests/abi-1.0/",)  # the headers and plugins of an old release: nothing in them changes


def numbers(file):
    """A 64-bit number is printed as what it is: no cast, no function that casts."""
    if not file.is_c or file.path.startswith(WORD_FOR_WORD):
        return
    for match in re.finditer(r"\(unsigned long long\)|\bunsigned long long \w+\(|%ll[ux]", file.text):
        yield file.at(c_text.line_of(file.text, match.start()), "prints by way of unsigned long long (PRIu64, PRIx64)")


def loop_variables(file):
    """A loop's variable lives in its loop."""
    if file.path.startswith(WORD_FOR_WORD):
        return
    declared = r"^ +(?:size_t|uint32_t|uint64_t|int|unsigned) (?:\w+, )*([ijk])(?:, \w+)*;"
    for match in re.finditer(declared, file.code, re.M):
        rest = file.code[match.end() : file.code.find("\n}", match.end())]
        if re.search(rf"\bfor \({match.group(1)} = ", rest):
            yield file.at(c_text.line_of(file.code, match.start()), f"{match.group(1)} outlives its loop "
                          f"(for (size_t {match.group(1)} = 0; ...))")


def said_status(file):
    """A status is compared: 0 being success is nothing to know by heart."""
    if file.path.startswith(WORD_FOR_WORD):
        return
    named = r"(?:\w+(?:->|\.))*status"
    as_truth = rf"!{named}\b(?!\s*(?:->|\.|\(|\[))|\b(?:if|while) \({named}(?= &&| \|\||\))"
    for match in re.finditer(as_truth, file.code):
        yield file.at(c_text.line_of(file.code, match.start()), "a status as a truth (compare it with RKV_OK)")


def comment_layout(file):
    """A comment ends behind its last word, and stands above a macro instead of within its lines."""
    if not file.is_c or file.path.startswith(WORD_FOR_WORD):
        return
    for match in re.finditer(r"/\*.*?\*/", c_text.without_literals(file.text), re.S):
        if re.fullmatch(r"\s*\*/", match.group().rsplit("\n", 1)[-1]):
            yield file.at(c_text.line_of(file.text, match.end()), "ends a comment on a line of its own (join them)")
        elif "\\\n" in match.group():
            yield file.at(c_text.line_of(file.text, match.start()), "a comment within a macro's lines (put it above)")


def includes_first(file):
    """What a file needs stands at its top: no include below a declaration."""
    declared = 0
    for number, line in enumerate(c_text.without_directives(file.code).splitlines(), 1):
        if declared and re.match(r"\s*#\s*include\b", file.lines[number - 1]):
            yield file.at(number, f"includes below the declaration of line {declared} (move it up)")
        if not declared and line.strip() and not re.match(r'\s*extern\s*"\s*"\s*\{', line):
            declared = number


def test_names(file):
    """NAME_test.c is a program of tests, anything else under tests/ a helper; main.c is a program that is none."""
    if not file.path.startswith("tests/") or not file.is_c:
        return
    name = pathlib.Path(file.path).name
    main = re.search(r"^int main\(", file.code, re.M)
    if main and not name.endswith("_test.c") and name != "main.c":
        yield file.at(c_text.line_of(file.code, main.start()), "a program of tests (name it NAME_test.c)")
    if not main and re.search(r"_test\.[ch]$", name):
        yield file.at(1, "has no main (NAME_test.c is a program of tests: take another name for a helper)")


def invariants(file):
    """(line, number) of those that the top comment has: `(N1) ...` at the begin of a line."""
    top = re.match(r"/\*.*?\*/", file.text, re.S) if file.is_c else None
    for match in re.finditer(r"^ \* \(([A-Z]\d+)\)", top.group(), re.M) if top else ():
        yield c_text.line_of(file.text, match.start()), match.group(1)


def asserted(files):
    """An invariant has a number because asserts cite it, and it is the only one of its room that has this number."""
    for room in ASSERTED:
        own = [file for file in files if file.path.startswith(room + "/")]
        cited, stated = set(), {}
        for file in own:
            for at, line in enumerate(file.lines):
                if re.search(r"\bassert\(", line):
                    cited.update(re.findall(r"\(([A-Z]\d+)\)", "\n".join(file.lines[max(at - 2, 0):at + 3])))
        for file in own:
            for line, number in invariants(file):
                if number in stated:
                    yield file.at(line, f"({number}) is a number of {stated[number]} too (take another letter)")
                if number not in cited:
                    yield file.at(line, f"({number}) is in no assert of {room} (assert it, or say it without a number)")
                stated.setdefault(number, file.path)


RULES = (columns, whitespace, file_length, function_length, first_line, unfinished, banned_calls, pure_core,
         asked_plugins, include_direction, pointer_typedef, includes_first, comment_layout, test_names, numbers,
         loop_variables, said_status)


def formatted(files):
    """clang-format would change nothing."""
    if not shutil.which("clang-format"):
        print("clang-format is not installed: not checked", file=sys.stderr)
        return
    paths = [file.path for file in files if file.is_c]
    done = subprocess.run(("clang-format", "--dry-run", *paths), cwd=ROOT, capture_output=True, text=True, check=False)
    seen = set()
    for match in re.finditer(r"^(\S+?):(\d+):\d+: (?:warning|error): ", done.stderr, re.M):
        if match.group(1) not in seen:
            yield f"{match.group(1)}:{match.group(2)}: not formatted (clang-format -i {match.group(1)})"
        seen.add(match.group(1))


def main(args):
    if len(args) == 2 and args[0] == "--objects":
        build = pathlib.Path(args[1])
        results = [list(objects.state_findings(build, ROOT)), list(objects.raft_findings(build, ROOT)),
                   list(objects.export_findings(build))]
    elif not args:
        files = sources()
        results = [[finding for file in files for finding in rule(file)] for rule in RULES]
        results.append(list(asserted(files)))
        results.append(list(names.one_meaning(files)))
        results.append(list(formatted(files)))
        results.append(list(floors.check()))
        results.append(list(draw.check()))
        if not any(file.is_c for file in files):
            results.append([f"{ROOT}:1: no sources found (run it in the source tree)"])
    else:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 64
    for findings in results:
        for finding in findings:
            print(finding)
    failed = sum(1 for findings in results if findings)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
