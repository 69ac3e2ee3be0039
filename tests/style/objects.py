"""objects.py: what the compiled objects say that sources cannot: mutable state, and what core/raft calls."""
import pathlib
import re
import subprocess

# All that consensus may need of the world (fortified and compiler-made variants included): memory and strings.
PURE = re.compile(r"""malloc|calloc|realloc|free|qsort|bsearch|
  mem(cpy|move|set|cmp|chr)|__mem(cpy|move|set)_chk|str(len|cmp|ncmp|nlen|chr)|
  v?snprintf|__v?snprintf_chk|__stack_chk_fail|__assert_fail|_GLOBAL_OFFSET_TABLE_|bcmp""", re.X)
CONSTANT_DATA = (".data.rel.ro",)  # const tables of pointers: written by the dynamic linker only
# What the compiler and its libraries put into every plugin.
COMPILERS = re.compile(r"(completed\.\d+|__dso_handle|__TMC_END__|_edata|_end|__bss_start|_ZStL8__ioinit|__cpu_\w+)$")
DESCRIPTOR = "rkv_plugin_entry"


def nm(*args):
    return subprocess.run(("nm", *map(str, args)), capture_output=True, text=True, check=True).stdout.splitlines()


def find(build, root, rooms):
    """(source, object) of each object under the rooms whose source is still there."""
    for room in rooms:
        for obj in sorted(path for kind in ("*.c.o", "*.cc.o") for path in pathlib.Path(build, room).rglob(kind)):
            source = re.sub(r"CMakeFiles/[^/]+\.dir/", "", str(obj.relative_to(build)))[: -len(".o")]
            if pathlib.Path(root, source).is_file():
                yield source, obj


def mutable(file):
    """(name, section) of each symbol of an object or plugin that lies in data that is written to."""
    for line in nm("--format=sysv", file):
        fields = [field.strip() for field in line.split("|")]
        if len(fields) < 7:
            continue
        name, section = fields[0], fields[6]
        written = section.startswith((".data", ".bss", ".tdata", ".tbss", "*COM*", ".lbss", ".ldata"))
        if written and not section.startswith(CONSTANT_DATA):
            yield name, section


def state_findings(build, root):
    """Mutable file-scope (or static local) state in core/, libs/ and plugins/, and in what a plugin is linked from."""
    seen = 0
    for source, obj in find(build, root, ("core", "libs", "plugins")):
        seen += 1
        for name, section in mutable(obj):
            yield f"{source}:1: mutable state `{name}` in {section} (several nodes live in one process: put it " \
                  "into the instance, or make it const)"
    for plugin in sorted(pathlib.Path(build, "plugins").glob("*.so")):
        for name, section in mutable(plugin):
            if not COMPILERS.match(name):
                yield f"plugins/{plugin.stem}:1: mutable state `{name}` in {section} (of what is linked into it: " \
                      "several nodes live in one process)"
    if seen == 0:
        yield f"{build}:1: no objects of core/ or plugins/ (build first)"


def raft_findings(build, root):
    """Symbols that core/raft takes from outside itself and that are not memory or strings."""
    objects = list(find(build, root, ("core/raft",)))
    own = {line.split()[-1] for _, obj in objects for line in nm("--defined-only", obj) if line.split()}
    for source, obj in objects:
        for line in nm("-u", obj):
            name = line.split()[-1]
            if name not in own and not PURE.fullmatch(name):
                yield f"{source}:1: calls `{name}` (core/raft is a pure function: time, chance and threads come in " \
                      "as arguments, I/O goes out as outputs)"
    if not objects:
        yield f"{build}:1: no objects of core/raft (build first)"


def export_findings(build):
    """Each plugin exports its descriptor and nothing else."""
    plugins = sorted(pathlib.Path(build, "plugins").glob("*.so"))
    for plugin in plugins:
        exported = [line.split()[-1] for line in nm("-D", "--defined-only", plugin) if line.split()]
        for name in exported:
            if name != DESCRIPTOR:
                yield f"plugins/{plugin.stem}:1: exports `{name}` (a plugin exports {DESCRIPTOR} only: make it static)"
        if DESCRIPTOR not in exported:
            yield f"plugins/{plugin.stem}:1: does not export {DESCRIPTOR} (RKV_PLUGIN_EXPORT is missing)"
    if not plugins:
        yield f"{build}:1: no plugins (build first)"
