"""storages_page.py: what storages.py measured, as tables, a page (STORAGES.md), a picture and a part of a document."""
import pathlib
import statistics
from collections import namedtuple

import picture
import table

BASE = "storage-wal"  # the one that others are set beside
PLACES = {"tmpfs": "On tmpfs", "device": "On a device"}
BEGIN, END = "<!-- storages.py: begin -->", "<!-- storages.py: end -->"
DOCUMENT = pathlib.Path(__file__).resolve().parent.parent / "docs" / "choosing-a-storage.md"
MIB = 1 << 20

# A line of the table: what it says, which rows, what of a row, digits; `rate`: more is better, and ratios are told.
Line = namedtuple("Line", "key text what value digits rate")


def appends(batch, window):
    return lambda row: row["appended_per_s"] if (row["batch"], row["window"]) == (batch, window) else None


def of(name, by=1):
    return lambda row: row[name] / by


def per_entry(name):
    return lambda row: row[name] / row["entries"] if row[name] else None


LINES = (
    Line("alone", "appended, entries/s: 1 at a time, each awaited", "append", appends(1, 1), 0, True),
    Line("many", "... 1 at a time, 64 appends on their way", "append", appends(1, 64), 0, True),
    Line("batch", "... 64 at a time, each awaited", "append", appends(64, 1), 0, True),
    Line("stream", "... 64 at a time, 16 appends on their way", "fill", of("appended_per_s"), 0, True),
    Line("read", "read, entries/s: all in order, 1 MiB a read", "fill", of("read_per_s"), 0, True),
    Line("random", "... 64 at a random place", "fill", of("random_per_s"), 0, True),
    Line("start", "start, ms", "start", of("open_ms"), 1, False),
    Line("running", "on the disk, bytes for each entry: running", "fill", per_entry("disk_running"), 0, False),
    Line("stopped", "... stopped", "fill", per_entry("disk_stopped"), 0, False),
    Line("purged", "... stopped, all but 10,000 entries purged, MiB", "start", of("disk_purged", MIB), 0, False),
    Line("memory", "memory, MiB: all entries appended and read", "fill", of("memory", MIB), 0, False),
    Line("mapped", "... of files mapped beside it", "fill", of("mapped", MIB), 0, False),
    Line("started", "... after the start", "start", of("memory", MIB), 0, False),
)
SHORT = {"alone": "1, awaited", "many": "1, 64 on their way", "batch": "64, awaited",
         "stream": "64, 16 on their way", "read": "read in order", "random": "read at random"}

HEAD = """\
Median of the rounds, ± half the spread between them; all storages in turn within each round. An append is awaited
until its completion says that it is durable. "64 appends on their way": a new one is given to the storage as soon as
one of 64 has ended; so a node does, which never waits for its storage before the next append, and so many puts share a
sync. Every entry is read back. "start" is `open` and `load` in a new process after a clean stop, the files' pages
dropped from memory before (on tmpfs they cannot be). Disk: blocks that the file system gave to the files, those that
are kept ready included. Memory: of bench-storage, whose own are 1 to 2 MiB; pages of mapped files can be taken back by
the system at any time. storage-mem keeps what it is given: the memory is that of the entries.
Written by `bench/storages.py`."""


class Results:
    def __init__(self, rows, notes):
        self.rows, self.notes = rows, notes
        self.places = [place for place in PLACES if any(row["place"] == place for row in rows)]
        self.storages = list(dict.fromkeys(row["plugin"] for row in rows if "plugin" in row))

    def by_round(self, place, line, storage):
        """round -> value."""
        found = ((row["round"], line.value(row)) for row in self.rows
                 if (row["place"], row["what"], row.get("plugin")) == (place, line.what, storage))
        return {number: value for number, value in found if value is not None}

    def value(self, place, line, storage):
        values = self.by_round(place, line, storage).values()
        return statistics.median(values) if values else None

    def cell(self, place, line, storage):
        values = self.by_round(place, line, storage).values()
        if not values:
            return "-"
        middle = statistics.median(values)
        text = table.number(middle, line.digits if middle >= 10 else 1)
        if line.rate:
            text += f" ±{(max(values) - min(values)) / 2 / middle:.0%}"
        return text

    def ratio(self, place, line, storage):
        """Of two rates in one round, the median: what disturbs the machine disturbs both."""
        ours, base = (self.by_round(place, line, name) for name in (storage, BASE))
        ratios = [ours[number] / base[number] for number in ours if number in base]
        return table.number(statistics.median(ratios), 2 if statistics.median(ratios) < 10 else 0) if ratios else "-"

    def table(self, place):
        return [("", *self.storages), *((line.text, *(self.cell(place, line, storage) for storage in self.storages))
                                        for line in LINES)]

    def ratios(self, place):
        return [(f"times {BASE}", *self.storages),
                *((SHORT[line.key], *(self.ratio(place, line, storage) for storage in self.storages))
                  for line in LINES if line.rate)]

    def probe(self, place):
        probes = [row for row in self.rows if (row["place"], row["what"]) == (place, "probe")]
        return ("4 KiB overwritten and synced, p50 in us before and after each round: " +
                ", ".join(f"{row['p50_us']:.0f}" for row in probes))

    def print(self):
        for place in self.places:
            print(f"{PLACES[place]}: {self.probe(place)}\n")
            table.print_table(self.table(place))
            print()
            table.print_table(self.ratios(place))
            print()

    def page(self, drawn):
        lines = ["# Storages", "", *HEAD.splitlines(), "", f"![appends and reads]({drawn})", ""]
        for place in self.places:
            lines += [f"## {PLACES[place]}", "", *table.markdown(self.table(place)), "",
                      *table.markdown(self.ratios(place)), "", f"- {self.probe(place)}", ""]
        return "\n".join([*lines, "## Where it was measured", "", *(f"- {note}" for note in self.notes), ""])

    def drawn(self):
        """Without what only keeps entries in memory: beside it the others could not be told apart."""
        place = self.places[-1]
        durable = [name for name in self.storages if any((row["what"], row.get("plugin")) == ("start", name)
                                                         for row in self.rows)]
        groups = [(SHORT[line.key], {name: self.value(place, line, name) for name in durable})
                  for line in LINES if line.rate]
        title = f"Entries per second, {PLACES[place].lower()}, 256 bytes each; every group has its own scale"
        return picture.bars(title, groups, one_scale=False)

    def quoted(self):
        """The part of the document: the place that is most like a user's, with its ratios."""
        place = self.places[-1]
        return "\n".join([BEGIN, "![appends and reads](storages.svg)", "", *table.markdown(self.table(place)), "",
                          *table.markdown(self.ratios(place)), "",
                          f"{PLACES[place]} ({self.probe(place)}), {self.notes[0]}.", END])

    def write(self, page_folder, document_folder):
        text = DOCUMENT.read_text(encoding="utf-8")
        before, begin, rest = text.partition(BEGIN)
        _, finish, after = rest.partition(END)
        if not begin or not finish:
            raise SystemExit(f"{DOCUMENT}: lacks the lines {BEGIN} and {END}")
        link = "storages.svg" if page_folder == document_folder else "../docs/storages.svg"
        (page_folder / "STORAGES.md").write_text(self.page(link), encoding="utf-8")
        (document_folder / "storages.svg").write_text(self.drawn(), encoding="utf-8")
        (document_folder / DOCUMENT.name).write_text(before + self.quoted() + after, encoding="utf-8")
