#!/usr/bin/python3
"""check_itself.py: plants one offence per rule into an empty tree and wants each found, at its line, and no other."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LONG = "int f(int a);\nint f(int a) {\n" + "  a++;\n" * 69 + "  return a;\n}\n"

# file, what stands behind the first line, the finding's line, a part of its text
OFFENCES = [
    ("core/raft/columns.c", "int a" + "b" * 100 + ";\n", 2, "columns (at most 100"),
    ("core/raft/tab.c", "int\ta;\n", 2, "tab or trailing space"),
    ("core/raft/trailing.c", "int a; \n", 2, "tab or trailing space"),
    ("core/raft/newline.c", "int a;", 2, "no newline"),
    ("core/raft/long_file.c", "int a;\n" * 350, 351, "351 lines (at most 350"),
    ("plugins/storage-mem/storage-mem.c", "int a;\n" * 250, 251, "251 lines (at most 250"),
    ("core/raft/long_function.c", LONG, 3, "f has 72 lines (at most 70"),
    ("core/host/extern_c.c", 'extern "C" {\n' + LONG + "}\n", 4, "f has 72 lines"),
    ("core/raft/unfinished.c", "/* TODO: think */\n", 2, "unfinished"),
    ("tools/copies.c", "void f(void) { strcpy(a, b); }\n", 2, "calls strcpy"),
    ("tools/runs.c", "void f(void) { system(a); }\n", 2, "calls system"),
    ("core/node/prints.c", "void f(void) { printf(a); }\n", 2, "calls printf"),
    ("plugins/p/exits.c", "void f(void) { exit(1); }\n", 2, "calls exit"),
    ("core/raft/clock.c", "void f(void) { time(0); }\n", 2, "calls time"),
    ("core/node/clock.c", "void f(void) { clock_gettime(1, a); }\n", 2, "calls clock_gettime"),
    ("core/raft/writes.c", "void f(void) { write(1, a, 1); }\n", 2, "calls write"),
    ("core/node/asks.c", "void f(void) {\n  s = n->plugins.sm->apply(g(a), &b->error);\n}\n", 3,
     "asks a plugin's apply"),
    ("core/raft/up.c", "#include <node/node.h>\n", 2, "includes node/node.h"),
    ("core/node/up.c", "#include <host/host.h>\n", 2, "includes host/host.h"),
    ("core/host/down.c", "#include <raft/raft.h>\n", 2, "includes raft/raft.h"),
    ("plugins/p/core.c", "#include <raft/raft.h>\n", 2, "includes raft/raft.h"),
    ("plugins/p/dots.c", '#include "../q/q.h"\n', 2, "includes ../q/q.h"),
    ("plugins/p/stranger.c", '#include "stranger.h"\n', 2, "which is not in plugins/p"),
    ("libs/l/up.c", "#include <node/node.h>\n", 2, "includes node/node.h"),
    ("libs/l/beside.c", "#include <m/m.h>\n", 2, "a file in libs/l may include rkv/ and its own"),
    ("libs/l/exits.c", "void f(void) { exit(1); }\n", 2, "calls exit"),
    ("core/host/library.c", "#include <l/l.h>\n", 2, "includes l/l.h"),
    ("core/raft/header.c", "#include <pthread.h>\n", 2, "includes <pthread.h>"),
    ("core/include/rkv/header.h", "#include <pthread.h>\n", 2, "includes <pthread.h>"),
    ("share/skeletons/s/exits.c", "void f(void) { exit(1); }\n", 2, "calls exit"),
    ("share/skeletons/s/core.c", "#include <raft/raft.h>\n", 2, "includes raft/raft.h"),
    ("core/node/number.c", 'void f(void) {\n  g("%d", (unsigned long long)a);\n}\n', 3, "unsigned long long"),
    ("plugins/transport-grpc/llu.c", "static unsigned long long llu(uint64_t a) {\n  return a;\n}\n", 2,
     "unsigned long long"),
    ("core/host/loop.c", "void f(void) {\n  size_t i;\n  for (i = 0; i < 3; i++) g(i);\n}\n", 3, "i outlives its loop"),
    ("tools/truth.c", "int f(int status) {\n  if (!status) return 1;\n  return 2;\n}\n", 3, "a status as a truth"),
    ("bench/truth.c", "int f(struct a *a) {\n  if (a->status) return 1;\n  return 2;\n}\n", 3, "a status as a truth"),
    ("core/raft/late_include.c", "int a;\n#include <string.h>\n", 3, "includes below the declaration of line 2"),
    ("tests/unit/u/story.c", "int main(void) {\n  return 0;\n}\n", 2, "a program of tests (name it NAME_test.c)"),
    ("tests/unit/u/acts_test.h", "int a;\n", 1, "has no main"),
    ("core/node/closes.h", "/* A name for\n * it.\n */\nint a;\n", 4, "ends a comment on a line of its own"),
    ("core/node/macro.h", "#define A \\\n  4 /* of a \\\n    thing */\n", 3, "a comment within a macro"),
    ("plugins/p/typedef.c", "typedef struct p *p_ptr;\n", 2, "typedef of a struct"),
]
# Invariants: the top comment's second line, the code, the finding's line, a part of its text ("" = none).
INVARIANTS = [
    ("core/raft/asserted.h", " * (Z1) a < b.", "int a;\n", 0, ""),
    ("core/raft/asserts.c", "", "void f(void) {\n  assert(a <\n         b); /* (Z1) */\n}\n", 0, ""),
    ("core/node/unasserted.h", " * (Z1) a < b.", "/* (Z1) */\nint a;\n", 2, "(Z1) is in no assert of core/node"),
    ("core/host/twice.h", " * (Z2) a < b.", "void f(void) { assert(a < b); } /* (Z2) */\n", 0, ""),
    ("core/host/twice_too.h", " * (Z2) c < d.", "int a;\n", 2, "(Z2) is a number of core/host/twice.h too"),
    ("plugins/p/free.h", " * (Z1) a < b.", "int a;\n", 0, ""),
]
# Names: two files of one image; the second one's finding ("" = none).
NAMES = [
    ("core/node/names_a.c", "struct twin {\n  int a;\n};\nstatic int twice(int a) {\n  return a;\n}\n", 0, ""),
    ("core/raft/names_b.c", "static int twice(int a) {\n  return a;\n}\n", 2,
     "static twice is another one in core/node/names_a.c"),
    ("core/raft/names_c.c", "int a;\nstruct twin {\n  int b;\n};\n", 3,
     "struct twin is another one in core/node/names_a.c"),
    ("plugins/sm-protobuf/names_d.c", "static int twice(int a) {\n  return a;\n}\n", 0, ""),
]
# What looks like an offence and is none.
INNOCENT = [
    ("core/raft/ok.c", '/* printf(a), time(0) */\nint f(int time_ms);\nint f(int a) {\n  return a + *"system(";\n}\n'),
    ("core/raft/log.h", "int runtime(int a);\n"),
    ("core/raft/ok_include.c", '#include "log.h"\n#include <raft/log.h>\n#include <rkv/types.h>\n'),
    ("core/node/asks_well.c", "void f(void) { s = g(a->sm_ops->open(b, outcome_clear(error)), error); }\n"),
    ("core/node/kernel/executor.c", "void f(void) { clock_gettime(1, a); }\n"),
    ("core/host/main.c", "#include <node/node.h>\nvoid f(void) {\n  printf(a);\n  exit(1);\n}\n"),
    ("core/node/compares.c",
     "int f(int status) {\n  unsigned i = g(status);\n  if (status != 0 && !status_of(i)) return 1;\n  return 2;\n}\n"),
    ("plugins/p/ok.c", "#include <rkv/rkv.h>\n#include <app.pb-c.h>\nvoid f(void) { a->write(b); }\n"),
    ("plugins/p/library.c", "#include <l/l.h>\n"),
    ("libs/l/ok.c", "#include <rkv/rkv.h>\n#include <fcntl.h>\n"),
    ("libs/m/m.h", "int m(void);\n"),
    ("tests/unit/ok.c", '#include "../support/x.h"\nvoid f(void) { srand(rand()); }\n'),
]
# A room with floors, top above low above ground: file, text; then what is found, and a part of its text.
FLOORS = "plugins/floors reach 2 under top\n  top\n  low\n  ground\n"
FLOORED = [
    ("plugins/floors/top.c", '#include "low.h"\nint top(void) { return low() + 1; }\n'),
    ("plugins/floors/low.h", "int low(void);\n"),
    ("plugins/floors/low.c", "int low(void) { return ground() + far(); }\n"),
    ("plugins/floors/ground.c",
     '#include "low.h"\nint far(void) { return ground(); }\nint ground(void) { return top(); }\n'),
    ("plugins/floors/lone.c", "int lone(void);\n"),
]
FLOOR_OFFENCES = [
    ("plugins/floors/ground.c:2: ", "ground stands on floor 0 and may not need low on floor 1"),
    ("plugins/floors/ground.c:4: ", "ground calls top"),
    ("plugins/floors/ground.c:4: ", "ground reaches 4 functions by calls (at most 2)"),
    ("plugins/floors/low.c:2: ", "low reaches 4 functions"),
    ("plugins/floors/ground.c:3: ", "far reaches"),
    ("plugins/floors/lone: ", "stands on no floor"),
]
# The same for compiled objects: source, text, part of the finding ("" = none).
COMPILED = [
    ("core/raft/state.c", "static int n;\nint f(void);\nint f(void) { return n++; }\n", "mutable state `n` in .bss"),
    ("core/node/local.c", "int f(void);\nint f(void) { static int n = 4; return n++; }\n", "mutable state `n."),
    ("core/raft/calls.c", "long time(long *);\nlong f(void);\nlong f(void) { return time(0); }\n", "calls `time`"),
    ("core/raft/pure.c", "#include <string.h>\nint own(void) { return (int)strlen(__FILE__); }\n", ""),
    ("core/raft/uses.c", "int own(void);\nint f(void);\nint f(void) { return own(); }\n", ""),
    ("core/host/table.c", "extern int own(void);\nint (*const table[])(void) = {own};\n", ""),
]


def plant(root, path, text, top=""):
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"/* {target.name}: planted.{top and chr(10) + top} */\n{text}")


def check_sources(root):
    for path, text in INNOCENT:
        plant(root, path, text)
    for path, text, _, _ in OFFENCES:
        plant(root, path, text)
    for path, text in FLOORED:
        plant(root, path, text)
    for path, text, _, _ in NAMES:
        plant(root, path, text)
    (root / "tests/style/floors.txt").write_text(FLOORS)
    subprocess.run((sys.executable, root / "tests/style/draw.py", "--rewrite"), check=True)
    for path, top, text, _, _ in INVARIANTS:
        plant(root, path, text, top)
    (root / "tools/nameless.c").write_text("int a;\n")
    wanted = [(f"{path}:{line}: ", part) for path, _, line, part in OFFENCES]
    wanted += [(f"{path}:{line}: ", part) for path, _, _, line, part in INVARIANTS if part]
    wanted += [(f"{path}:{line}: ", part) for path, _, line, part in NAMES if part]
    return run(root), wanted + FLOOR_OFFENCES + [("tools/nameless.c:1: ", "does not say what it is")]


def check_objects(root):
    for path, text, _ in COMPILED:
        plant(root, path, text)
        folder, name = path.rsplit("/", 1)
        target = root / "build" / folder / "CMakeFiles" / "room.dir" / f"{name}.o"
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(("cc", "-O1", "-fPIC", "-fno-builtin", "-c", root / path, "-o", target), check=True)
    (root / "build/plugins").mkdir()
    plant(root, "linked.c", "static int hidden;\nint own_too(void);\nint own_too(void) { return hidden++; }\n")
    subprocess.run(("cc", "-shared", "-fPIC", root / "core/raft/pure.c", root / "linked.c", "-o",
                    root / "build/plugins/p.so"), check=True)
    wanted = [(f"{path}:1: ", part) for path, _, part in COMPILED if part]
    wanted += [("plugins/p:1: ", "mutable state `hidden` in .bss (of what is linked into it"),
               ("plugins/p:1: ", "exports `own`"), ("plugins/p:1: ", "exports `own_too`"),
               ("plugins/p:1: ", "does not export rkv_plugin_entry")]
    return run(root, "--objects", root / "build"), wanted


def run(root, *args):
    """The findings; clang-format's opinion of what was planted is not what is tested here."""
    done = subprocess.run((sys.executable, root / "tests/style/check.py", *args), capture_output=True, text=True,
                          check=False)
    if done.returncode != 1:
        return [f"check.py: exit code {done.returncode} instead of 1 {done.stderr}"]
    return [line for line in done.stdout.splitlines()[:-1] if "clang-format -i" not in line]


def main():
    passed = failed = 0
    for part in (check_sources, check_objects):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            (root / "tests/style").mkdir(parents=True)
            for tool in ("check.py", "c_text.py", "draw.py", "floors.py", "names.py", "objects.py", "way.py"):
                shutil.copy(HERE / tool, root / "tests/style")
            found, wanted = part(root)
        missed = [w for w in wanted if not any(f.startswith(w[0]) and w[1] in f for f in found)]
        wrong = [f for f in found if not any(f.startswith(w[0]) and w[1] in f for w in wanted)]
        for at, text in missed:
            print(f"{at}not found: {text}")
        for finding in wrong:
            print(f"{finding}   <- no offence")
        passed += len(wanted) - len(missed)
        failed += len(missed) + len(wrong)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
