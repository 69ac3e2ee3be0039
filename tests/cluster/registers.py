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
    todo = worth_placing(operations)
    done_mask = (1 << len(todo)) - 1
    visited, stack = set(), [(0, None)]
    while stack:
        mask, value = stack.pop()
        if mask & done_mask == done_mask:
            return True
        if (mask, value) in visited:
            continue
        visited.add((mask, value))
        left = [(i, op) for i, op in enumerate(todo) if not mask >> i & 1]
        first_end = min(op.end or op.latest for _, op in left)
        enabled = [(i, op) for i, op in left if op.begin < first_end and (op.write or op.value == value)]
        reads = [(i, op) for i, op in enabled if not op.write]
        for i, op in reads[:1] or enabled:  # a read that fits now takes nothing from what follows
            stack.append((mask | 1 << i, op.value if op.write else value))
    return False


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
