"""Addresses that cannot be right: refused where they are proposed, taken and told where they are in a log already."""
import grpc
import pytest

from ctl import rkvctl
from nodes import wait_until
from stubs import app, raft

Code = grpc.StatusCode
NOWHERE = ["0.0.0.0:1", "[::]:1", "*:1"]
LEADER = raft.Vote(leader_id=raft.LeaderId(term=1, node_id=1), committed=True)


def refused(call, words):
    with pytest.raises(grpc.RpcError) as refusal:
        call()
    assert refusal.value.code() in (Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION), refusal.value
    assert words in refusal.value.details(), refusal.value.details()


def member(node_id, addr):
    return raft.Node(node_id=node_id, rpc_addr=addr)


def appended(node, members, index=0):
    """A leader of term 1, node 1, hands `node` a membership: {id: address}, node 1 votes."""
    made = raft.Membership()
    made.configs.add().node_ids[1].SetInParent()
    for i, addr in members.items():
        made.nodes[i].CopyFrom(member(i, addr))
    entry = raft.Entry(term=0, index=index, membership=made)
    request = raft.AppendEntriesRequest(vote=LEADER, entries=[entry], leader_commit=raft.LogId(term=0, index=index))
    return node.raft.AppendEntries(request, timeout=20)


def test_init_refuses_them(cluster):
    """No entry is written, and the right ones are taken afterwards."""
    one = cluster.start(1)[1]
    for addr in NOWHERE + [one.addr]:
        refused(lambda: one.app.Init(app.InitRequest(nodes=[one.as_message(), member(2, addr)]), timeout=20),
                "one address" if addr == one.addr else "address that leads to it")
    assert one.view().last_log == -1
    one.init([one])


def test_add_learner_refuses_them(cluster):
    """A stranger with a member's address, one that leads nowhere, and a member with another address."""
    one = cluster.form(1).start(2)[1]
    one.add_learner(cluster[2])
    before = one.view().frozen()
    for addr in NOWHERE:
        refused(lambda: one.add_learner(member(3, addr)), "address that leads to it")
    refused(lambda: one.add_learner(member(3, cluster[2].addr)), "nodes 2 and 3 have one address")
    refused(lambda: one.add_learner(member(2, "127.0.0.1:9")), "set-address 2=127.0.0.1:9")
    assert one.view().frozen() == before
    one.add_learner(cluster[2])
    answer = rkvctl("add-learner", "2=127.0.0.1:9", at=one)
    assert answer.code == 1 and "rkvctl set-address" in answer.text()


def test_what_a_leader_has_written_is_taken(cluster):
    """A follower that refused would stand still: it takes the entry, warns, and counts."""
    node = cluster.start(2)[2]
    appended(node, {1: "127.0.0.1:7", 2: "127.0.0.1:7", 3: "0.0.0.0:1"})
    wait_until(lambda: node.view().applied == 0, "it is applied")
    assert node.view().nodes[3] == "0.0.0.0:1"
    assert len(node.told("WARN", "membership with wrong addresses", "nodes 1 and 2 have one address")) == 1
    assert node.view().number("odd_memberships") == 1


def test_node_id_0_is_named(cluster):
    """OpenRaft's example allows it. Whoever sends it is refused, and one line says why nothing arrives."""
    node = cluster.start(2)[2]
    zero = raft.Vote(leader_id=raft.LeaderId(term=1, node_id=0), committed=True)
    for _ in range(3):
        refused(lambda: appended(node, {0: "127.0.0.1:7", 1: "127.0.0.1:8"}), "missing or 0")
    assert len(node.told("WARN", "AppendEntries", "ids start at 1 here", "give that node another id")) == 1
    refused(lambda: node.raft.AppendEntries(raft.AppendEntriesRequest(vote=zero), timeout=20),
            "vote.leader_id.node_id: missing or 0")
    refused(lambda: node.raft.Vote(raft.VoteRequest(vote=raft.Vote(leader_id=raft.LeaderId(term=1))), timeout=20),
            "vote.leader_id.node_id: missing or 0")
    assert node.view().last_log == -1


def test_a_node_may_listen_everywhere(cluster):
    """It listens on 0.0.0.0 and is a member by an address that leads to it."""
    one = cluster.start(1)[1]
    one.kill()
    port = one.addr.rsplit(":", 1)[1]
    wait_until(lambda: one.listens_at(f"0.0.0.0:{port}"), "it listens everywhere")
    answer = rkvctl("init", f"1=127.0.0.1:{port}", at=f"127.0.0.1:{port}")
    assert answer.code == 0, answer.text()
    assert rkvctl("set", "k", "v", at=f"127.0.0.1:{port}").code == 0
