"""rkvctl over a transport of one's own: what it carries does what it does over gRPC, and what it lacks is named."""
import re
import subprocess

import pytest

from ctl import rkvctl
from nodes import BUILD, ROOT, free_port, wait_until

DONE, REFUSED, USAGE, NO_ANSWER, NOT_FOUND = range(5)
VOTERS = [1, 2, 3]
OVER_GRPC = ("--transport", "transport-grpc")


@pytest.fixture(scope="module")
def skeleton(tmp_path_factory):
    """The transport that authors begin from, built as they would."""
    plugin = tmp_path_factory.mktemp("skeleton") / "transport-tcp.so"
    found = re.search(r"^RKV_SANITIZE:\w+=(.+)$", (BUILD / "CMakeCache.txt").read_text(), re.MULTILINE)
    checked = [f"-fsanitize={found[1]}"] if found else []  # a sanitizer must see both sides of what they share
    sources = sorted((ROOT / "share" / "skeletons" / "transport").glob("*.c"))
    subprocess.run(["cc", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", *checked, f"-I{ROOT / 'core' / 'include'}",
                    *sources, "-lpthread", "-o", plugin], check=True)
    return plugin


def test_a_cluster_on_the_skeletons_transport(cluster, skeleton):
    """It is initialised, written and read by rkvctl, asked at any node; a follower names the leader."""
    over = ("--transport", skeleton)
    cluster.start(*VOTERS, sets={"transport.plugin": skeleton})
    nodes = [cluster[i] for i in VOTERS]
    answer = rkvctl(*over, "init", *(f"{node.id}={node.addr}" for node in nodes), at=nodes[0])
    assert answer.code == DONE and b"initialised with 3 voters" in answer.out, answer.text()
    for node in nodes:  # two of them send it on to the leader
        answer = rkvctl(*over, "set", f"from-{node.id}", "v" * node.id, at=node)
        assert answer.code == DONE, answer.text()
    for node in nodes:
        for read in nodes:
            answer = rkvctl(*over, "get", f"from-{node.id}", "--read", "linearizable", at=read)
            assert (answer.code, answer.out) == (DONE, b"v" * node.id + b"\n"), answer.text()
    wait_until(lambda: all(rkvctl(*over, "get", "from-3", at=node).out == b"vvv\n" for node in nodes),
               "every node has applied it")
    assert rkvctl(*over, "get", "never", at=nodes).code == NOT_FOUND
    big = "x" * (1 << 16)
    assert rkvctl(*over, "set", "big", "--stdin", at=nodes, stdin=big.encode()).code == DONE
    assert rkvctl(*over, "get", "big", "--read", "linearizable", at=nodes).out.decode() == big + "\n"
    for words, operation in ((("status",), "send_metrics"), (("transfer", 2), "send_transfer"),
                             (("add-learner", "4=127.0.0.1:1"), "send_add_learner"), (("remove", 3), "send_remove")):
        answer = rkvctl(*over, *words, at=nodes)
        assert f"transport-tcp does not carry this call to a node (it has no {operation})" in answer.text()
    for node in nodes[:2]:
        node.kill()
    answer = rkvctl(*over, "--timeout", "1s", "set", "k", "v", at=nodes[2])
    assert answer.code in (NO_ANSWER, REFUSED), answer.text()


def test_who_is_there_speaks_something_else(cluster, skeleton):
    """Each way says what it speaks; nothing there is nothing there."""
    cluster.start(1)
    node = cluster[1]
    answer = rkvctl("--transport", skeleton, "--timeout", "1s", "get", "k", at=node)
    assert answer.code == NO_ANSWER and "did not speak transport-tcp" in answer.text(), answer.text()
    answer = rkvctl("--transport", skeleton, "--timeout", "1s", "get", "k", at=f"127.0.0.1:{free_port()}")
    assert answer.code == NO_ANSWER and "no connection" in answer.text(), answer.text()


@pytest.fixture(scope="module")
def three(shared):
    return shared.form(*VOTERS)


