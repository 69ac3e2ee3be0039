"""What people and scripts get from rkvctl: exit codes, words, numbers."""
import contextlib
import os
import signal
import socket
import threading

import pytest

from ctl import on_terminal, rkvctl
from nodes import BUILD, DURABLE, free_port, wait_until
from stubs import types

DONE, REFUSED, USAGE, NO_ANSWER, NOT_FOUND, UNWRITTEN = range(6)


@pytest.fixture(scope="module")
def one(shared):
    return shared.form(1)[1]


def test_each_end_has_its_exit_code(one):
    """0 done, 1 refused, 2 usage, 3 no answer, 4 not found, 5 done but not printed."""
    assert rkvctl("set", "k", "v", at=one).code == DONE
    assert rkvctl("get", "never", at=one).code == NOT_FOUND
    assert rkvctl("get", "never", "--json", at=one).json()["found"] is False
    assert rkvctl("change-membership", 9, at=one).code == REFUSED
    assert rkvctl("get", at=one).code == USAGE
    assert rkvctl("get", "k", at=f"127.0.0.1:{free_port()}").code == NO_ANSWER
    with open("/dev/full", "wb") as full:
        assert rkvctl("get", "k", at=one, stdout=full).code == UNWRITTEN
        assert rkvctl("set", "k", "w", at=one, stdout=full).code == UNWRITTEN
        assert rkvctl("--help", stdout=full).code == UNWRITTEN
        assert rkvctl("get", "never", "--json", at=one, stdout=full).code == NOT_FOUND
    assert one.get("k") == "w"


def test_values_come_from_stdin(one):
    """More than a command line takes, every byte as it is."""
    value = ("line\n" * 200_000)[:1 << 20].encode()
    assert rkvctl("set", "big", "--stdin", at=one, stdin=value).code == DONE
    assert one.get("big").encode() == value
    assert rkvctl("get", "big", at=one).out == value + b"\n"
    assert rkvctl("get", "big", "--raw", at=one).out == value
    assert rkvctl("set", "empty", "--stdin", at=one).code == DONE
    assert one.get("empty") == ""
    assert rkvctl("set", "k", "v", "--stdin", at=one).code == USAGE
    assert rkvctl("set", "k", at=one).code == USAGE
    assert rkvctl("get", "k", "--stdin", at=one).code == USAGE


def test_bytes_do_not_steer_a_terminal(one):
    """Escapes of a value, C1 bytes too, are shown; a pipe and --raw get them as they are."""
    value = "a\x1b[31m\x9b2J\x07é"
    one.set("rude", value)
    assert rkvctl("get", "rude", at=one).out == value.encode() + b"\n"
    assert on_terminal("get", "rude", at=one) == (DONE, b"a\\x1b[31m\\xc2\\x9b2J\\x07\xc3\xa9\r\n")
    assert b"\x1b[31m" in on_terminal("get", "rude", "--raw", at=one)[1]
    shown = on_terminal("get", "rude", "--json", at=one)[1]
    assert b"\x1b" not in shown and b"\xc2\x9b" not in shown


def test_any_bytes_reach_a_machine_of_ones_own(cluster, tmp_path):
    """apply and query: bytes in from each source, answers out in each form, by a register that no rkvctl knows."""
    cluster.form(1, 2, 3, sets={"state-machine.plugin": BUILD / "tests" / "abi-1.0" / "sm-register.so"})
    follower = next(node for node in cluster.alive() if node is not cluster.leader())
    every = bytes(range(256))
    out, file = tmp_path / "out", tmp_path / "in"
    out.write_bytes(b"longer than the answer" * 10_000)
    file.write_bytes(every)
    assert rkvctl("apply", "--text", "a\x1b", at=follower).out == b"\n"  # the answer: what was there before
    assert rkvctl("apply", "--hex", "00 FF0a", at=follower).out == b"a\\x1b\n"
    assert rkvctl("apply", "--file", file, "--as-hex", at=follower).out == b"00ff0a\n"
    assert rkvctl("apply", "--stdin", "--raw", at=follower, stdin=b"\xff\0" * 100_000).out == every
    done = rkvctl("apply", "--text", "", "--out", out, at=follower)
    assert (done.code, done.out, out.read_bytes()) == (DONE, b"", b"\xff\0" * 100_000)
    assert rkvctl("apply", "--text", "é", "--json", at=follower).json()["text"] == ""
    answer = rkvctl("query", "--text", "", "--read", "linearizable", "--json", at=follower).json()
    assert (answer["text"], answer["hex"], answer["bytes"]) == ("é", "c3a9", 2)
    refused = rkvctl("query", "--text", "x", "--out", out, at=follower)
    assert refused.code == REFUSED and "read by an empty one" in refused.text()
    assert out.read_bytes() == b"\xff\0" * 100_000  # nothing came, so nothing is replaced
    for words, said in [((), "give one of --text"), (("two words",), "\"two words\": bytes are given by an option"),
                        (("--text", "a", "--stdin"), "only one of"),
                        (("--hex", "0g"), "character 2"), (("--hex", "012"), "3 digits"),
                        (("--file", tmp_path / "none"), "No such file"),
                        (("--text", "a", "--out", tmp_path), "Is a directory"),
                        (("--text", "a", "--read", "lease"), "belongs to get and query")]:
        wrong = rkvctl("apply", *words, at=follower)
        assert wrong.code == USAGE and said in wrong.text(), wrong.text()
    assert rkvctl("query", "--text", "", at=cluster.leader()).out == "é\n".encode()  # none of them was sent
    with open("/dev/full", "wb") as full:
        assert rkvctl("apply", "--text", "v", at=follower, stdout=full).code == UNWRITTEN
    assert rkvctl("apply", "--text", "w", "--out", "/dev/full", at=follower).code == UNWRITTEN
    assert rkvctl("query", "--text", "", "--read", "linearizable", at=follower).out == b"w\n"


