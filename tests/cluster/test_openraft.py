"""Clusters of ours and of OpenRaft's gRPC example, in every role: skipped unless RKV_OPENRAFT_EXAMPLE names a binary
of the example (CONTRIBUTING.md). The timers are the example's, which are our defaults."""
import grpc
import pytest

from nodes import PATIENCE, wait_until
from rust import LARGEST, needs_example, start_rust

pytestmark = needs_example
LARGE = "x" * 200  # ten of these in one append are over the example's limit of 1024 bytes
HASTY = {"node.heartbeat_interval": "500ms", "node.election_timeout_min": "1000ms",
         "node.election_timeout_max": "1100ms"}  # campaigns before the example does


def holds(node, pairs):
    """Its state machine has all of them; the example before 2026 answers a missing key with INTERNAL."""
    try:
        return all(node.get(key) == value for key, value in pairs.items())
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INTERNAL and "not found" in error.details(), error
        return False


def written(cluster, leader, name, count=10, window=64, value=LARGE):
    """Writes to the leader; waits until every living node of the cluster has it."""
    pairs = {f"{name}-{i}": f"{value}-{i}" for i in range(count)}
    leader.set_many(pairs.items(), window)
    for node in cluster.alive():
        wait_until(lambda: holds(node, pairs), f"node {node.id} has {name}")
    return pairs


def test_ours_leads_the_example(cluster):
    """Ours initialises, adds two of the example as learners, makes them voters and replicates within their limit;
    one of them may go."""
    ours = cluster.start(1, timers=None)[1]
    ours.init([ours])
    cluster.leader()
    start_rust(cluster, 2, 3)
    ours.set_many((f"early-{i}", LARGE) for i in range(20))  # the learners' first append is one of many entries
    ours.add_learner(cluster[2])
    ours.add_learner(cluster[3])
    assert ours.view().learners() == [2, 3]
    ours.change([1, 2, 3])
    wait_until(lambda: all(node.view().configs == [[1, 2, 3]] for node in cluster.alive()), "three voters everywhere")
    written(cluster, ours, "ours")
    written(cluster, ours, "flood", 1000)
    cluster[2].kill()
    written(cluster, ours, "two", 100)


def test_the_example_takes_over_from_ours(cluster):
    """Ours that leads removes itself: the example, the last voter, leads, and new nodes of ours follow and vote."""
    ours = cluster.start(1, timers=None)[1]
    start_rust(cluster, 2)
    ours.init([ours, cluster[2]])
    assert cluster.leader() is ours
    pairs = written(cluster, ours, "ours", 100)
    ours.change([2])
    rust = cluster.leader([2])
    ours.kill()
    cluster.start(3, 4, timers=None)
    for i in (3, 4):
        rust.add_learner(cluster[i])
        wait_until(lambda: holds(cluster[i], pairs), "the newcomer has all that was acknowledged")
    rust.change([2, 3, 4])
    wait_until(lambda: all(node.view().configs == [[2, 3, 4]] for node in cluster.alive()), "the newcomers vote")
    written(cluster, rust, "after", 500)


def test_the_example_leads_ours(cluster):
    """The example initialises and adds ours as learner, then voter; when it dies ours takes over and leads the rest."""
    rust = start_rust(cluster, 1)[1]
    rust.init([rust])
    cluster.leader()
    start_rust(cluster, 3)
    cluster.start(2, timers=HASTY)
    rust.add_learner(cluster[2])
    rust.add_learner(cluster[3])
    rust.change([1, 2, 3])
    pairs = written(cluster, rust, "rust", 100, window=1)

    rust.kill()
    ours = cluster.leader()
    assert ours.id == 2
    assert all(holds(node, pairs) for node in cluster.alive())
    written(cluster, ours, "ours", 200)
    ours.change([2, 3])
    wait_until(lambda: cluster[3].view().configs == [[2, 3]], "the dead one is gone")
    written(cluster, ours, "two", 20)


def test_the_example_gets_our_snapshot(cluster):
    """A node of the example that comes after the log was purged gets a snapshot in messages that it takes."""
    sets = {"node.snapshot_after_entries": 200, "node.keep_entries": 10}
    ours = cluster.start(1, sets=sets, timers=None)[1]
    ours.init([ours])
    cluster.leader()
    pairs = {f"k{i}": f"{LARGE}-{i}" for i in range(500)}
    ours.set_many(pairs.items())
    wait_until(lambda: ours.view().number("purged") > 100, "the log is purged behind a snapshot")
    start_rust(cluster, 2)
    ours.add_learner(cluster[2])
    wait_until(lambda: holds(cluster[2], pairs), "the learner has what only the snapshot holds")
    ours.change([1, 2])
    written(cluster, ours, "then", 50)


def test_membership_led_by_either(cluster):
    """Joint changes through both kinds of node: one more voter, then the leader leaves, then one more leaves. Small
    writes, one by one: since its version of HEAD the example stalls where it leads its own kind beyond its limit."""
    start_rust(cluster, 1, 3)
    cluster.start(2, 4, timers=HASTY)
    rust = cluster[1]
    rust.init([rust])
    assert cluster.leader([1]) is rust
    for i in (2, 3, 4):
        rust.add_learner(cluster[i])
    assert rust.view().learners() == [2, 3, 4]
    rust.change([1, 2, 3, 4])
    wait_until(lambda: all(n.view().configs == [[1, 2, 3, 4]] for n in cluster.alive()), "four voters everywhere")
    written(cluster, rust, "four", window=1, value="small")
    rust.change([2, 3, 4])
    ours = cluster.leader([2, 3, 4])
    assert ours.id in (2, 4)
    wait_until(lambda: all(cluster[i].view().configs == [[2, 3, 4]] for i in (2, 3, 4)), "three voters everywhere")
    with pytest.raises(grpc.RpcError):
        rust.set("refused", "x", timeout=LARGEST)
    rust.kill()
    written(cluster, ours, "three")
    ours.change([3, ours.id])
    wait_until(lambda: cluster[3].view().configs == [sorted([3, ours.id])], "two voters")
    pairs = {f"two-{i}": LARGE for i in range(100)}
    ours.set_many(pairs.items())
    wait_until(lambda: holds(cluster[3], pairs), "the example has what the two wrote")
