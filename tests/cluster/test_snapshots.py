"""Snapshots on the wire: to a learner that comes late, and to one that takes only small messages."""
import signal
import time

import pytest

from ctl import rkvctl
from nodes import BUILD, PATIENCE, wait_until
from pace import SLOW

WRITES = 6000  # over the default of 5000 entries that make a snapshot: the log no longer holds the first ones


@pytest.mark.parametrize("limit", ["4MiB", "1KiB"])
def test_fresh_learner_gets_a_snapshot(cluster, limit):
    """A learner that joins after 6,000 writes gets a snapshot, whatever message it takes, and holds every key."""
    leader = cluster.form(1)[1]
    pairs = {f"key-{i}": f"value-{i}" for i in range(WRITES)}
    leader.set_many(pairs.items())
    wait_until(lambda: leader.view().number("purged") > 0, "the log is purged behind a snapshot")
    learner = cluster.start(2, sets={"transport.raft_message_max": limit})[2]
    leader.add_learner(learner)
    leader.set("last", "one")
    cluster.settle()
    assert learner.view().number("snapshots_installed") == 1
    assert learner.get_many(pairs) == pairs
    assert learner.get("last") == "one"
    assert learner.view().configs == [[1]] and learner.view().learners() == [2]


def test_a_peer_gets_past_an_entry_too_large_by_snapshot(cluster):
    """An entry that never fits a peer's limit holds it back only until a snapshot carries what it did."""
    sets = {"node.snapshot_after_entries": 50, "node.keep_entries": 5}
    leader = cluster.form(1, sets=sets)[1]
    learner = cluster.start(2, sets=dict(sets, **{"transport.raft_message_max": "1KiB"}))[2]
    leader.add_learner(learner)
    leader.set("big", "x" * 3000)
    wait_until(lambda: leader.view().number("transport-grpc.unsendable_entries") == 1, "the entry is reported")
    leader.set_many((f"k{i}", "v") for i in range(100))
    wait_until(lambda: learner.get("k99") == "v", "the learner has what followed", PATIENCE / 4)
    assert learner.get("big") == "x" * 3000
    assert len(leader.told("unsendable")) == 1


def test_a_stop_does_not_wait_for_a_snapshot(cluster):
    """A node that is building a snapshot, however long that would take, ends in time and with exit 0."""
    machine = {"plugin": BUILD / "tests/contract-plugins/broken-sm.so", "good": BUILD / "plugins/sm-protobuf.so",
               "fault": "view_endless"}
    sets = {f"state-machine.{key}": value for key, value in machine.items()} | {"node.snapshot_after_entries": 10}
    node = cluster.form(1, sets=sets)[1]
    node.set_many((f"k{i}", "v") for i in range(20))
    wait_until(lambda: "being built" in rkvctl("snapshot", at=node).text(), "it builds a snapshot")
    begin = time.monotonic()
    node.signal(signal.SIGTERM)
    assert node.wait() == 0, node.tail()
    assert SLOW or time.monotonic() - begin < 4.5
