"""The mission's third test: five processes of conf/five-nodes, walked as the example's test walks its nodes."""
import grpc
import pytest

from nodes import LEADER_KEY, wait_until
from stubs import app, empty, raft, types

ALL = [1, 2, 3, 4, 5]


def shown(cluster, at, configs, learners):
    """Every node of `at` shows this membership, once."""
    def same():
        views = [cluster[i].view() for i in at]
        return all(view.configs == configs and view.learners() == learners for view in views)
    wait_until(same, f"configs {configs} and learners {learners} on {at}")


def test_the_examples_walk(cluster):
    """From five strangers to a cluster of five, written and read everywhere, down to one; every metric on the way."""
    cluster.start(*ALL, config="conf/five-nodes/{id}.ini", timers=None)
    one = cluster[1]
    assert one.view().configs == [] and one.view().last_log == -1
    assert one.init([one]) == empty.Empty()
    shown(cluster, [1], [[1]], [])
    assert cluster.leader([1]) is one

    for i in ALL[1:]:
        answer = one.add_learner(cluster[i])
        assert answer.membership.nodes[i].rpc_addr == cluster[i].addr
        assert answer.HasField("log_id") and answer.HasField("data") and not answer.data.HasField("value")
    shown(cluster, ALL, [[1]], [2, 3, 4, 5])

    answer = one.change(ALL)
    assert [sorted(config.node_ids) for config in answer.membership.configs] == [ALL]
    shown(cluster, ALL, [ALL], [])
    assert cluster.leader() is one

    assert one.set("foo", "bar").value == "bar"
    cluster.settle()
    assert [cluster[i].get("foo") for i in ALL] == ["bar"] * 5
    assert one.get("never set") is None

    with pytest.raises(grpc.RpcError) as refusal:
        cluster[4].set("foo", "wow")
    assert refusal.value.code() == grpc.StatusCode.UNAVAILABLE
    assert refusal.value.details().startswith("has to forward request to:")
    named = dict(refusal.value.trailing_metadata())[LEADER_KEY]
    assert named == one.addr
    with grpc.insecure_channel(named) as channel:
        set_at_leader = channel.unary_unary("/openraftpb.AppService/Set", types.SetRequest.SerializeToString,
                                            types.Response.FromString)
        assert set_at_leader(types.SetRequest(key="foo", value="wow"), timeout=10).value == "wow"
    cluster.settle()
    assert [cluster[i].get("foo") for i in ALL] == ["wow"] * 5

    answer = one.change([3])
    assert [sorted(config.node_ids) for config in answer.membership.configs] == [[3]]
    assert cluster.leader([3]) is cluster[3]
    shown(cluster, [3], [[3]], [])
    assert cluster[3].set("foo", "zoo").value == "zoo"
    assert cluster[3].get("foo") == "zoo"


def test_init_with_all_nodes_at_once(cluster):
    """Init makes every node given a voter; the leader is whoever wins; asked again it refuses."""
    cluster.form(1, 2, 3)
    leader = cluster.leader()
    leader.set("a", "1")
    cluster.settle()
    shown(cluster, [1, 2, 3], [[1, 2, 3]], [])
    with pytest.raises(grpc.RpcError) as refusal:
        leader.init([leader])
    assert refusal.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "history" in refusal.value.details()


def test_retain_keeps_those_who_leave_as_learners(cluster):
    """retain = true: voters that leave stay as learners and follow; without it they are gone."""
    cluster.form(1, 2, 3)
    leader = cluster.leader()
    others = sorted({1, 2, 3} - {leader.id})
    leader.change([leader.id], retain=True)
    shown(cluster, [1, 2, 3], [[leader.id]], others)
    leader.set("a", "1")
    cluster.settle()
    leader.change([leader.id, others[0]])
    leader.change([leader.id])
    shown(cluster, [leader.id], [[leader.id]], [others[1]])


def test_a_removed_leader_hands_over(cluster):
    """A leader voted out ends its change, lets the others elect, and takes no write any more."""
    cluster.form(1, 2, 3)
    old = cluster.leader()
    rest = sorted({1, 2, 3} - {old.id})
    old.change(rest)
    new = cluster.leader(rest)
    assert new.id in rest
    new.set("a", "1")
    wait_until(lambda: old.view().state == "removed", "the old leader says that it was removed")
    with pytest.raises(grpc.RpcError) as refusal:
        old.set("a", "2")
    assert refusal.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_stock_client_plays_an_openraft_leader(cluster):
    """The golden bytes of the d6 dialect, answered with the golden bytes: votes, appends, conflicts, commit."""
    node = cluster.start(2)[2]

    def says(method, request, answer):
        assert node.raw(f"RaftService/{method}", bytes.fromhex(request)).hex() == answer

    vote = raft.VoteRequest(vote=raft.Vote(leader_id=raft.LeaderId(term=1, node_id=1)),
                            last_log_id=raft.LogId(term=0, index=0)).SerializeToString()
    assert vote.hex() == "0a060a04080110011200"
    says("Vote", vote.hex(), "0a060a04080110011001")  # granted; it has no log
    says("AppendEntries", "0a080a04080110011001120408011001220408011001", "1001")  # prev 1.1 is not there
    says("AppendEntries", "0a080a04080110011001"  # vote T1-N1 committed, no prev, entry 0.0 membership {1}
         "1a236a210a060a04080112001217080112130801120f3132372e302e302e313a3231303031", "")
    says("AppendEntries", "0a080a0408011001100112001a0408011001", "")  # blank 1.1 after 0.0
    says("AppendEntries", "0a080a04080110011001120408011001"  # entry 1.2 set foo=bar after 1.1, commit 1.1
         "1a1008011002620a0a03666f6f1203626172" "220408011001", "")
    assert node.get("foo") is None  # not committed
    says("AppendEntries", "0a080a04080110011001120408011002220408011002", "")  # heartbeat, commit 1.2
    wait_until(lambda: node.get("foo") == "bar", "the entry is applied")
    assert node.raw("AppService/Get", bytes.fromhex("0a03666f6f")).hex() == "0a03626172"
    view = node.view()
    assert (view.state, view.leader, view.term, view.last_log, view.configs) == ("learner", 1, 1, 2, [[1]])
    # Another candidate, while the leader is alive: refused, with the committed vote and the last id.
    says("Vote", "0a060a04080210031204080110051800", "0a080a040801100110011a0408011002")
    # An older leader: rejected by the greater vote.
    stale = raft.AppendEntriesRequest(vote=raft.Vote(leader_id=raft.LeaderId(term=0, node_id=3), committed=True))
    answer = node.raft.AppendEntries(stale, timeout=10)
    assert answer.rejected_by == raft.Vote(leader_id=raft.LeaderId(term=1, node_id=1), committed=True)


def test_every_answer_of_the_message_set(cluster):
    """Each method of both services answers a well-formed request with the message that its .proto names."""
    node = cluster.form(1)[1]
    assert isinstance(node.app.Metrics(empty.Empty(), timeout=10), app.MetricsResponse)
    assert isinstance(node.raft.Vote(raft.VoteRequest(vote=raft.Vote(leader_id=raft.LeaderId(node_id=7))),
                                     timeout=10), raft.VoteResponse)
    assert isinstance(node.add_learner(node), app.ClientWriteResponse)
    node.set("k", "")
    assert node.get("k") == ""  # set, and empty: not the same as unset
