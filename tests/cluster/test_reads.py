"""Linearizable reads and leadership of real processes: what clients see while leaders freeze, stop and die."""
import signal
import time

import grpc
import pytest

from load import Registers
from pace import ELECTION, SLOW
from stubs import types

ALL = [1, 2, 3]


def read(node, key):
    return node.read(key, timeout=5.0 if SLOW else 1.0)


def test_every_node_reads_the_last_write(cluster):
    """A linearizable read sees the write acknowledged just before, on whichever node it is asked."""
    cluster.form(*ALL)
    for number in range(30):
        cluster.leader().set("k", str(number))
        for node in cluster.alive():
            assert read(node, "k") == str(number)


def test_an_unknown_word_is_refused(cluster):
    cluster.form(*ALL)
    node = cluster.leader()
    try:
        node.app.Get(types.GetRequest(key="k"), timeout=5, metadata=(("rkv-read", "newest"),))
        raise AssertionError("accepted")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert "rkv-read" in error.details()


def test_lease_reads_are_off(cluster):
    """Nobody asked for clocks to be trusted."""
    cluster.form(*ALL)
    try:
        cluster.leader().app.Get(types.GetRequest(key="k"), timeout=5, metadata=(("rkv-read", "lease"),))
        raise AssertionError("served")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_a_thawed_leader_reads_nothing_stale(cluster):
    """A leader frozen until another was elected and wrote: once thawed it answers with the new value, or not at all."""
    cluster.form(*ALL)
    old = cluster.leader()
    old.set("k", "old")
    old.freeze()
    new = cluster.leader(among=[node.id for node in cluster.alive() if node is not old])
    new.set("k", "new")
    old.thaw()
    for _ in range(20):
        try:
            assert read(old, "k") == "new"
        except grpc.RpcError:
            continue


@pytest.mark.alone
def test_a_stopping_leader_hands_over(cluster):
    """SIGTERM of the leader: another leads before it is gone; no election timeout passes."""
    cluster.form(*ALL)
    cluster.settle()
    old = cluster.leader()
    rest = [node.id for node in cluster.alive() if node is not old]
    begin = time.monotonic()
    old.signal(signal.SIGTERM)
    leader = cluster.leader(among=rest)
    took = time.monotonic() - begin
    leader.set("k", "v")
    assert old.wait() == 0
    assert SLOW or took < 2 * ELECTION


def test_histories_are_linearizable(cluster):
    """Leaders freeze under load, again and again: the history that clients saw is linearizable."""
    cluster.form(*ALL)
    with Registers(cluster) as load:
        for _ in range(2 if SLOW else 4):
            load.wait_more(40)
            leader = cluster.leader()
            leader.freeze()
            cluster.leader(among=[node.id for node in cluster.alive() if node is not leader])
            load.wait_more(10)
            leader.thaw()
    assert load.completed() > 100
    assert load.broken_keys() == []
