"""Nodes that get an empty storage while another one that got one is still on its way back to its vote."""
import random
import signal
import time

from load import Load, expect_all
from nodes import PATIENCE, wait_until

WAITED_IN_VAIN = "waits no longer, and node"
SMALL = {"node.snapshot_after_entries": 200, "node.keep_entries": 50}


def stop(node, again=None):
    """As a supervisor does it; a second signal after `again` seconds. How long that took."""
    began = time.monotonic()
    node.signal(signal.SIGTERM)
    if again is not None:
        time.sleep(again)
        node.signal(signal.SIGTERM)
    assert node.wait() == 0, node.tail()
    return time.monotonic() - began


def empty(node, plugin, folder):
    """The stopped node comes back on another storage, which is empty."""
    node.sets = {**node.sets, "storage.plugin": plugin}
    if plugin != "storage-mem":
        node.sets["storage.dir"] = folder
    node.restart()


def votes(cluster, node):
    """Everybody knows this incarnation of the node as a voter."""
    views = cluster.views(cluster.alive())
    return len(views) == len(cluster.alive()) and all(
        len(view.configs) == 1 and node.id in view.configs[0] and not view.membership.nodes[node.id].returning and
        view.membership.nodes[node.id].incarnation == int(views[node.id].pairs["incarnation"], 16)
        for view in views.values())


def swap_two(cluster, first, second, chance):
    """The run that killed clusters: the second is stopped and emptied while the first is on its way back. Gives whether
    it ended well; if it did not, the second one said so before it ended."""
    stop(first)
    empty(first, "storage-wal", cluster.folder / f"wal-{first.id}-{chance.random()}")
    time.sleep(chance.choice((0, 0, 0.02, 0.1, 0.3)))
    stop(second)
    in_vain = second.log_lines(WAITED_IN_VAIN, f"node {first.id} ", "the cluster is lost")
    empty(second, "storage-rocksdb", cluster.folder / f"rocksdb-{second.id}-{chance.random()}")
    if in_vain and not settles(cluster, second):
        return False
    wait_until(lambda: votes(cluster, second), f"node {second.id} votes again")
    return True


def settles(cluster, node):
    end = time.monotonic() + PATIENCE / 2
    while time.monotonic() < end:
        if votes(cluster, node):
            return True
        time.sleep(0.1)
    return False


def empty_two(cluster, count, seed, timers):
    """Up to `count` swaps of two nodes of three, under load, whichever of them lead; the cluster begins in memory, and
    each node changes to another storage each time. Ends with the first one where the wait was too short."""
    chance, ended = random.Random(seed), {"well": 0, "told": 0}
    cluster.form(1, 2, 3, sets=SMALL, timers=timers)
    while ended["well"] < count and not ended["told"]:
        load = Load(cluster, clients=2)
        load.__enter__()
        load.wait_more(100)
        if not swap_two(cluster, *chance.sample(cluster.alive(), 2), chance):
            ended["told"] += 1
            load.stop()
            break
        load.wait_more(20)
        load.__exit__()
        ended["well"] += 1
        cluster.settle()
        for node in cluster.alive():
            expect_all(node, load.acknowledged)
    return ended