def test_usage_is_answered(one):
    """help, version and near misses; with --json an object."""
    assert rkvctl("help").out == rkvctl("--help").out == rkvctl("-h").out != b""
    assert rkvctl("help", "set").out == rkvctl("set", "--help").out != b""
    assert rkvctl("version").out == rkvctl("--version").out != b""
    for wrong, hint in [("put", "set"), ("read", "get"), ("stauts", "status")]:
        answer = rkvctl(wrong, "k")
        assert answer.code == USAGE and f"did you mean {hint}?" in answer.text()
    for wrong, hint in [("--timout", "--timeout"), ("--jsn", "--json"), ("--wai", "--wait")]:
        answer = rkvctl("status", wrong)
        assert answer.code == USAGE and f"unknown option {wrong} (did you mean {hint}?)" in answer.text()
    assert "--wait does not take what follows the =" in rkvctl("status", "--wait=x").text()
    assert "(usage: rkvctl members)" in rkvctl("members", "x").text()
    assert "cannot be deleted" in rkvctl("del", "k").text()
    for words in [("frobnicate",), ("get",), ("set", "k", "v", "w"), ("--frob", "x"), ("get", "k", "--retain"), (),
                  ("init", "1=a:1", "1=b:1"), ("change-membership", "2", "2"), ("transfer", "x")]:
        answer = rkvctl(*words, "--json")
        assert answer.code == USAGE and answer.json()["error"] == "usage", words


def test_a_repeated_id_is_refused(one):
    answer = rkvctl("init", f"1={one.addr}", "1=127.0.0.1:9", at=one)
    assert answer.code == USAGE and "given twice" in answer.text()


def test_what_is_already_so_is_done(one):
    assert rkvctl("init", f"1={one.addr}", at=one).code == DONE
    assert rkvctl("transfer", 1, at=one).code == DONE
    assert rkvctl("init", "1=127.0.0.1:9", at=one).code == REFUSED
    assert rkvctl("transfer", 7, at=one).code == REFUSED


