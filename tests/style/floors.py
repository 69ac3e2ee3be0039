#!/usr/bin/python3
"""floors.py [--suggest ROOM | --reach ROOM [N]]: a room's files stand on floors, and calls and includes point down.

floors.txt lists the floors of each room. Without an argument: one line per finding, then a line per room with its
files, floors and the function that reaches the most. --suggest derives the floors of a room without a circle;
--reach lists the N functions that reach the most, with how many functions and files.
"""
import pathlib
import re
import sys

import c_text

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIST = pathlib.Path(__file__).with_name("floors.txt")
CALL = re.compile(r"(?<![\w.])(\w+)\s*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]', re.M)


def unit_of(path, room, alone=()):
    """A .c file and its header are one unit, named without ending; `alone`: interfaces and states by themselves."""
    name = str(path.relative_to(ROOT / room))
    return name if name in alone else str(pathlib.PurePath(name).with_suffix(""))


class Room:
    """The units of a folder, their functions, and who calls and includes whom."""

    def __init__(self, room, below=(), alone=()):
        self.room = room
        self.alone = alone
        self.paths = [p for p in sorted((ROOT / room).rglob("*")) if p.suffix in (".c", ".h", ".cc")
                      and not any(p.is_relative_to(ROOT / other) for other in below)]
        self.units = sorted({unit_of(p, room, alone) for p in self.paths})
        self.bodies = {}  # (unit, function) -> its text
        self.shared = {}  # function that other units may call -> unit
        self.where = {}  # (unit, function) -> FILE:LINE
        self.includes = {}  # (unit, unit) -> FILE:LINE
        for path in self.paths:
            self._read(path)
        self.calls = {key: self._called(key) for key in self.bodies}

    def _read(self, path):
        unit, text = unit_of(path, self.room, self.alone), path.read_text(encoding="utf-8")
        name = str(path.relative_to(ROOT))
        code = c_text.without_directives(c_text.without_comments(text))
        lines = code.split("\n")
        for function, first, length in c_text.functions(code):
            body = "\n".join(lines[first - 1 : first - 1 + length])
            self.bodies[unit, function] = body
            self.where[unit, function] = f"{name}:{first}"
            if not re.match(r"\s*(?:__attribute__\S+\s+)?static\b", body) or path.suffix == ".h":
                self.shared[function] = unit
        for match in INCLUDE.finditer(text):
            other = self._unit_named(path, match.group(1))
            if other and other != unit and unit not in self.alone:
                self.includes[unit, other] = f"{name}:{c_text.line_of(text, match.start())}"

    def _unit_named(self, path, name):
        for base in (path.parent, ROOT / self.room, ROOT / self.room.split("/", maxsplit=1)[0]):
            candidate = (base / name).resolve()
            if candidate in self.paths:
                return unit_of(candidate, self.room, self.alone)
        return None

    def _called(self, key):
        unit, function = key
        head, brace, body = self.bodies[key].partition("{")
        found = set()
        for name in CALL.findall(body if brace else head):
            if (unit, name) in self.bodies:
                found.add((unit, name))
            elif name in self.shared:
                found.add((self.shared[name], name))
        return found - {(unit, function)}

    def arrows(self):
        """(unit, unit) -> where it comes from: an include, or a call."""
        result = dict(self.includes)
        for (unit, function), called in self.calls.items():
            for other, name in called:
                if other != unit:
                    result.setdefault((unit, other), f"{self.where[unit, function]}: {function} calls {name}")
        return result

    def reach(self, key):
        seen, todo = set(), [key]
        while todo:
            for other in self.calls[todo.pop()] - seen:
                seen.add(other)
                todo.append(other)
        return seen

    def circles(self):
        """Sets of units that reach one another."""
        below = {unit: set() for unit in self.units}
        for unit, other in self.arrows():
            below[unit].add(other)
        reached = {}
        for unit in self.units:
            seen, todo = set(), [unit]
            while todo:
                for other in below[todo.pop()] - seen:
                    seen.add(other)
                    todo.append(other)
            reached[unit] = seen
        groups = {frozenset(o for o in reached[u] if u in reached[o]) for u in self.units if u in reached[u]}
        return sorted(sorted(group) for group in groups)

    def derived(self):
        """Floors from the ground up, each unit as low as it can stand; only without a circle."""
        below = {unit: {o for u, o in self.arrows() if u == unit} for unit in self.units}
        floors, placed = [], set()
        while len(placed) < len(self.units):
            floor = sorted(u for u in self.units if u not in placed and below[u] <= placed)
            floors.append(floor)
            placed.update(floor)
        return floors


def listed():
    """room -> ((limit of reach, file above it) or None, floors from the top down)."""
    rooms, room = {}, None
    for line in LIST.read_text(encoding="utf-8").splitlines():
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if not line.startswith(" "):
            room = words[0]
            rooms[room] = ((int(words[2]), words[4]) if words[1:2] == ["reach"] else None, [])
        else:
            rooms[room][1].append(words)
    return rooms


def headers_alone(floors):
    """Interfaces that several files stand behind, and states of all files: what they include binds nobody."""
    return {unit for floor in floors for unit in floor if unit.endswith(".h")}


def room_of(name, rooms):
    """The room as floors.txt lists it: without the rooms inside it."""
    below = [ROOT / other for other in rooms if other.startswith(name + "/")]
    return Room(name, below, headers_alone(rooms[name][1]))


def judged(floors, limit):
    """The units whose reach is limited: those below the file that the limit names; all without a limit."""
    first = next(at for at, floor in enumerate(floors) if limit[1] in floor) + 1 if limit else 0
    return {unit for floor in floors[first:] for unit in floor}


def findings_of(room, limit, floors):
    at = {unit: number for number, floor in enumerate(reversed(floors)) for unit in floor}
    for unit in room.units:
        if unit not in at:
            yield f"{room.room}/{unit}: stands on no floor (name it in tests/style/floors.txt)"
    for unit in sorted(set(at) - set(room.units)):
        yield f"tests/style/floors.txt: {room.room} has no {unit} (remove it)"
    for (unit, other), where in sorted(room.arrows().items()):
        if unit in at and other in at and at[unit] <= at[other]:
            yield f"{where}: {unit} stands on floor {at[unit]} and may not need {other} on floor {at[other]} " \
                  "(move what is needed down)"
    for key in room.bodies if limit else ():
        if len(room.reach(key)) > limit[0] and key[0] in judged(floors, limit) | (set(room.units) - at.keys()):
            yield f"{room.where[key]}: {key[1]} reaches {len(room.reach(key))} functions by calls (at most {limit[0]})"


def check(report=None):
    rooms = listed()
    for name, (limit, floors) in rooms.items():
        room = room_of(name, rooms)
        yield from findings_of(room, limit, floors)
        if report is not None:
            most = max((key for key in room.bodies if key[0] in judged(floors, limit)),
                       key=lambda key: len(room.reach(key)))
            report.append(f"{name}: {len(room.units)} files on {len(floors)} floors; {most[1]} reaches "
                          f"{len(room.reach(most))} of {len(room.bodies)} functions")


def main(args):
    if len(args) == 2 and args[0] == "--suggest":
        room = Room(args[1], alone=headers_alone(listed().get(args[1], (None, []))[1]))
        for circle in room.circles():
            print("circle:", " ".join(circle))
        if not room.circles():
            print(args[1], *("  " + " ".join(floor) for floor in reversed(room.derived())), sep="\n")
        return 0
    if len(args) in (2, 3) and args[0] == "--reach":
        room = Room(args[1])
        for key in sorted(room.bodies, key=lambda k: -len(room.reach(k)))[: int(args[2]) if len(args) > 2 else 20]:
            print(f"{len(room.reach(key)):4d} functions in {len({u for u, _ in room.reach(key)}):2d} files  {key[1]}")
        return 0
    if args:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 64
    report, found = [], []
    found.extend(check(report))
    print("\n".join(found + report))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
