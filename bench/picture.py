"""picture.py: grouped bars as SVG, by hand: a few rectangles are not worth a plotting library."""
from xml.sax.saxutils import escape

COLOURS = ("#2b6cb0", "#c05621", "#a0aec0", "#2f855a", "#805ad5", "#b83280")
BAR, GAP, HEIGHT, LEFT, TOP, BOTTOM = 34, 28, 260, 12, 56, 28


def text(x, y, words, anchor="middle", size=11):
    return (f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-family="sans-serif" font-size="{size}">'
            f"{escape(words)}</text>")


def short(value):
    return f"{value / 1e6:.1f}M" if value >= 1e6 else f"{value / 1e3:.1f}k" if value >= 1e4 else f"{value:.0f}"


def bars(title, groups, one_scale=True):
    """groups: [(label, {series: value})]; the series keep their order and colour. Without `one_scale` each group's
    highest bar is as high as the picture."""
    series = list(dict.fromkeys(name for _, values in groups for name in values))
    highest = max((value for _, values in groups for value in values.values()), default=1)
    width = LEFT * 2 + sum(len(values) * BAR + GAP for _, values in groups)
    out = [text(LEFT, 18, title, "start", 14)]
    x = LEFT
    for i, name in enumerate(series):
        out.append(f'<rect x="{x}" y="28" width="10" height="10" fill="{COLOURS[i % len(COLOURS)]}"/>')
        out.append(text(x + 14, 37, name, "start"))
        x += 34 + 7 * len(name)
    width = max(width, x)
    x = LEFT
    for label, values in groups:
        out.append(text(x + len(values) * BAR / 2, TOP + HEIGHT + 18, label))
        most = highest if one_scale else max(values.values(), default=1)
        for name, value in values.items():
            tall = (HEIGHT - 16) * value / most
            top = TOP + HEIGHT - tall
            out.append(f'<rect x="{x}" y="{top:.1f}" width="{BAR - 4}" height="{tall:.1f}" '
                       f'fill="{COLOURS[series.index(name) % len(COLOURS)]}"/>')
            out.append(text(x + BAR / 2 - 2, round(top - 3, 1), short(value), size=9))
            x += BAR
        x += GAP
    size = f'width="{width}" height="{TOP + HEIGHT + BOTTOM}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n' + "\n".join(out) + "\n</svg>\n"
