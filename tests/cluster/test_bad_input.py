"""Bad input over the wire: a status, a text that names the field, nothing changed, the server goes on."""
import threading

import grpc
import pytest

from nodes import CHANNEL, wait_until
from stubs import app, raft, types

Code = grpc.StatusCode
KEY_MAX, VALUE_MAX, APP_MAX, RAFT_MAX = 4096, 1 << 20, 4 << 20, 64 << 10
HIGH_TERM = 1000000  # a vote of it would be adopted, if the rest of the message were right

ALICE = raft.Node(node_id=7, rpc_addr="127.0.0.1:7")
VOTE = raft.Vote(leader_id=raft.LeaderId(term=HIGH_TERM, node_id=7), committed=True)
CANDIDATE = raft.Vote(leader_id=raft.LeaderId(term=HIGH_TERM, node_id=7))
AT_1 = raft.LogId(term=1, index=1)


def key(text, value="v"):
    return types.SetRequest(key=text, value=value)


def init(*nodes):
    return app.InitRequest(nodes=nodes)


def learner(**fields):
    return app.AddLearnerRequest(node=raft.Node(**fields))


def append(*entries, vote=VOTE, prev=AT_1):
    return raft.AppendEntriesRequest(vote=vote, prev_log_id=prev, entries=entries)


def entry(index, term=1, **payload):
    return raft.Entry(term=term, index=index, **payload)


def membership(*configs, nodes=(1,)):
    made = raft.Membership()
    for config in configs:
        ids = made.configs.add().node_ids
        for i in config:
            ids[i].SetInParent()
    for i in nodes:
        made.nodes[i].CopyFrom(raft.Node(node_id=i, rpc_addr="127.0.0.1:1"))
    return made