def test_over_the_plugin_as_built_in(three):
    """Every command asks transport-grpc as a plugin and gets what it gets from the gRPC that is built in."""
    nodes = [three[i] for i in VOTERS]
    assert rkvctl(*OVER_GRPC, "set", "k", "värde", at=nodes[1]).code == DONE
    for read in ("local", "linearizable"):
        assert rkvctl(*OVER_GRPC, "get", "k", "--read", read, at=three.leader()).out.decode() == "värde\n"
    answer = rkvctl(*OVER_GRPC, "get", "k", "--read", "lease", at=three.leader())
    assert answer.text() == rkvctl("get", "k", "--read", "lease", at=three.leader()).text()
    assert rkvctl(*OVER_GRPC, "members", "--json", at=nodes).json() == rkvctl("members", "--json", at=nodes).json()
    mine, theirs = (rkvctl(*way, "metrics", "--json", at=nodes[0]).json() for way in (OVER_GRPC, ()))
    assert set(mine) == set(theirs)
    mine, theirs = (rkvctl(*way, "status", at=nodes) for way in (OVER_GRPC, ()))
    assert (mine.code, len(mine.out.splitlines())) == (DONE, len(theirs.out.splitlines())), mine.text()
    leader = three.leader()
    target = next(node for node in nodes if node is not leader)
    assert rkvctl(*OVER_GRPC, "transfer", target.id, at=leader).code == DONE
    wait_until(lambda: three.leader() is target, "the other one leads")
    answer = rkvctl(*OVER_GRPC, "snapshot", at=target)
    assert answer.code == DONE, answer.text()
    words = ("change-membership", 9)
    assert rkvctl(*OVER_GRPC, *words, at=nodes).text() == rkvctl(*words, at=nodes).text()
    words = ("swap-storage", target.id, "--plugin", "storage-wal", "--check")
    assert rkvctl(*OVER_GRPC, *words, at=nodes).text() == rkvctl(*words, at=nodes).text()
    words = ("swap-storage", target.id)
    assert rkvctl(*OVER_GRPC, *words, at=nodes).text() == rkvctl(*words, at=nodes).text()


def test_members_change_over_the_plugin(cluster):
    """A learner comes, votes, is at another address, and leaves."""
    cluster.form(1)
    cluster.start(2)
    new, where = cluster[2], (cluster[1], cluster[2])
    for words in (("add-learner", f"2={new.addr}"), ("change-membership", 1, 2), ("remove", 2)):
        answer = rkvctl(*OVER_GRPC, *words, at=where)
        assert answer.code == DONE, answer.text()
    members = rkvctl(*OVER_GRPC, "members", "--json", at=cluster[1]).json()
    assert members == rkvctl("members", "--json", at=cluster[1]).json()
    answer = rkvctl(*OVER_GRPC, "set-address", "1=127.0.0.1:1", "--json", at=cluster[1])
    assert answer.code == DONE and "127.0.0.1:1" in rkvctl("members", at=cluster[1]).text(), answer.text()


def test_what_is_wrong_with_the_wish():
    """The plugin and its settings are checked before anything is sent."""
    for words, text in (
            (("--transport", "transport-gprc"), "did you mean transport-grpc?"),
            (("--transport", "storage-mem"), "transport"),
            (("--transport",), "--transport"),
            (("--transport-set", "app_message_max=1MiB"), "--transport-set without --transport"),
            ((*OVER_GRPC, "--transport-set", "app_message_max"), "is no KEY=VALUE"),
            ((*OVER_GRPC, "--transport-set", "app_message_max=ten"), "app_message_max"),
            ((*OVER_GRPC, "--transport-set", "colour=red"), "colour"),
            ((*OVER_GRPC, *OVER_GRPC), "--transport is given twice")):
        answer = rkvctl("get", "k", *words)
        assert answer.code == USAGE and text in answer.text(), answer.text()
    assert rkvctl(*OVER_GRPC, "--transport-set", "app_message_max=1MiB", "--timeout", "300ms", "get", "k",
                  at=f"127.0.0.1:{free_port()}").code == NO_ANSWER
