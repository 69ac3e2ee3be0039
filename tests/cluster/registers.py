"""A history of operations on registers, and whether it is linearizable (Wing and Gong 1993, memoised as Lowe 2017)."""
import itertools
import threading


class Operation:
    def __init__(self, history, key, value):
        self.history, self.key, self.write, self.value = history, key, value is not None, value
        self.begin, self.end, self.dropped = next(history.clock), None, False
        self.latest = None  # of a write without answer: it took effect before this, if ever

    def returned(self, value):
        self.value, self.end = value, next(self.history.clock)

    def never_happened(self):
        self.dropped = True


class History:
    def __init__(self, name=""):
        self.name = name
        self.clock, self.lock, self.operations = itertools.count(1), threading.Lock(), []

    def invoke(self, key, value):
        """Begins a write of `value`, or with None a read."""
        with self.lock:
            self.operations.append(Operation(self, key, value))
            return self.operations[-1]

    def completed(self):
        return sum(1 for op in self.operations if op.end)

    def broken_keys(self):
        keys = {op.key for op in self.operations}
        return sorted(key for key in keys if not linearizable([op for op in self.operations if op.key == key]))


def worth_placing(operations):
    """Without what never happened and without open writes that nobody read: nothing contradicts them. Values are
    written once, so an open write that was read took effect before the first such read ended."""
    first_seen = {}
    for op in operations:
        if not op.write and op.end:
            first_seen[op.value] = min(op.end, first_seen.get(op.value, op.end))
    for op in operations:
        op.latest = first_seen.get(op.value) if op.write else None
    return [op for op in operations if not op.dropped and (op.end or op.latest)]


def linearizable(operations):
    """Some order respects the intervals, and every read gives the last write; an open write may happen or not."""
    todo = sorted(worth_placing(operations), key=lambda op: op.begin)
    visited, stack = set(), [(0, 0, None)]
    while stack:
        first, placed, value = stack.pop()  # all before `first` are placed, of the rest those in the mask
        while placed & 1:
            first, placed = first + 1, placed >> 1
        if first == len(todo):
            return True
        if (first, placed, value) in visited:
            continue
        visited.add((first, placed, value))
        enabled = [at for at in next_ones(todo, first, placed) if todo[at].write or todo[at].value == value]
        reads = [at for at in enabled if not todo[at].write]
        for at in reads[:1] or enabled:  # a read that fits now takes nothing from what follows
            stack.append((first, placed | 1 << at - first, todo[at].value if todo[at].write else value))
    return False


def next_ones(todo, first, placed):
    """Those that began before any that is not placed had ended."""
    first_end, found = float("inf"), []
    for at in range(first, len(todo)):
        op = todo[at]
        if op.begin >= first_end:
            break
        if not placed >> at - first & 1:
            first_end = min(first_end, op.end or op.latest)
            found.append(at)
    return found


def self_test():
    history = History()
    write = history.invoke("k", "1")
    write.returned("1")
    stale = history.invoke("k", None)
    stale.returned(None)
    assert history.broken_keys() == ["k"], "a read that misses an earlier write is seen"
    history = History()
    history.invoke("k", "1")  # unknown outcome
    history.invoke("k", None).returned(None)
    history.invoke("k", None).returned("1")
    assert history.broken_keys() == []


self_test()