# name: (method, message or bytes, status, words of the text)
CASES = {
    # AppService: what clients send
    "set: no protobuf": ("AppService/Set", b"\xff\xff\xff", Code.INVALID_ARGUMENT, ["SetRequest", "malformed"]),
    "set: cut off": ("AppService/Set", b"\x0a\x09abc", Code.INVALID_ARGUMENT, ["SetRequest", "malformed"]),
    "set: key is a number": ("AppService/Set", b"\x08\x01", Code.INVALID_ARGUMENT, ["SetRequest.key"]),
    "set: key is no text": ("AppService/Set", b"\x0a\x02\xc3\x28", Code.INVALID_ARGUMENT, ["SetRequest.key", "UTF-8"]),
    "set: value is no text": ("AppService/Set", b"\x0a\x01k\x12\x01\xff", Code.INVALID_ARGUMENT, ["SetRequest.value"]),
    "set: nothing": ("AppService/Set", b"", Code.INVALID_ARGUMENT, ["SetRequest.key", "empty"]),
    "set: empty key": ("AppService/Set", key(""), Code.INVALID_ARGUMENT, ["SetRequest.key", "empty"]),
    "set: long key": ("AppService/Set", key("k" * (KEY_MAX + 1)), Code.OUT_OF_RANGE, ["SetRequest.key", "4096"]),
    "set: long value": ("AppService/Set", key("k", "v" * (VALUE_MAX + 1)), Code.OUT_OF_RANGE,
                        ["SetRequest.value", "1048576"]),
    "set: long message": ("AppService/Set", b"\0" * (APP_MAX + 1), Code.OUT_OF_RANGE,
                          ["message length too large", f"found {APP_MAX + 1} bytes", f"limit is {APP_MAX} bytes"]),
    "get: no protobuf": ("AppService/Get", b"\x0a", Code.INVALID_ARGUMENT, ["GetRequest"]),
    "get: empty key": ("AppService/Get", b"", Code.INVALID_ARGUMENT, ["GetRequest.key"]),
    "init: no protobuf": ("AppService/Init", b"\xff", Code.INVALID_ARGUMENT, ["InitRequest"]),
    "init: no nodes": ("AppService/Init", init(), Code.INVALID_ARGUMENT, ["nodes", "empty"]),
    "init: no id": ("AppService/Init", init(raft.Node(rpc_addr="127.0.0.1:7")), Code.INVALID_ARGUMENT,
                    ["nodes[0].node_id"]),
    "init: no address": ("AppService/Init", init(ALICE, raft.Node(node_id=1)), Code.INVALID_ARGUMENT,
                         ["nodes[1].rpc_addr"]),
    "init: no port": ("AppService/Init", init(raft.Node(node_id=1, rpc_addr="nowhere")), Code.INVALID_ARGUMENT,
                      ["nodes[0].rpc_addr"]),
    "init: again": ("AppService/Init", init(raft.Node(node_id=1, rpc_addr="127.0.0.1:1")), Code.FAILED_PRECONDITION,
                    ["history"]),
    "learner: no node": ("AppService/AddLearner", b"", Code.INVALID_ARGUMENT, ["node", "missing"]),
    "learner: no id": ("AppService/AddLearner", learner(rpc_addr="127.0.0.1:7"), Code.INVALID_ARGUMENT,
                       ["node.node_id"]),
    "learner: no address": ("AppService/AddLearner", learner(node_id=7), Code.INVALID_ARGUMENT, ["node.rpc_addr"]),
    "learner: no port": ("AppService/AddLearner", learner(node_id=7, rpc_addr="nowhere"), Code.INVALID_ARGUMENT,
                         ["node.rpc_addr"]),
    "learner: port 0": ("AppService/AddLearner", learner(node_id=7, rpc_addr="127.0.0.1:0"), Code.INVALID_ARGUMENT,
                        ["node.rpc_addr"]),
    "learner: no host": ("AppService/AddLearner", learner(node_id=7, rpc_addr=":21001"), Code.INVALID_ARGUMENT,
                         ["node.rpc_addr"]),
    "learner: line break": ("AppService/AddLearner", learner(node_id=7, rpc_addr="a\nb:1"), Code.INVALID_ARGUMENT,
                            ["node.rpc_addr"]),
    "learner: long address": ("AppService/AddLearner", learner(node_id=7, rpc_addr="h" * 300 + ":1"),
                              Code.INVALID_ARGUMENT, ["node.rpc_addr"]),
    "members: none": ("AppService/ChangeMembership", b"", Code.INVALID_ARGUMENT, ["members", "empty"]),
    "members: 0": ("AppService/ChangeMembership", app.ChangeMembershipRequest(members=[1, 0]), Code.INVALID_ARGUMENT,
                   ["members[1]"]),
    "members: unknown": ("AppService/ChangeMembership", app.ChangeMembershipRequest(members=[1, 99]),
                         Code.INVALID_ARGUMENT, ["node 99"]),
    "members: many": ("AppService/ChangeMembership", app.ChangeMembershipRequest(members=range(1, 101)),
                      Code.INVALID_ARGUMENT, ["members"]),
    "metrics: no protobuf": ("AppService/Metrics", b"\xff", None, []),  # what it is sent does not matter
    "unknown method": ("AppService/Frobnicate", b"", Code.UNIMPLEMENTED, ["/openraftpb.AppService/Frobnicate"]),
    "unknown service": ("NoService/Get", b"", Code.UNIMPLEMENTED, ["/openraftpb.NoService/Get"]),
    # RaftService: what peers send
    "vote: no protobuf": ("RaftService/Vote", b"\xff", Code.INVALID_ARGUMENT, ["VoteRequest"]),
    "vote: none": ("RaftService/Vote", b"", Code.INVALID_ARGUMENT, ["vote", "missing"]),
    "vote: without leader": ("RaftService/Vote", raft.VoteRequest(vote=raft.Vote(committed=False)),
                             Code.INVALID_ARGUMENT, ["vote.leader_id", "missing"]),
    "vote: committed": ("RaftService/Vote", raft.VoteRequest(vote=VOTE), Code.INVALID_ARGUMENT, ["vote.committed"]),
    "append: no protobuf": ("RaftService/AppendEntries", b"\xff", Code.INVALID_ARGUMENT, ["append request"]),
    "append: no vote": ("RaftService/AppendEntries", b"", Code.INVALID_ARGUMENT, ["vote", "missing"]),
    "append: without leader": ("RaftService/AppendEntries", append(vote=raft.Vote(committed=True)),
                               Code.INVALID_ARGUMENT, ["vote.leader_id"]),
    "append: not committed": ("RaftService/AppendEntries", append(vote=CANDIDATE), Code.INVALID_ARGUMENT,
                              ["vote.committed"]),
    "append: gap": ("RaftService/AppendEntries", append(entry(2), entry(4)), Code.INVALID_ARGUMENT,
                    ["entries[1].index", "gap"]),
    "append: not after prev": ("RaftService/AppendEntries", append(entry(5)), Code.INVALID_ARGUMENT,
                               ["entries[0].index", "gap"]),
    "append: term goes back": ("RaftService/AppendEntries", append(entry(2, 3), entry(3, 2)), Code.INVALID_ARGUMENT,
                               ["entries[1].term"]),
    "append: term of the future": ("RaftService/AppendEntries", append(entry(2, HIGH_TERM + 1)),
                                   Code.INVALID_ARGUMENT, ["entries[0].term"]),
    "append: two payloads": ("RaftService/AppendEntries",
                             append(entry(2, app_data=key("k"), membership=membership([1]))),
                             Code.INVALID_ARGUMENT, ["entries[0]", "app_data", "membership"]),
    "append: empty config": ("RaftService/AppendEntries", append(entry(2, membership=membership([]))),
                             Code.INVALID_ARGUMENT, ["entries[0].membership.configs[0]", "empty"]),
    "append: no config": ("RaftService/AppendEntries", append(entry(2, membership=membership())),
                          Code.INVALID_ARGUMENT, ["entries[0].membership.configs"]),
    "append: voter without node": ("RaftService/AppendEntries", append(entry(2, membership=membership([1, 5]))),
                                   Code.INVALID_ARGUMENT, ["membership.nodes", "voter 5"]),
    "append: damaged entry": ("RaftService/AppendEntries", append().SerializeToString() + b"\x1a\x02\x08",
                              Code.INVALID_ARGUMENT, ["append request"]),
    "append: long message": ("RaftService/AppendEntries", b"\0" * (RAFT_MAX + 1), Code.OUT_OF_RANGE,
                             [f"found {RAFT_MAX + 1} bytes", f"limit is {RAFT_MAX} bytes"]),
}

