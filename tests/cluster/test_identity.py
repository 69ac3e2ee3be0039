"""Which cluster, and which incarnation of a node: memory-only nodes that come back under their id, and strangers."""
import grpc
import pytest

from load import Load, expect_all
from nodes import Node, wait_until
from pace import ELECTION
from stubs import raft, types

ALL = [1, 2, 3]


def come_back(node):
    """kill -9, and the same id at the same address with an empty memory."""
    addr = node.addr
    node.kill()
    node.spawn(addr)
    wait_until(node.is_listening, f"node {node.id} listens again")


def is_back(cluster, node):
    views = cluster.views(cluster.alive())
    if len(views) < len(cluster.alive()):
        return False
    return all(len(view.configs) == 1 and node.id in view.configs[0] and not view.membership.nodes[node.id].returning
               and view.membership.nodes[node.id].incarnation == int(views[node.id].pairs["incarnation"], 16)
               for view in views.values())


def test_memory_only_voter_comes_back(cluster):
    """Under load a follower and then the leader lose their memory and come back under their ids: each votes again
    without an operator, and nothing that was acknowledged is lost."""
    cluster.form(*ALL)
    with Load(cluster) as load:
        leader = cluster.leader()
        for node in (next(n for n in cluster.alive() if n is not leader), leader):
            load.wait_more(50)
            come_back(node)
            wait_until(lambda: is_back(cluster, node), f"node {node.id} votes again")
            assert node.told("came back without its storage"), "it says why it did not vote"
        load.wait_more(50)
    cluster.settle()
    for node in cluster.alive():
        expect_all(node, load.acknowledged)


def test_without_a_quorum_it_says_what_to_do(cluster):
    """Of two voters none can be spared: no leader, no write, and the log of the one that forgot says what to do."""
    cluster.form(1, 2)
    cluster.set("a", "1")
    other = next(node for node in cluster.alive() if node is not cluster.leader())
    come_back(other)
    wait_until(lambda: other.log_lines("came back without its storage", "restore its storage"), "it says what to do")
    view = wait_until(lambda: cluster.views([other]), "it answers again")[other.id]
    assert view.last_log == -1
    survivor = next(node for node in cluster.alive() if node is not other)
    call = survivor.app.Set.future(types.SetRequest(key="a", value="2"), timeout=3 * ELECTION)
    assert call.exception() is not None
    assert survivor.get("a") == "1"


def test_another_cluster_is_left_alone(cluster):
    """A member of one cluster is not taken into another one, by whatever request, and keeps what it has."""
    cluster.start(*ALL)
    cluster[1].init([cluster[1]])
    cluster[2].init([cluster[2]])
    for node in (cluster[1], cluster[2]):
        wait_until(lambda: node.view().state == "leader", "it leads its own cluster")
        node.set("mine", str(node.id))
    wait_until(lambda: cluster[2].view().applied == cluster[2].view().last_log, "all is applied")
    frozen = cluster[2].view().frozen()
    for ask in (lambda: cluster[1].add_learner(cluster[2]), lambda: cluster[3].init([cluster[3], cluster[2]])):
        with pytest.raises(grpc.RpcError) as refused:
            ask()
        assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert "another cluster" in refused.value.details()
    assert cluster[2].view().frozen() == frozen
    assert cluster[2].get("mine") == "2"
    assert cluster[1].view().pairs["cluster"] != cluster[2].view().pairs["cluster"]
    assert cluster[3].view().last_log == -1


def test_wrong_address_is_refused(cluster):
    """The address of another node than was said: refused at once, with what stands there."""
    cluster.start(1, 2)
    cluster[1].init([cluster[1]])
    wait_until(lambda: cluster[1].view().state == "leader", "it leads")
    with pytest.raises(grpc.RpcError) as refused:
        cluster[1].add_learner(raft.Node(node_id=3, rpc_addr=cluster[2].addr))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert f"{cluster[2].addr} is node 2, not 3" in refused.value.details()
    assert cluster[1].view().nodes == {1: cluster[1].addr}


def test_who_stands_in_for_a_member_is_told(cluster):
    """Another node answers where a member should, once under an id of its own, once under the leader's: the leader says
    so, and it takes nothing from there."""
    cluster.form(*ALL)
    leader = cluster.leader()
    lost = next(node for node in cluster.alive() if node is not leader)
    lost.kill()
    for stranger_id, words in ((9, "answers as node 9"), (leader.id, "this node's own id")):
        known = int(leader.view().pairs["id_clashes"])
        stranger = Node(cluster.folder / f"stranger-{stranger_id}", stranger_id, None, lost.sets)
        stranger.folder.mkdir()
        cluster.started.append(stranger)
        wait_until(lambda: stranger.listens_at(lost.addr), "the stranger listens")
        wait_until(lambda: int(leader.view().pairs["id_clashes"]) > known, "the leader noticed it")
        stranger.kill()
        if stranger_id == 9:
            assert leader.told(" WARN ", words), leader.tail()
    cluster.set("k", "v", start=leader)


def local(node, key):
    """What it answers; None while it knows too little to."""
    try:
        return node.get(key)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE, error
        return None


def test_removed_while_it_was_down(cluster):
    """A durable voter is removed while it is down, and comes back: nobody tells it, so it asks, says so and answers no
    read; added again it answers."""
    cluster.form(*ALL, sets={"storage.plugin": "storage-wal", "storage.dir": "{folder}/data-{id}"})
    cluster.set("k", "v")
    gone = cluster[3]
    gone.kill()
    cluster.set("k", "w")
    cluster.leader([1, 2]).change([1, 2])
    gone.restart()
    with pytest.raises(grpc.RpcError) as refused:
        gone.get("k")
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    wait_until(lambda: gone.view().state == "removed", "it knows that it was removed")
    with pytest.raises(grpc.RpcError) as refused:
        gone.get("k")
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE and "removed" in refused.value.details()
    assert gone.told(" WARN ", "was removed from its cluster"), gone.tail()
    cluster.leader([1, 2]).add_learner(gone)
    wait_until(lambda: local(gone, "k") is not None, "it answers again")
    assert local(gone, "k") == "w"
