"""Nodes that die, freeze, stop and come back while clients write: what was acknowledged stays."""
import signal
import time

import grpc

from load import Load, expect_all
from nodes import wait_until
from pace import ELECTION
from stubs import types

ALL = [1, 2, 3]


def write_for(cluster, seconds, name):
    """Writes one by one for a while; what was written."""
    end, written = time.monotonic() + seconds, {}
    while time.monotonic() < end:
        key = f"{name}-{len(written)}"
        cluster.set(key, "x")
        written[key] = "x"
    return written


def test_leader_killed(cluster):
    """kill -9 of the leader under load: another leads, writes go on, nothing acknowledged is lost."""
    cluster.form(*ALL)
    with Load(cluster) as load:
        load.wait_more(50)
        old = cluster.leader()
        term = old.view().term
        old.kill()
        load.wait_more(50)
        new = cluster.leader()
        load.wait_more(50)
    assert new is not old and new.view().term > term
    cluster.settle()
    for node in cluster.alive():
        expect_all(node, load.acknowledged)


def test_majority_gone_then_no_write_is_acknowledged(cluster):
    """With two of three nodes dead nothing is acknowledged; reads of what is there still are."""
    cluster.form(*ALL)
    leader = cluster.leader()
    leader.set("a", "1")
    for node in cluster.alive():
        if node is not leader:
            node.kill()
    call = leader.app.Set.future(types.SetRequest(key="a", value="2"), timeout=3 * ELECTION)
    assert call.exception() is not None
    assert leader.get("a") == "1"


def test_follower_frozen_and_back(cluster):
    """SIGSTOP of a follower for several election timeouts: writes go on without it; back, it catches up and the
    cluster does not fall from election to election."""
    cluster.form(*ALL)
    leader = cluster.leader()
    term = leader.view().term
    frozen = next(node for node in cluster.alive() if node is not leader)
    frozen.freeze()
    written = write_for(cluster, 4 * ELECTION, "while")
    assert leader.view().term == term
    frozen.thaw()
    cluster.leader()
    written.update(write_for(cluster, 2 * ELECTION, "after"))
    leader = cluster.leader()
    cluster.settle()
    expect_all(frozen, written)
    term_then = leader.view().term
    assert term_then <= term + 3
    written.update(write_for(cluster, 3 * ELECTION, "later"))
    assert cluster.leader().view().term == term_then  # quiet again


def test_leader_frozen_and_back(cluster):
    """SIGSTOP of the leader: another takes over; the old one, back, follows it and loses only what nobody got."""
    cluster.form(*ALL)
    old = cluster.leader()
    old.set("before", "x")
    old.freeze()
    rest = [i for i in ALL if i != old.id]
    new = cluster.leader(rest)
    new.set("while", "x")
    old.thaw()
    written = write_for(cluster, ELECTION, "after")
    cluster.leader()
    cluster.settle()
    for node in cluster.alive():
        expect_all(node, dict(written, before="x", **{"while": "x"}))


def test_follower_killed_and_back_under_a_new_id(cluster):
    """A node in memory that died does not come back as itself: it joins as a learner with a new id, catches up,
    and takes the place of the old one."""
    cluster.form(*ALL)
    leader = cluster.leader()
    dead = next(node for node in cluster.alive() if node is not leader)
    dead.kill()
    with Load(cluster, clients=2) as load:
        load.wait_more(30)
        fresh = cluster.start(4)[4]
        leader.add_learner(fresh)
        voters = sorted(({1, 2, 3} - {dead.id}) | {4})
        answer = leader.change(voters)
        load.wait_more(30)
    assert [sorted(config.node_ids) for config in answer.membership.configs] == [voters]
    cluster.settle()
    expect_all(fresh, load.acknowledged)
    assert dead.id not in fresh.view().nodes
    assert fresh.view().state == "follower"


def stop_under_load(cluster, node, number):
    """Stops one node under load; what was acknowledged is on the others."""
    with Load(cluster) as load:
        load.wait_more(50)
        node.signal(number)
        began = time.monotonic()
        assert node.is_clean(node.wait()), node.tail()
        took = time.monotonic() - began
        load.wait_more(50)
    assert took < 6, f"stopping took {took:.1f} s"
    assert node.told(" stopped"), node.tail()
    cluster.leader()
    cluster.settle()
    for other in cluster.alive():
        expect_all(other, load.acknowledged)


def test_sigterm_of_the_leader_under_load(cluster):
    """SIGTERM: exit 0 within 5 s, every acknowledged write on the others, who go on."""
    cluster.form(*ALL)
    stop_under_load(cluster, cluster.leader(), signal.SIGTERM)


def test_sigint_of_a_follower_under_load(cluster):
    cluster.form(*ALL)
    leader = cluster.leader()
    stop_under_load(cluster, next(node for node in cluster.alive() if node is not leader), signal.SIGINT)


def test_all_stop_at_once(cluster):
    """SIGTERM to every node of a cluster under no load: all exit 0."""
    cluster.form(*ALL)
    cluster.leader().set("a", "1")
    for node in cluster.alive():
        node.signal(signal.SIGTERM)
    assert [cluster[i].wait() for i in ALL] == [0, 0, 0]


def test_a_full_node_says_so(cluster):
    """Over node.inbox_max calls in flight: RESOURCE_EXHAUSTED at once, with the remedy; later it serves again."""
    cluster.form(1, 2, sets={"node.inbox_max": 4})
    leader = cluster.leader()
    other = next(node for node in cluster.alive() if node is not leader)
    other.freeze()
    calls = [leader.app.Set.future(types.SetRequest(key=f"k{i}", value="x"), timeout=60) for i in range(40)]
    refused = wait_until(lambda: [c for c in calls if c.done()], "some are refused")
    wait_until(lambda: sum(c.done() for c in calls) == 36, "all but four are refused")
    assert {c.exception().code() for c in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert "inbox_max" in refused[0].exception().details()
    other.thaw()
    wait_until(lambda: all(c.done() for c in calls), "those that waited end")
    cluster.set("later", "x")
