"""How long a cluster is without a leader, and what a node that was away does to it when it comes back."""
import time

from links import HELD, REFUSED
from load import Load
from nodes import DURABLE, wait_until
from pace import timers_of

REPLACED_WITHIN = 1.5  # of the longest election timeout
AWAY, BACK = 1.5, 1.25  # longest election timeouts that a node is cut off, and is watched afterwards


def replace_leader(cluster, load):
    """Kills the leader; seconds until another node acknowledged a write."""
    cluster.catch_up()
    leader = cluster.leader()
    load.wait_more(20)
    began = time.monotonic()
    leader.kill()

    def next_write():
        when, by = load.newest
        return when - began if when > began and by is not leader else None
    took = wait_until(next_write, "another node takes a write")
    return leader, took


def leaders_killed(cluster, count, timers):
    """Durable nodes: who was killed comes back. The times, in longest election timeouts."""
    cluster.form(1, 2, 3, sets=DURABLE, timers=timers_of(*timers))
    times = []
    with Load(cluster) as load:
        for _ in range(count):
            leader, took = replace_leader(cluster, load)
            times.append(took * 1000 / timers[2])
            leader.restart()
            cluster.leader()
    return times


def leader_killed_once(cluster, timers):
    """Nodes in memory: none comes back."""
    cluster.form(1, 2, 3, timers=timers_of(*timers))
    with Load(cluster) as load:
        return replace_leader(cluster, load)[1] * 1000 / timers[2]


# ---- back from a partition ----

def cut_both_ways(links, node, others):
    links.cut_off(node.id)


def hold_both_ways(links, node, others):
    links.cut_off(node.id, HELD)


def hears_nothing(links, node, others):
    """It can still ask for votes."""
    links.treat(others, [node.id], REFUSED)


def says_nothing(links, node, others):
    links.treat([node.id], others, REFUSED)


ABSENCES = (cut_both_ways, hold_both_ways, hears_nothing, says_nothing)


def standing(cluster):
    """Who leads in which term, once all agree."""
    leader = cluster.leader()
    return leader.id, leader.view().term


def come_back(cluster, load, number, longest):
    """One node is cut off until it must long for votes, and returns. Who led in which term before and after."""
    leader = cluster.leader()
    absence = ABSENCES[number % len(ABSENCES)]
    of_leader = number % 5 == 4 and absence in (cut_both_ways, hold_both_ways)
    node = leader if of_leader else next(n for n in cluster.alive() if n is not leader)
    others = [n.id for n in cluster.alive() if n is not node]
    before = None if of_leader else standing(cluster)
    absence(cluster.links, node, others)
    if of_leader:
        leader = cluster.leader(others)
        before = leader.id, leader.view().term
    stay(load, AWAY * longest)
    cluster.links.heal()
    load.wait_more(5)
    standing(cluster)
    cluster.catch_up()
    stay(load, BACK * longest)
    kind = f"{'leader' if of_leader else 'follower'}, {absence.__name__.replace('_', ' ')}"
    return kind, before, standing(cluster)


def stay(load, seconds):
    """Until they have passed and writes went on."""
    end = time.monotonic() + seconds
    load.wait_more(20)
    wait_until(lambda: time.monotonic() >= end, "time passes")


def returns(cluster, count, timers, nodes=3):
    cluster.form(*range(1, nodes + 1), timers=timers_of(*timers))
    with Load(cluster, clients=2) as load:
        return [come_back(cluster, load, number, timers[2] / 1000) for number in range(count)]
