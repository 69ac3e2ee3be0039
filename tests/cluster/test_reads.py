"""Linearizable reads and leadership of real processes: what clients see while leaders freeze, stop and die."""
import signal
import threading
import time

import grpc

from nodes import ELECTION, SLOW, wait_until
from registers import History
from stubs import types

ALL = [1, 2, 3]
LINEARIZABLE = (("rkv-read", "linearizable"),)


def read(node, key, timeout=5.0):
    answer = node.app.Get(types.GetRequest(key=key), timeout=timeout, metadata=LINEARIZABLE)
    return answer.value if answer.HasField("value") else None


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
            assert read(old, "k", timeout=5.0 if SLOW else 1.0) == "new"
        except grpc.RpcError:
            continue


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


class Registers:
    """Clients that write and read a few keys and note when, and what they were told."""

    KEYS = 2

    def __init__(self, cluster, clients=4):
        self.cluster, self.history, self.stopping = cluster, History(), False
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(clients)]

    def run(self, number):
        turn = 0
        while not self.stopping:
            turn += 1
            nodes = self.cluster.alive()
            node = nodes[(turn + number) % len(nodes)]
            key = turn % self.KEYS
            if turn % 3 == 0:
                self.write(node, key, f"{number}-{turn}")
            else:
                self.read(node, key)

    def write(self, node, key, value):
        op = self.history.invoke(key, value)
        try:
            node.set(f"register-{key}", value, timeout=5.0 if SLOW else 1.0)
            op.returned(value)
        except grpc.RpcError as error:
            refused = error.code() == grpc.StatusCode.UNAVAILABLE and "forward" in (error.details() or "")
            if refused:
                op.never_happened()

    def read(self, node, key):
        op = self.history.invoke(key, None)
        try:
            op.returned(read(node, f"register-{key}", timeout=5.0 if SLOW else 1.0))
        except grpc.RpcError:
            op.never_happened()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join()


def test_histories_are_linearizable(cluster):
    """Leaders freeze under load, again and again: the history that clients saw is linearizable."""
    cluster.form(*ALL)
    with Registers(cluster) as load:
        for _ in range(2 if SLOW else 4):
            done = load.history.completed()
            wait_until(lambda: load.history.completed() > done + 40, "40 more operations")
            leader = cluster.leader()
            leader.freeze()
            rest = [node.id for node in cluster.alive() if node is not leader]
            cluster.leader(among=rest)
            done = load.history.completed()
            wait_until(lambda: load.history.completed() > done + 10, "10 more operations without the leader")
            leader.thaw()
    assert load.history.completed() > 100
    assert load.history.broken_keys() == []
