"""Clusters rebuilt under load, node by node, as an operator does it: no client notices but by a pause."""
import signal
import time

import grpc

from kills import SETS, await_leader
from load import Load, Registers, prove
from nodes import DURABLE, PATIENCE, POLL

RETRIED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED,
           grpc.StatusCode.CANCELLED)


class Watched(Load):
    """Remembers the longest time without an acknowledged write."""

    def __init__(self, cluster, clients=2):
        super().__init__(cluster, clients)
        self.longest = 0.0

    def work(self, client):
        self.last = time.monotonic()
        super().work(client)

    def acknowledge(self, key, value, node):
        super().acknowledge(key, value, node)
        now = time.monotonic()
        self.longest, self.last = max(self.longest, now - self.last), now


def restart_in_turn(cluster, rounds):
    """SIGTERM and start again of each durable node, the leader among them: exit 0 every time. The longest pause."""
    cluster.form(1, 2, 3, sets=SETS)
    with Watched(cluster) as load, Registers(cluster, clients=2) as registers:
        for _ in range(rounds):
            for node in cluster.alive():
                load.wait_more(20)
                node.signal(signal.SIGTERM)
                assert node.wait() == 0, node.tail()
                load.wait_more(20)
                node.restart()
                cluster.catch_up()
            registers.turn_page()
    return dict(prove(cluster, load, registers), pause_ms=round(load.longest * 1000))


def replace_in_turn(cluster, rounds, durable=False):
    """Each node in turn is replaced by one with a new id, which joins as a learner; the old one is killed once it is
    no voter. The longest pause."""
    sets, newest = DURABLE if durable else {}, 3
    cluster.form(1, 2, 3, sets=sets)
    with Watched(cluster) as load, Registers(cluster, clients=2) as registers:
        for _ in range(rounds):
            for old in cluster.alive():
                newest += 1
                replace(cluster, load, old, cluster.start(newest, sets=sets)[newest])
            registers.turn_page()
    return dict(prove(cluster, load, registers), pause_ms=round(load.longest * 1000))


def replace(cluster, load, old, fresh):
    voters = sorted([node.id for node in cluster.alive() if node not in (old, fresh)] + [fresh.id])
    ask(cluster, load, lambda leader: leader.add_learner(fresh))
    load.wait_more(10)
    ask(cluster, load, lambda leader: leader.change(voters))
    cluster.leader(voters)
    load.wait_more(10)
    old.kill()
    load.wait_more(10)


def ask(cluster, load, question):
    """Of the leader, until one answers: a change may be repeated."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return question(await_leader(cluster, load))
        except grpc.RpcError as error:
            if error.code() not in RETRIED and "in progress" not in (error.details() or ""):
                raise
            assert time.monotonic() < end, error
            time.sleep(POLL)
