"""Durable nodes killed under load and started again: nothing acknowledged is lost, histories are linearizable."""
import random

from load import Load, Registers, prove
from nodes import DURABLE, wait_until

# Snapshots and purges often: they are killed as well.
SETS = dict(DURABLE, **{"node.snapshot_after_entries": 400, "node.keep_entries": 50})
AFTER = (0, 1, 5, 30)  # writes acknowledged between a death and the return


def who_leads(cluster):
    """Whoever leads in the newest term, agreed or not; None if nobody does."""
    leads = {view.term: i for i, view in cluster.views(cluster.alive()).items() if view.state == "leader"}
    return cluster[leads[max(leads)]] if leads else None


def await_leader(cluster, load):
    leader = wait_until(lambda: load.failure or who_leads(cluster), "somebody leads")
    assert load.failure is None, load.failure
    return leader


class Story:
    """A cluster under load. Every `finish` proves what the clients were told."""

    def __init__(self, cluster, seed, sets=None):
        self.cluster, self.chance, self.leaders = cluster, random.Random(seed), 0
        cluster.form(1, 2, 3, sets=dict(SETS, **(sets or {})))
        self.load, self.registers = Load(cluster, clients=2), Registers(cluster, clients=3)

    def __enter__(self):
        self.load.__enter__()
        self.registers.__enter__()
        self.load.wait_more(20)
        return self

    def __exit__(self, *trouble):
        self.registers.__exit__(*trouble)
        self.load.__exit__(*trouble)

    def kill_one(self, number):
        """Every second victim is the leader."""
        leader = await_leader(self.cluster, self.load)
        others = [node for node in self.cluster.alive() if node is not leader]
        victim = self.chance.choice(others) if number % 2 else leader
        self.leaders += victim is leader
        victim.kill()
        self.load.wait_more(self.chance.choice(AFTER))
        victim.restart()
        self.registers.turn_page()
        self.load.wait_more(5)

    def kill_all(self):
        await_leader(self.cluster, self.load)
        victims = self.chance.sample(self.cluster.alive(), 3)
        for node in victims:
            node.process.kill()
        for node in victims:
            node.process.wait()
        for node in victims:
            node.restart()
        self.registers.turn_page()
        self.load.wait_more(5)

    def prove(self):
        return dict(prove(self.cluster, self.load, self.registers), leaders=self.leaders)


def kills(cluster, count, seed, sets=None):
    """One node at a time, the leader half of the time."""
    with Story(cluster, seed, sets) as story:
        for number in range(count):
            story.kill_one(number)
    return story.prove()


def outages(cluster, count, seed, sets=None):
    """All three at once."""
    with Story(cluster, seed, sets) as story:
        for _ in range(count):
            story.kill_all()
    return story.prove()
