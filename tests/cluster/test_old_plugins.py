"""Plugins built for ABI 1.0 (tests/abi-1.0), alone among today's and all three together: they load and serve, over a
snapshot and a restart; and every command of the host takes them as it takes others."""
import json
import pathlib
import shutil
import subprocess
import sys

import grpc
import pytest

sys.path.append(str(pathlib.Path(__file__).parents[1] / "package"))

from frames import LINEARIZABLE, NOT_LEADER, UNAVAILABLE, Client, Refused  # noqa: E402 (found by the line above)
from nodes import BUILD, LINEARIZABLE as LINEARIZABLE_KEY, PATIENCE, wait_until  # noqa: E402
from stubs import types  # noqa: E402

OLD = {"transport": "transport-tcp", "storage": "storage-mem", "state-machine": "sm-register"}
FOLDER = BUILD / "tests" / "abi-1.0"
HOST = BUILD / "raft-key-value"
SMALL = {"node.snapshot_after_entries": 5, "node.keep_entries": 1}
WAL = {"storage.plugin": "storage-wal", "storage.dir": "{folder}/data-{id}", "storage.segment_bytes": "1MiB"}
ABORTED, TIMEOUT = 7, 9
# A leader that went away in between: all that is asked here may be asked twice.
AGAIN = (NOT_LEADER, UNAVAILABLE, ABORTED, TIMEOUT)
AGAIN_GRPC = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.DEADLINE_EXCEEDED)
VOTERS = [1, 2, 3]
LATE = 4
MIXES = [["transport"], ["storage"], ["state-machine"], list(OLD)]


def old_file(kind):
    return FOLDER / f"{OLD[kind]}.so"


# ---- clients ----

class OverTcp:
    """What a client of transport-tcp says."""

    def __init__(self, node):
        self.node = node

    def ask(self, do):
        """None: this node cannot, ask again."""
        try:
            client = Client(self.node.addr, old=True)
            try:
                return do(client)
            finally:
                client.close()
        except (ConnectionError, TimeoutError):
            return None
        except Refused as refused:
            assert refused.status in AGAIN, refused
            return None

    def init(self, nodes):
        return self.ask(lambda client: client.init({node.id: node.addr for node in nodes}) or True)

    def propose(self, command):
        return self.ask(lambda client: (client.propose(command),))

    def query(self, request):
        return self.ask(lambda client: (client.query(request, LINEARIZABLE),))

    def add_learner(self, node):
        return self.ask(lambda client: client.add_learner(node.id, node.addr) or True)

    def index(self, name):
        told = self.ask(lambda client: client.metrics())
        return told[name] if told else -1


class OverGrpc:
    """The same over transport-grpc, in bytes: it looks into none."""

    def __init__(self, node):
        self.node = node

    def init(self, nodes):
        return self.node.init(nodes) is not None

    def propose(self, command):
        return (self.node.raw("AppService/Set", command),)

    def query(self, request):
        return (self.node.raw("AppService/Get", request, metadata=LINEARIZABLE_KEY),)

    def add_learner(self, node):
        return self.node.add_learner(node) is not None

    def index(self, name):
        return self.node.view().number(name)


class Register:
    """sm-register holds the last command. Shaped as a message that transport-grpc lets pass."""

    @staticmethod
    def command(value):
        return types.SetRequest(key="register", value=value).SerializeToString()

    question = b""

    @staticmethod
    def value(answer):
        return types.SetRequest.FromString(answer).value


class Map:
    """sm-protobuf, one key of it."""

    command = Register.command
    question = types.GetRequest(key="register").SerializeToString()

    @staticmethod
    def value(answer):
        return types.Response.FromString(answer).value


