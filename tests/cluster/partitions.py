"""Clusters whose links and nodes fail in many ways under load, from one seed; histories that must be linearizable."""
import random
import time

from kills import await_leader
from links import DEAF, HELD, MODES, REFUSED, SLOW
from load import Load, Registers, prove
from nodes import DURABLE, POLL
from pace import ELECTION

LONG = 2  # longest election timeouts that a trouble lasts


class Trouble:
    """What may happen; each act gives what undoes the part that heal() does not."""

    def __init__(self, cluster, seed, durable):
        self.cluster, self.links, self.chance, self.durable = cluster, cluster.links, random.Random(seed), durable

    def pick(self, leader):
        """The leader, every second time."""
        nodes = self.cluster.alive()
        return leader if self.chance.random() < 0.5 else self.chance.choice(nodes)

    def others(self, node):
        return [n.id for n in self.cluster.alive() if n is not node]

    def one_cut_off(self, leader):
        self.links.cut_off(self.pick(leader).id, self.chance.choice((REFUSED, HELD, SLOW)))

    def one_way(self, leader):
        node, mode = self.pick(leader), self.chance.choice(MODES)
        sides = [[node.id], self.others(node)]
        self.chance.shuffle(sides)
        self.links.treat(*sides, mode)

    def one_link(self, leader):
        node = self.pick(leader)
        self.links.treat([node.id], [self.chance.choice(self.others(node))], self.chance.choice(MODES))

    def split(self, leader):
        """A majority and the rest, which has the leader every second time or so."""
        ids = [node.id for node in self.cluster.alive()]
        self.chance.shuffle(ids)
        some, rest = ids[:len(ids) // 2], ids[len(ids) // 2:]
        mode = self.chance.choice((REFUSED, HELD))
        self.links.treat(some, rest, mode)
        self.links.treat(rest, some, mode)

    def ring(self, leader):
        """Everyone reaches only its neighbours."""
        ids = [node.id for node in self.cluster.alive()]
        for at, i in enumerate(ids):
            near = (ids[at - 1], ids[(at + 1) % len(ids)])
            self.links.treat([i], [j for j in ids if j not in near], self.chance.choice((REFUSED, DEAF)))

    def all_reset(self, leader):
        self.links.reset()

    def all_slow(self, leader):
        ids = [node.id for node in self.cluster.alive()]
        self.links.treat(ids, ids, SLOW)

    def pause(self, leader):
        node = self.pick(leader)
        node.freeze()
        return node.thaw

    def kill(self, leader):
        """Only of nodes that remember."""
        node = self.pick(leader)
        node.kill()
        return node.restart

    def acts(self):
        names = ("one_cut_off", "one_way", "one_link", "split", "ring", "all_reset", "all_slow", "pause")
        return [getattr(self, name) for name in names + (("kill",) if self.durable else ())]


def partitions(cluster, count, seed, nodes=5, durable=False):
    """`count` troubles, each followed by a healthy moment in which the cluster must serve. What was counted."""
    cluster.form(*range(1, nodes + 1), sets=DURABLE if durable else None)
    trouble, happened, acts = Trouble(cluster, seed, durable), {}, []
    with Load(cluster, clients=2) as load, Registers(cluster, clients=4) as registers:
        for _ in range(count):
            if not acts:  # each once before any comes again
                acts = trouble.acts()
                trouble.chance.shuffle(acts)
            act = acts.pop()
            leader = await_leader(cluster, load)
            happened[act.__name__] = happened.get(act.__name__, 0) + 1
            undo = act(leader)
            work_on(registers)
            cluster.links.heal()
            if undo:
                undo()
            registers.turn_page()
            registers.wait_more(20)
            load.wait_more(5)
    return dict(prove(cluster, load, registers), **happened)


def work_on(registers):
    """Through the trouble: what is answered meanwhile depends on it."""
    end = time.monotonic() + LONG * ELECTION
    while time.monotonic() < end:
        assert registers.failure is None, registers.failure
        time.sleep(POLL)
