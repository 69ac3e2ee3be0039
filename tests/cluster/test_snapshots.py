"""Snapshots on the wire: to a learner that comes late, and to one that takes only small messages."""
import pytest

from nodes import PATIENCE, wait_until

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