META = raft.SnapshotRequestMeta(vote=VOTE, last_log_id=raft.LogId(term=9, index=900), snapshot_id="s",
                                last_membership=membership([1]))
CHUNK = raft.SnapshotRequest(chunk=b"abc").SerializeToString()


def begin(**changed):
    meta = raft.SnapshotRequestMeta()
    meta.CopyFrom(META)
    for field, value in changed.items():
        meta.ClearField(field)
        if value is not None:
            getattr(meta, field).CopyFrom(value)
    return raft.SnapshotRequest(meta=meta).SerializeToString()


# name: (stream, words of the text)
STREAMS = {
    "empty": ([], ["payload", "empty stream"]),
    "chunk first": ([CHUNK], ["payload", "before meta"]),
    "neither": ([b""], ["payload"]),
    "no protobuf": ([b"\xff"], ["snapshot request"]),
    "no vote": ([begin(vote=None)], ["meta.vote", "missing"]),
    "without leader": ([begin(vote=raft.Vote(committed=True))], ["meta.vote.leader_id"]),
    "not committed": ([begin(vote=CANDIDATE)], ["meta.vote.committed"]),
    "empty config": ([begin(last_membership=membership([]))], ["meta.last_membership.configs[0]"]),
    "voter without node": ([begin(last_membership=membership([5]))], ["membership.nodes", "voter 5"]),
}


@pytest.fixture(scope="module")
def node(shared):
    """A cluster of one, with one key."""
    made = shared.form(1, sets={"transport.raft_message_max": f"{RAFT_MAX}", "node.log_level": "debug",
                                "transport.snapshot_idle_timeout": "300ms"})[1]
    made.set("kept", "value")
    return made


@pytest.fixture
def unchanged(node):
    """Nothing that a node knows or holds differs afterwards, and it serves."""
    before = node.view().frozen()
    yield
    assert node.view().frozen() == before
    assert node.get("kept") == "value"
    node.set("kept", "value")


@pytest.mark.parametrize("name", CASES)
def test_refused(node, unchanged, name):
    method, request, code, words = CASES[name]
    message = request if isinstance(request, bytes) else request.SerializeToString()
    if code is None:
        node.raw(method, message)
        return
    with pytest.raises(grpc.RpcError) as refusal:
        node.raw(method, message)
    assert refusal.value.code() == code, refusal.value.details()
    assert all(word in refusal.value.details() for word in words), refusal.value.details()


def snapshot(node, messages, timeout=20):
    call = node.channel.stream_unary("/openraftpb.RaftService/Snapshot")
    return call(iter(messages), timeout=timeout)


@pytest.mark.parametrize("name", STREAMS)
def test_refused_snapshot(node, unchanged, name):
    messages, words = STREAMS[name]
    with pytest.raises(grpc.RpcError) as refusal:
        snapshot(node, messages)
    assert refusal.value.code() == Code.INVALID_ARGUMENT, refusal.value.details()
    assert all(word in refusal.value.details() for word in words), refusal.value.details()


def test_metadata(node, unchanged):
    """A read level that does not exist is refused by name. Metadata without end is refused too; the core then closes
    that client's connection, and nobody else's."""
    request = types.GetRequest(key="kept").SerializeToString()
    with pytest.raises(grpc.RpcError) as refusal:
        node.raw("AppService/Get", request, metadata=[("rkv-read", "bogus")])
    assert refusal.value.code() == Code.INVALID_ARGUMENT and "rkv-read" in refusal.value.details()
    for size in (17 << 10, 200 << 10):
        with grpc.insecure_channel(node.addr, options=CHANNEL) as rude, pytest.raises(grpc.RpcError) as refusal:
            rude.unary_unary("/openraftpb.AppService/Get")(request, timeout=20, metadata=[("x-long", "x" * size)])
        assert refusal.value.code() == Code.RESOURCE_EXHAUSTED, refusal.value
    assert node.raw("AppService/Get", request, metadata=[("x-long", "x" * (15 << 10)), ("rkv-read", "local")])


