"""One cluster over three different storages: it serves, survives kills, and every node holds the same."""
import pytest

from load import Load, expect_all
from nodes import BUILD, wait_until

ALL = [1, 2, 3]
SMALL = {"node.snapshot_after_entries": 200, "node.keep_entries": 50}  # snapshots go through every storage


@pytest.fixture(params=["storage-rocksdb", "storage-lmdb"])
def third(request):
    """The storage of node 3."""
    if not (BUILD / "plugins" / f"{request.param}.so").exists():
        pytest.skip(f"{request.param} is not built here")
    return request.param


def come_back(node):
    """The same id at the same address, over what its storage kept."""
    node.spawn(node.addr)
    wait_until(lambda: node.is_listening() or node.process.poll() is not None, f"node {node.id} listens again")
    assert node.alive(), node.tail()


def votes(cluster, node):
    """Everybody knows this incarnation of the node as a voter."""
    views = cluster.views(cluster.alive())
    return len(views) == len(ALL) and all(
        view.configs == [ALL] and not view.membership.nodes[node.id].returning and
        view.membership.nodes[node.id].incarnation == int(views[node.id].pairs["incarnation"], 16)
        for view in views.values())


def form(cluster, folder, third):
    """As conf/mixed/ has it: 1 in memory, 2 in files, 3 in another durable storage."""
    for i in ALL:
        place = {} if i == 1 else {"storage.dir": folder / f"data-{i}"}
        if i == len(ALL):
            place["storage.plugin"] = third
        cluster.start(i, config="conf/mixed/{id}.ini", sets={**SMALL, **place})
    cluster[1].init([cluster[i] for i in ALL])
    cluster.leader()
    cluster.settle()


def same_everywhere(cluster, acknowledged):
    """Read locally on each node: all acknowledged writes, and the same values."""
    cluster.settle()
    for node in cluster.alive():
        expect_all(node, acknowledged)
    held = [node.get_many(list(acknowledged)) for node in cluster.alive()]
    assert len(held) == len(ALL) and held.count(held[0]) == len(ALL)


def test_three_storages_in_one_cluster(cluster, tmp_path, third):
    """Under load each node is killed in turn, the leader among them, and comes back under its id: the durable ones over
    what they kept, the other one empty. Nothing acknowledged is lost; in the end all three hold the same."""
    form(cluster, tmp_path, third)
    with Load(cluster) as load:
        for i in (3, 2, 1):
            load.wait_more(150)
            cluster[i].kill()
            load.wait_more(150)
            come_back(cluster[i])
            wait_until(lambda: votes(cluster, cluster[i]), f"node {i} votes again")
        load.wait_more(50)
        leader = cluster.leader()
        leader.kill()
        load.wait_more(50)
        come_back(leader)
        wait_until(lambda: votes(cluster, leader), "the old leader votes again")
    same_everywhere(cluster, load.acknowledged)
    assert all(cluster[i].told("opened dir=", "snapshot=") for i in (2, 3))


@pytest.mark.slow
def test_the_durable_majority_restarts_alone(cluster, tmp_path, third):
    """All three at once: the two durable ones are a majority that remembers; the one in memory is told everything."""
    form(cluster, tmp_path, third)
    with Load(cluster) as load:
        load.wait_more(700)
    for i in ALL:
        cluster[i].kill()
    for i in (2, 3):
        come_back(cluster[i])
    cluster.leader(among=[2, 3])
    come_back(cluster[1])
    wait_until(lambda: votes(cluster, cluster[1]), "node 1 votes again")
    same_everywhere(cluster, load.acknowledged)
