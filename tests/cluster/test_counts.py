"""What a put costs, by counts that do not depend on the machine: system calls, allocations, bytes copied, wakes.

Three real nodes run with counts.so preloaded; bench-cluster drives them from outside and says how many puts were
acknowledged. The bounds are about twice what was counted (the comments tell), because a loaded machine forms other
batches than a free one. What is found here is a put that has become dearer, not a put that is slow.
"""
import json
import mmap
import os
import struct
import subprocess

import pytest

from nodes import BUILD

# Sanitizers replace what is counted; and how many puts meet in a batch is up to who else runs.
pytestmark = [pytest.mark.slow, pytest.mark.alone]

NAMES = ("sends", "receives", "polls", "events", "wakes", "allocations", "allocated", "copies", "copied")
SECONDS = "2"
# No snapshots: theirs come by time and size, not by put.
NODE_SETS = ("--set", "node.snapshot_after_entries=0")


class Counted:
    """A cluster whose nodes count into one file."""

    def __init__(self, folder):
        path = folder / "counts"
        path.write_bytes(bytes(mmap.PAGESIZE))
        with path.open("rb") as file:
            self.counts = mmap.mmap(file.fileno(), mmap.PAGESIZE, prot=mmap.PROT_READ)
        environ = dict(os.environ, RKV_COUNTS=str(path), LD_PRELOAD=str(BUILD / "tests" / "counts.so"))
        self.process = subprocess.Popen([BUILD / "bench-cluster", "--serve", *NODE_SETS], env=environ, text=True,
                                        stdout=subprocess.PIPE)
        self.endpoints = self.process.stdout.readline().split()[-1]

    def now(self):
        return dict(zip(NAMES, struct.unpack_from(f"{len(NAMES)}Q", self.counts)))

    def per_put(self, *arguments):
        """Counts over all three nodes, divided by the puts that a load of these arguments made."""
        before = self.now()
        done = subprocess.run([BUILD / "bench-cluster", "--endpoints", self.endpoints, "--json", "--seconds", SECONDS,
                               "--warmup", "0", *arguments], stdout=subprocess.PIPE, text=True, check=True)
        after, row = self.now(), json.loads(done.stdout)
        assert row["all_in_log"] and row["failed"] == 0 and row["acked"] > 100
        counts = {name: (after[name] - before[name]) / row["acked"] for name in NAMES}
        print(f"per put of {row['acked']}:", {name: round(value, 2) for name, value in counts.items()})
        return counts

    def close(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    made = Counted(tmp_path_factory.mktemp("counted"))
    yield made
    made.close()


def within(counts, **bounds):
    over = {name: (round(counts[name], 2), most) for name, most in bounds.items() if counts[name] > most}
    assert not over, f"dearer than it was (counted, most): {over}"
    assert all(counts[name] > 0 for name in bounds if name != "wakes"), f"not counted: {counts}"


def test_a_lone_put(counted):
    """No hand-off between threads, and a send for each message and window update of the two round trips."""
    within(counted.per_put("--inflight", "1"), sends=13, receives=11, polls=17, wakes=0.3, allocations=85,
           copied=5600)  # 9.0, 7.0, 10.4, 0.05, 57, 3750


def test_a_put_among_64(counted):
    """Batches share the peers' messages: little more than one send, the answer's own, is left."""
    within(counted.per_put("--inflight", "64"), sends=2.5, receives=1.2, polls=1.2, wakes=0.1, allocations=24,
           copied=4500)  # 1.2, 0.15, 0.17, 0.01, 13.3, 2760


def test_a_put_of_a_stream(counted):
    """64 commands in a message: what a put costs by itself."""
    within(counted.per_put("--inflight", "4096", "--batch", "64"), sends=0.2, receives=0.2, polls=0.2, wakes=0.03,
           allocations=6.5, copied=4500)  # 0.04, 0.02, 0.02, 0.00, 3.2, 2680