def test_limits_themselves_are_allowed(cluster):
    """The longest key with the longest value is taken, replicated and read; one byte more is not (above)."""
    leader = cluster.form(1, 2).leader()
    longest = "k" * KEY_MAX
    leader.set(longest, "v" * VALUE_MAX)
    cluster.settle()
    assert all(node.get(longest) == "v" * VALUE_MAX for node in cluster.alive())
    leader.set("k\0ey", "")  # NUL is a character like others
    cluster.settle()
    assert all(node.get("k\0ey") == "" and node.get("k") is None for node in cluster.alive())


@pytest.fixture
def follower(cluster):
    """A node that a leader of term 1 has talked to: it has entries 0 and 1."""
    node = cluster.start(2, sets={"transport.snapshot_idle_timeout": "300ms"})[2]
    vote = raft.Vote(leader_id=raft.LeaderId(term=1, node_id=1), committed=True)
    first = entry(0, 0, membership=membership([1], nodes=(1, 2)))
    node.raft.AppendEntries(raft.AppendEntriesRequest(vote=vote, entries=[first, entry(1)],
                                                      leader_commit=raft.LogId(term=1, index=1)), timeout=20)
    wait_until(lambda: node.view().applied == 1, "it applied them")
    return node


def snapshot_of_follower(**fields):
    vote = raft.Vote(leader_id=raft.LeaderId(term=1, node_id=1), committed=True)
    meta = raft.SnapshotRequestMeta(vote=vote, last_log_id=raft.LogId(term=1, index=50),
                                    last_membership_log_id=raft.LogId(term=0, index=0),
                                    last_membership=membership([1], nodes=(1, 2)), **fields)
    data = raft.StateMachineData(last_applied=meta.last_log_id, data={"a": "1"},
                                 last_membership_log_id=meta.last_membership_log_id,
                                 last_membership=meta.last_membership)
    return raft.SnapshotRequest(meta=meta).SerializeToString(), data.SerializeToString()


def test_a_snapshot_stream_from_a_stock_client(follower):
    """Meta, then the data in chunks of any size: installed as a whole."""
    meta, data = snapshot_of_follower(snapshot_id="from python")
    chunks = [raft.SnapshotRequest(chunk=data[i:i + 7]).SerializeToString() for i in range(0, len(data), 7)]
    answer = raft.SnapshotResponse.FromString(snapshot(follower, [meta] + chunks))
    assert answer.vote.leader_id.term == 1
    wait_until(lambda: follower.view().applied == 50, "it is installed")
    assert follower.get("a") == "1"


@pytest.mark.parametrize("end", ["second meta", "damaged data", "silence", "cancelled"])
def test_a_snapshot_that_is_not_whole_installs_nothing(follower, end):
    """Whatever ends a stream but its proper end: the node keeps what it had, and says why."""
    meta, data = snapshot_of_follower()
    half = raft.SnapshotRequest(chunk=data[:10]).SerializeToString()
    stop = threading.Event()

    def silent():
        yield meta
        yield half
        stop.wait(20)
    streams = {"second meta": [meta, half, meta], "damaged data": [meta, half], "silence": silent(),
               "cancelled": silent()}
    before = follower.view()
    call = follower.channel.stream_unary("/openraftpb.RaftService/Snapshot").future(iter(streams[end]), timeout=20)
    if end == "cancelled":
        call.cancel()
    error = call.exception() if end != "cancelled" else None
    stop.set()
    if end == "second meta":
        assert error.code() == Code.INVALID_ARGUMENT and "meta" in error.details()
    elif end == "damaged data":
        assert error.code() in (Code.INVALID_ARGUMENT, Code.INTERNAL, Code.DATA_LOSS), error
    elif end == "silence":
        assert error.code() == Code.DEADLINE_EXCEEDED and "snapshot_idle_timeout" in error.details()
    after = follower.view()
    assert (after.applied, after.last_log, after.configs) == (before.applied, before.last_log, before.configs)
    assert follower.get("a") is None

    def whole_one_is_taken():
        try:
            return snapshot(follower, [meta, raft.SnapshotRequest(chunk=data).SerializeToString()]) is not None
        except grpc.RpcError as refusal:
            assert refusal.code() == Code.RESOURCE_EXHAUSTED, refusal  # it may not know yet that the other one ended
            return False
    wait_until(whole_one_is_taken, "a whole one is still taken afterwards")
    wait_until(lambda: follower.get("a") == "1", "a whole one is installed")