class Story:
    """A cluster of which `old` kinds are of ABI 1.0."""

    def __init__(self, cluster, old):
        self.cluster, self.old = cluster, old
        self.wire = OverTcp if "transport" in old else OverGrpc
        self.machine = Register if "state-machine" in old else Map

    def start(self, *ids):
        sets = {f"{kind}.plugin": old_file(kind) for kind in self.old}
        if "storage" not in self.old:
            sets = {**WAL, **sets}
        self.cluster.start(*ids, sets={**SMALL, **sets})

    def at(self, node_id):
        return self.wire(self.cluster[node_id])

    def until_one(self, act, what):
        """Some node, the leader, does it."""
        return wait_until(lambda: next(filter(None, (self.tried(act, i) for i in VOTERS)), None), what)

    def tried(self, act, node_id):
        try:
            return act(self.at(node_id)) if self.cluster[node_id].alive() else None
        except grpc.RpcError as error:  # no leader, or not this one
            if error.code() not in AGAIN_GRPC:
                raise
            return None

    def write(self, value):
        self.until_one(lambda node: node.propose(self.machine.command(value)), f"{value[:20]} is written")

    def reads(self, node_id, value):
        """Also on a follower, linearizable."""
        def holds():
            answer = self.tried(lambda node: node.query(self.machine.question), node_id)
            return answer and self.machine.value(answer[0]) == value
        wait_until(holds, f"node {node_id} reads {value[:20]}")


@pytest.mark.parametrize("old", MIXES, ids=["-".join(mix) for mix in MIXES])
def test_serves(cluster, old):
    """Three nodes take writes and read them everywhere; a fourth gets all as a snapshot; a killed node comes back, over
    its snapshot and log, or through the leader where its storage forgets."""
    story = Story(cluster, old)
    story.start(*VOTERS)
    assert story.at(1).init([cluster[i] for i in VOTERS])
    story.write("first")
    for i in VOTERS:
        story.reads(i, "first")
    for n in range(12):
        story.write(f"{n}" * 1000)
    story.until_one(lambda node: node.index("purged") > 0, "the log is purged")
    story.start(LATE)
    story.until_one(lambda node: node.add_learner(cluster[LATE]), "a learner is added")
    story.reads(LATE, "11" * 1000)
    wait_until(lambda: story.at(LATE).index("snapshot") > 0, "it came as a snapshot")
    for i in (2, LATE):
        cluster[i].kill()
    story.write("while two were away")
    for i in (2, LATE):
        cluster[i].restart()
        story.reads(i, "while two were away")
    cluster[3].kill()  # node 2 is needed
    story.write("with the one that came back")
    story.reads(2, "with the one that came back")


# ---- commands ----

def run(*words, code=0):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False,
                          timeout=10 * PATIENCE)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("kind", OLD)
def test_plugins_shows_it(kind):
    """With the ABI that it was built for, and its options."""
    shown = json.loads(run(HOST, "plugins", old_file(kind), "--json"))
    assert (shown["kind"], shown["name"], shown["abi"]) == (kind, OLD[kind], "1.0")
    assert all(option["help"] for option in shown["options"])


def test_check_and_contract(tmp_path):
    """check takes all three; require_contract refuses them until rkv-contract has passed them."""
    config = tmp_path / "node.ini"
    text = "[node]\nid = 1\naddr = 127.0.0.1:21001\n"
    for kind in OLD:
        file = tmp_path / old_file(kind).name
        shutil.copy(old_file(kind), file)
        text += f"[{kind}]\nplugin = {file}\nrequire_contract = basic\n"
    config.write_text(text)
    check = (HOST, "check", "--config", config)
    assert run(*check, code=78).count("is missing (run rkv-contract") == len(OLD)
    for kind in OLD:
        words = ("--level", "basic", "--report", "--scratch", tmp_path)
        said = run(BUILD / "rkv-contract", tmp_path / old_file(kind).name, *words)
        assert "\nnot asked of it: what ABI 1.1 and later brought\n" in said
    run(*check)
    log = tmp_path / "log"
    with log.open("w") as out, subprocess.Popen([HOST, "--config", config], stdout=out, stderr=out) as node:
        wait_until(lambda: "listening addr=" in log.read_text(), "the node serves")
        node.terminate()
    assert "contract of storage-mem: not tried: durable (not declared)" in log.read_text()
