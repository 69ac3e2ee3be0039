"""names.py: within one program or library a name of one file means nothing else in another.

A profile, a backtrace and a debugger show the names of static functions and the tags of structs without their files:
`run` in six files says nothing. IMAGES lists what is linked together: rooms whose files share one program or library.
"""
import re

import c_text

IMAGES = (
    ("core/raft", "core/node", "core/host"),
    ("core/host", "tools/rkv-contract"),
    ("plugins/storage-wal", "libs/storage-parts"),
    ("plugins/storage-rocksdb", "libs/storage-parts"),
    ("plugins/storage-lmdb", "libs/storage-parts"),
    ("plugins/storage-crypt", "libs/storage-parts"),
    ("tools/client", "tools/rkvctl"),
    ("plugins/sm-protobuf",),
    ("share/skeletons/transport",),
)
DEFINITION = re.compile(r"^(?:__attribute__\(\(.*?\)\) )?static [^;=({}]*?\b(?P<function>\w+)\([^;{]*\) \{"
                        r"|^(?P<kind>struct|enum|union) (?P<tag>\w+) \{", re.M)


def definitions(file):
    """(line, what) of each static function of a .c file and of each tag."""
    for match in DEFINITION.finditer(file.code):
        name = match.group("function")
        if name and file.kind == ".h":
            continue
        yield (c_text.line_of(file.code, match.start()),
               f"static {name}" if name else f"{match.group('kind')} {match.group('tag')}")


def one_meaning(files):
    for image in IMAGES:
        first = {}
        for file in files:
            if not file.is_c or not file.path.startswith(tuple(f"{room}/" for room in image)):
                continue
            for line, what in definitions(file):
                other = first.setdefault(what, file)
                if other is not file:
                    yield file.at(line, f"{what} is another one in {other.path} (let both names say whose they are)")
