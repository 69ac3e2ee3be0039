#!/usr/bin/python3
"""draw.py [--rewrite]: a picture of each room of floors.txt in docs/pictures, made from its includes and calls.

A box is a file with its header, a row is a floor. A line leads down to what the file needs; a line that others imply
(A needs B, B needs C: A to C) is left out. Without --rewrite: says which picture is not what the sources say.
"""
import pathlib
import sys

import floors
import way

FOLDER = floors.ROOT / "docs/pictures"
CHAR, BOX, ROW, GAP, EDGE = 7.4, 26, 64, 14, 20  # width of a letter; heights and distances, in pixels


def width_of(unit):
    return CHAR * len(unit) + 18


def needed(room):
    """(unit, unit) without those that others imply."""
    below = {unit: {o for u, o in room.arrows() if u == unit} for unit in room.units}
    deep = {}

    def reach(unit):
        if unit not in deep:
            deep[unit] = set(below[unit]).union(*(reach(o) for o in below[unit])) if below[unit] else set()
        return deep[unit]

    return [(u, o) for u in room.units for o in sorted(below[u]) if not any(o in reach(x) for x in below[u] - {o})]


def picture(room, rows):
    widths = [sum(map(width_of, row)) + GAP * (len(row) - 1) for row in rows]
    width, height = max(widths) + 2 * EDGE, ROW * (len(rows) - 1) + BOX + EDGE
    at = {}
    for number, row in enumerate(rows):
        x = (width - widths[number]) / 2
        for unit in row:
            at[unit] = (x, EDGE / 2 + ROW * number)
            x += width_of(unit) + GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="monospace" font-size="12">',
        f"<title>{room.room}: its files on their floors</title>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
    ]
    for unit, other in needed(room):
        (x, y), (to_x, to_y) = at[unit], at[other]
        x, to_x = x + width_of(unit) / 2, to_x + width_of(other) / 2
        lines.append(f'<path d="M{x:.0f} {y + BOX:.0f} L{to_x:.0f} {to_y:.0f}" stroke="#8aa0b8" stroke-width="0.8"/>')
    for unit, (x, y) in at.items():
        lines.append(f'<rect x="{x:.0f}" y="{y:.0f}" width="{width_of(unit):.0f}" height="{BOX}" rx="4" fill="#eef3f8" '
                     'stroke="#4a6a8a"/>')
        middle = x + width_of(unit) / 2
        lines.append(f'<text x="{middle:.0f}" y="{y + 17:.0f}" text-anchor="middle" fill="#1c2b3a">{unit}</text>')
    return "\n".join(lines + ["</svg>"]) + "\n"


def pictures():
    yield FOLDER / "way-of-a-write.svg", way.picture()
    rooms = floors.listed()
    for name, (_, rows) in rooms.items():
        room = floors.room_of(name, rooms)
        if not list(floors.findings_of(room, None, rows)):
            yield FOLDER / f"{name.replace('/', '-')}.svg", picture(room, rows)


def check():
    wanted = dict(pictures())
    for path, text in wanted.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield f"{path.relative_to(floors.ROOT)}: not what the sources say (tests/style/draw.py --rewrite)"


def main(args):
    if args == ["--rewrite"]:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path, text in pictures():
            path.write_text(text, encoding="utf-8")
        return 0
    found = list(check())
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