def test_a_port_of_another_kind(one):
    """It is said that something listens there."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        at = "127.0.0.1:%d" % other.getsockname()[1]
        answer = rkvctl("--timeout", "1s", "get", "k", at=at)
        assert answer.code == NO_ANSWER and "did not speak gRPC" in answer.text()
        answer = rkvctl("--timeout", "1s", "status", at=[one, at])
        assert answer.code == DONE and "did not speak gRPC" in answer.text()
    assert "no connection" in rkvctl("get", "k", at=f"127.0.0.1:{free_port()}").text()


def copy(source, target):
    """One direction of a connection, until it ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def reluctant(node, count):
    """An address whose first `count` connections end at once; each later one leads to the node."""
    ends = []

    def serve():
        with contextlib.suppress(OSError):
            for made in range(1 << 20):
                outer, _ = listener.accept()
                if made < count:
                    outer.close()
                    continue
                inner = socket.create_connection(tuple(node.addr.split(":")))
                ends.extend((outer, inner))
                for way in ((outer, inner), (inner, outer)):
                    threading.Thread(target=copy, args=way, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield "127.0.0.1:%d" % listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        server.join()
    for end in ends:
        end.close()


def test_a_connection_that_fails_is_made_again(one):
    """Nothing was sent yet: the next attempt is the one that counts, and what is sent is sent once."""
    last = one.view().last_log
    with reluctant(one, 3) as at:  # two attempts, and the look between them
        answer = rkvctl("set", "again", "v", at=at)
        assert answer.code == DONE, answer.text()
    assert one.get("again") == "v" and one.view().last_log == last + 1
    with reluctant(one, 3) as at:
        answer = rkvctl("status", "--json", at=at)
        assert answer.code == DONE and any(row["addr"] == at and row["answered"] for row in answer.json())
    with reluctant(one, 1 << 20) as at:  # it ends, long before the time is up
        answer = rkvctl("--timeout", "60s", "set", "again", "w", at=at)
        assert answer.code == NO_ANSWER and "did not speak gRPC when it was asked to" in answer.text()
    assert one.get("again") == "v"


def test_people_count_as_raft_does(one):
    """The same entry has the same number in set, status, metrics, snapshot and the node's log."""
    last = one.view().last_log + 1  # the wire counts from 0
    (row,) = rkvctl("status", "--json", at=one).json()
    assert row["last_log"] == last and row["last_applied"].endswith(f".{last}")
    metrics = rkvctl("metrics", "--json", at=one).json()
    assert metrics["last_log"] == last
    assert metrics["last_applied"] == metrics["committed"] == f"{row['term']}.{last}"
    assert rkvctl("snapshot", "--json", at=one).json()["log_id"]["index"] == last
    assert rkvctl("metrics", "--json", at=one).json()["snapshot"] == f"{row['term']}.{last}"
    changed = rkvctl("change-membership", 1, "--json", at=one).json()
    assert changed["log_id"]["index"] == last + 1 == one.view().last_log + 1


def test_every_number_has_a_meaning(one):
    """metrics --help: a line for each metric, the plugins' too; without a node the command's own help."""
    told = rkvctl("metrics", "--help", at=one)
    lines = dict(line.split(None, 1) for line in told.out.decode().splitlines() if line.startswith("  "))
    shown = set(rkvctl("metrics", "--json", at=one).json()) - {"endpoint", "Leader"}
    assert told.code == DONE and "sm-protobuf.keys" in shown
    assert shown <= set(lines), shown - set(lines)
    alone = rkvctl("metrics", "--help", at=f"127.0.0.1:{free_port()}")
    assert alone.code == DONE and "all numbers" in alone.text() and "no connection" in alone.text()


def test_the_examples_words_are_there(one):
    """Scripts look for them in what the node says."""
    assert one.view().text.startswith("Leader state:leader ")


def test_before_init_and_strangers(cluster):
    """A node without a cluster, and one that the others do not know, in words."""
    cluster.start(1, 2)
    answer = rkvctl("members", at=cluster[1])
    assert answer.code == DONE and "belongs to no cluster yet" in answer.text()
    answer = rkvctl("status", at=cluster[1])
    assert answer.code == DONE and "no cluster" in answer.text() and "rkvctl init" in answer.text()
    answer = rkvctl("--timeout", "1s", "set", "k", "v", at=cluster[1])
    assert answer.code == REFUSED and "rkvctl init" in answer.text()
    cluster[1].init([cluster[1]])
    cluster[2].init([cluster[2]])
    cluster.leader([1])
    answer = rkvctl("status", at=[cluster[1], cluster[2], f"127.0.0.1:{free_port()}"])
    assert "is a stranger" in answer.text() and "no connection" in answer.text()


def test_a_node_that_stops_refuses(cluster):
    """`is stopping` is its own word: nothing was done, and another endpoint is asked."""
    leader = cluster.form(1, 2, 3).leader()
    followers = [node for node in cluster.alive() if node is not leader]
    for node in followers:
        node.freeze()
    held = leader.app.Set.future(types.SetRequest(key="held", value="x"), timeout=20)
    wait_until(lambda: leader.view().number("in_flight") > 0, "a write waits")
    leader.signal(signal.SIGTERM)
    answer = rkvctl("--timeout", "2s", "--json", "set", "k", "v", at=leader)
    assert answer.code == REFUSED and answer.json()["may_have_happened"] is False, answer.text()
    assert "is stopping" in answer.text()
    for node in followers:
        node.thaw()
    held.exception()


def test_no_majority_is_said(cluster):
    """Three of five are gone: status, set and get --read linearizable say so and end with 3."""
    cluster.form(1, 2, 3, 4, 5, sets=DURABLE)
    leader = cluster.leader()
    gone = [leader] + [node for node in cluster.alive() if node is not leader][:2]
    left = [node for node in cluster.alive() if node not in gone]
    for node in gone:
        node.kill()
    for words in [("status",), ("--timeout", "2s", "set", "k", "v"), ("--timeout", "2s", "get", "k", "--read",
                                                                       "linearizable")]:
        answer = rkvctl(*words, at=left)
        assert answer.code == NO_ANSWER, answer.text()
        assert "3 of 5 voters do not answer: no majority" in answer.text()
        assert "init" not in answer.text()
    waited = rkvctl("--timeout", "1s", "status", "--wait", at=left)
    assert waited.code == NO_ANSWER and "waiting: 3 of 5 voters" in waited.text()
    assert "nobody" not in waited.text(), waited.text()  # two answer, to the end
    for node in gone:
        node.restart()
    waited = rkvctl("--timeout", "50s", "status", "--wait=voters", at=left)
    assert waited.code == DONE, waited.text()
    assert {view.last_log for view in cluster.views(cluster.alive()).values()} == {left[0].view().last_log}


def test_waiting_names_who_is_missing(cluster):
    cluster.form(1, 2, 3)
    follower = next(node for node in cluster.alive() if node is not cluster.leader())
    follower.freeze()
    others = [i for i in (1, 2, 3) if i != follower.id]
    waited = rkvctl("--timeout", "1s", "status", "--wait", at=cluster.leader(others))
    assert waited.code == NO_ANSWER and f"node {follower.id} does not answer" in waited.text()
    os.kill(follower.process.pid, signal.SIGCONT)
    assert rkvctl("--timeout", "50s", "status", "--wait", at=cluster[1]).code == DONE
