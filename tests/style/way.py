"""way.py: the picture of README.md: the rooms of a node, and the way of a write through them."""

# name, what it owns, x, y, width, height, colour
BOXES = [
    ("client", "Set foo bar", 20, 110, 120, 60, "#f6efe2"),
    ("transport-grpc", "plugin: the wire", 220, 110, 150, 60, "#e4f0e6"),
    ("node", "the loop: calls in, batches out", 420, 110, 170, 60, "#eef3f8"),
    ("raft", "consensus, a pure function", 420, 240, 170, 60, "#eef3f8"),
    ("storage-wal", "plugin: log, vote, snapshots", 620, 60, 200, 60, "#e4f0e6"),
    ("sm-protobuf", "plugin: what commands mean", 620, 160, 200, 60, "#e4f0e6"),
    ("other nodes", "the same, by gRPC", 220, 380, 150, 60, "#f6efe2"),
]
# from x, y, to x, y, number, where the number stands
WAY = [
    (140, 130, 220, 130, "1", 176, 122),
    (370, 130, 420, 130, "2", 392, 122),
    (470, 170, 470, 240, "3", 458, 210),
    (590, 120, 620, 100, "4", 598, 104),
    (275, 170, 275, 380, "5", 262, 290),
    (315, 380, 315, 170, "6", 326, 290),
    (590, 150, 620, 180, "7", 598, 182),
    (420, 155, 370, 155, "8", 394, 172),
    (220, 155, 140, 155, "9", 178, 172),
]
WORDS = [
    "1  the bytes of the message are the command, and are never copied again",
    "2  every call and completion waits in one inbox; what waits is one batch",
    "3  raft gives the batch its log ids and says what must happen",
    "4  one write and one sync for the batch",
    "5  each peer gets the same bytes in an append, split if the peer takes less",
    "6  a quorum answers: the batch is committed",
    "7  the state machine applies the batch",
    "8, 9  each call is answered with the state machine's own bytes",
]
WIDTH, HEIGHT, LINE = 850, 620, 19


def picture():
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        "<title>The rooms of a node, and the way of a write</title>",
        '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="3" orient="auto">'
        '<path d="M0,0 L7,3 L0,6 z" fill="#2f5d8a"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        '<rect x="195" y="25" width="640" height="300" rx="10" fill="#fafbfc" stroke="#9fb0c3" '
        'stroke-dasharray="5 4"/>',
        '<text x="208" y="46" fill="#51657a">raft-key-value: one process, one node</text>',
    ]
    for name, text, x, y, width, height, colour in BOXES:
        middle = x + width / 2
        lines.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{colour}" '
                     'stroke="#4a6a8a"/>')
        lines.append(f'<text x="{middle:.0f}" y="{y + 25}" text-anchor="middle" font-weight="bold">{name}</text>')
        lines.append(f'<text x="{middle:.0f}" y="{y + 44}" text-anchor="middle" font-size="11" fill="#41566b">{text}'
                     "</text>")
    for x, y, to_x, to_y, number, at_x, at_y in WAY:
        lines.append(f'<line x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" stroke="#2f5d8a" stroke-width="1.6" '
                     'marker-end="url(#head)"/>')
        lines.append(f'<text x="{at_x}" y="{at_y}" fill="#2f5d8a" font-weight="bold">{number}</text>')
    for number, text in enumerate(WORDS):
        lines.append(f'<text x="200" y="{470 + LINE * number}" fill="#1c2b3a">{text}</text>')
    return "\n".join(lines + ["</svg>"]) + "\n"
