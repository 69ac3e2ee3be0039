"""rkvctl swap-storage, and what status says of a swap, at a node that plays every end of one."""
import concurrent.futures
import os
import pty
import signal
import subprocess

import grpc
import pytest

from ctl import PATIENCE, rkvctl
from nodes import BUILD, free_port, wait_until
from stubs import app, app_grpc, rkv, rkv_grpc

DONE, REFUSED, USAGE, NO_ANSWER = range(4)
LOOK, CHECK, BEGIN, CANCEL = range(4)
NONE, OPENING, SNAPSHOT, LOG, COMPARING, SWITCHING, MOVED, FAILED = range(8)
MIB = 1 << 20
TO = ("--plugin", "storage-wal", "--set", "dir=/srv/wal", "--set", "key=${WORD}")


def at(phase, done=0, total=0, text=""):
    return rkv.SwapStorageResponse(phase=phase, done=done, total=total, text=text)


class PlayedNode(app_grpc.AppServiceServicer, rkv_grpc.AdminServicer):
    """Node 2, alone. `looks`: its answers to LOOK, the last one for ever; an exception is a refusal."""

    def __init__(self):
        self.asked, self.looks, self.metrics, self.refused = [], [at(NONE)], "", {}
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        app_grpc.add_AppServiceServicer_to_server(self, self.server)
        rkv_grpc.add_AdminServicer_to_server(self, self.server)
        self.addr = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def Metrics(self, request, context):
        return app.MetricsResponse(other_metrics=f"Follower state:follower id:2 last_log:4{self.metrics}".encode())

    def SwapStorage(self, request, context):
        self.asked.append(request)
        if request.action in self.refused:
            context.abort(*self.refused[request.action])
        if request.action == LOOK:
            return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if request.action == CHECK:
            return at(NONE, text="to storage-wal\ndir = /srv/wal")
        return at(OPENING)

    def actions(self):
        return [request.action for request in self.asked]


@pytest.fixture
def node():
    played = PlayedNode()
    yield played
    played.server.stop(None).wait()


def swap(node, *words):
    return rkvctl("swap-storage", 2, *words, at=node)


def test_it_checks_begins_and_follows(node):
    """What the node is asked; each phase is told once; the end says which lines to change."""
    node.looks = [at(OPENING), at(SNAPSHOT, MIB, 4 * MIB), at(LOG, 300, 400), at(LOG, 350, 400), at(SWITCHING),
                  at(MOVED, text="[storage]\nplugin = storage-wal")]
    answer = swap(node, *TO, "--yes")
    assert answer.code == DONE, answer.text()
    assert node.actions()[:3] == [CHECK, BEGIN, LOOK]
    for asked in node.asked[:2]:
        assert (asked.plugin, asked.forgetful) == ("storage-wal", True)
        assert list(asked.settings) == ["dir=/srv/wal", "key=${WORD}"]
    assert not node.asked[2].plugin and not node.asked[2].settings
    assert answer.out.decode() == ("node 2 can move to another storage:\n  to storage-wal\n  dir = /srv/wal\n"
                                   "node 2 moved to another storage:\n  [storage]\n  plugin = storage-wal\n")
    assert answer.err.decode() == ("rkvctl: swap-storage: node 2: opening\n"
                                   "rkvctl: swap-storage: node 2: copying the snapshot, 25% of 4.0 MiB\n"
                                   "rkvctl: swap-storage: node 2: copying the log, 75% of 400 entries\n"
                                   "rkvctl: swap-storage: node 2: switching\n")


def test_scripts_get_one_object(node):
    node.looks = [at(LOG, 1, 4), at(MOVED, 4, 4, "a \"line\"\n\x1b")]
    answer = swap(node, *TO, "--json")
    assert answer.code == DONE
    assert answer.json() == {"id": 2, "endpoint": node.addr, "phase": "moved", "done": 4, "total": 4,
                             "text": "a \"line\"\n\x1b"}
    node.looks = [at(FAILED, text="no room")]
    answer = swap(node, *TO, "--json")
    assert answer.code == REFUSED and answer.json()["phase"] == "failed"
    answer = swap(node, *TO, "--json", "--check")
    assert answer.code == DONE and answer.json()["text"].startswith("to storage-wal")


def test_a_check_is_only_a_check(node):
    answer = swap(node, *TO, "--check")
    assert answer.code == DONE and "dir = /srv/wal" in answer.text()
    assert node.actions() == [CHECK] and not node.asked[0].forgetful
    node.refused[CHECK] = (grpc.StatusCode.FAILED_PRECONDITION, "the storage is not empty")
    answer = swap(node, *TO)
    assert answer.code == REFUSED and "the storage is not empty" in answer.text()
    assert node.actions() == [CHECK, CHECK]


def test_a_swap_that_is_given_up(node):
    node.looks = [at(LOG, 1, 4), at(FAILED, text="the device is full\x1b[31m")]
    answer = swap(node, *TO)
    assert answer.code == REFUSED
    assert "node 2 stays on its storage, the swap was given up:\n  the device is full\\x1b[31m\n" in answer.text()
    node.asked.clear()
    assert swap(node).code == REFUSED  # without --plugin: how is it?
    assert node.actions() == [LOOK]


def test_looking_without_a_swap(node):
    answer = swap(node)
    assert answer.code == DONE and answer.text() == "node 2 swaps no storage, and has not since it started\n"


def test_a_swap_is_cancelled(node):
    answer = swap(node, "--cancel")
    assert answer.code == DONE and "stays on its storage" in answer.text()
    assert node.actions() == [CANCEL]
    node.refused[CANCEL] = (grpc.StatusCode.FAILED_PRECONDITION, "no swap runs")
    answer = swap(node, "--cancel")
    assert answer.code == REFUSED and "no swap runs" in answer.text()


def test_a_begin_without_an_answer(node):
    """It may have begun: it is not asked twice."""
    node.refused[BEGIN] = (grpc.StatusCode.DEADLINE_EXCEEDED, "late")
    answer = swap(node, *TO)
    assert answer.code == NO_ANSWER and "may or may not have been carried out" in answer.text()
    assert node.actions() == [CHECK, BEGIN]


def test_a_node_that_goes_away(node):
    """Killed, or killed and started again."""
    node.looks = [at(LOG, 1, 4), at(NONE)]
    answer = swap(node, *TO)
    assert answer.code == NO_ANSWER and "was restarted before its swap ended" in answer.text()
    node.looks = [at(LOG, 1, 4)]
    with following(node, *TO, "--timeout", "500ms") as asked:
        wait_until(lambda: node.actions().count(LOOK) > 3, "it follows")
        node.server.stop(None).wait()
        out, err = asked.communicate(timeout=PATIENCE)
    assert asked.returncode == NO_ANSWER, err
    assert "no answer from " + node.addr in err and "start it as before: if it has moved, it refuses" in err


def test_a_node_with_much_to_do(node):
    """It is there, and says so."""
    node.refused[LOOK] = (grpc.StatusCode.RESOURCE_EXHAUSTED, "too many administrators' calls")
    answer = swap(node, *TO)
    assert answer.code == NO_ANSWER and "the swap goes on; to follow:" in answer.text()
    assert swap(node).code == REFUSED  # nobody knows of a swap


def following(node, *words, **streams):
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **streams}
    return subprocess.Popen([BUILD / "rkvctl", "--endpoints", node.addr, "swap-storage", "2", *words], **streams)


def test_ctrl_c_leaves_the_swap_as_it_is(node):
    node.looks = [at(LOG, 1, 4)]
    with following(node, *TO) as asked:
        wait_until(lambda: node.actions().count(LOOK) > 1, "it follows")
        asked.send_signal(signal.SIGINT)
        out, err = asked.communicate(timeout=PATIENCE)
    assert asked.returncode == -signal.SIGINT
    assert f"to follow:  rkvctl --endpoints {node.addr} swap-storage 2\n" in err
    assert f"to give it up:  rkvctl --endpoints {node.addr} swap-storage 2 --cancel\n" in err
    assert CANCEL not in node.actions()


def test_a_terminal_shows_a_bar(node):
    """With part and rate, cleared at the end; whatever numbers a node sends."""
    node.looks = [at(SNAPSHOT, 2 * MIB, 8 * MIB), at(SNAPSHOT, 6 * MIB, 8 * MIB), at(LOG, 1, 0),
                  at(LOG, 9 * MIB, 8 * MIB), at(LOG, 0, 2**64 - 1), at(99, 4 * MIB, 8 * MIB), at(MOVED)]
    ours, theirs = pty.openpty()
    with following(node, *TO, stderr=theirs) as asked:
        out, _ = asked.communicate(timeout=PATIENCE)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert asked.returncode == DONE and "node 2 moved to another storage" in out
    assert "copying the snapshot [" in shown and "75% of 8.0 MiB" in shown and "MiB/s" in shown
    assert "100% of 8388608" in shown and "does not know" in shown
    assert shown.endswith("\r\x1b[K")


def test_status_tells_of_it(node):
    """While one runs, or after one was given up."""
    assert "storage" not in rkvctl("status", at=node).text()
    assert "swap" not in rkvctl("status", "--json", at=node).json()[0]
    node.metrics = f" swap:{LOG} swap_done:30 swap_total:40"
    answer = rkvctl("status", at=node)
    assert answer.code == DONE
    assert (f"  {node.addr}: node 2 moves to another storage: copying the log, 75% "
            "(`rkvctl swap-storage 2` follows it)\n") in answer.text()
    row = rkvctl("status", "--json", at=node).json()[0]
    assert (row["swap"], row["swap_done"], row["swap_total"]) == ("log", 30, 40)
    node.metrics = f" swap:{FAILED} swap_done:30 swap_total:40"
    assert "gave up moving to another storage (`rkvctl swap-storage 2` says why)" in rkvctl("status", at=node).text()


def test_a_node_that_is_not_there(node):
    answer = rkvctl("swap-storage", 3, *TO, at=node)
    assert answer.code == REFUSED and "node 3 is not among those that answer" in answer.text()
    answer = rkvctl("--timeout", "1s", "swap-storage", 3, *TO, at=f"127.0.0.1:{free_port()}")
    assert answer.code == NO_ANSWER and "does a node listen there?" in answer.text()
    assert not node.asked


def test_what_is_typed_wrong(node):
    """Nothing is sent; a setting, which may be a secret, is not shown."""
    for words, text in [(("--set", "a=b"), "--plugin is missing"), (("--check",), "--plugin is missing"),
                        (("--yes",), "--plugin is missing"), ((*TO, "--cancel"), "--cancel goes alone"),
                        ((*TO, "--plugin", "x"), "given twice"), (("--plugin", ""), "--plugin needs"),
                        ((*TO, "--set", "hunter2"), "--set number 3 is no KEY=VALUE"),
                        ((*TO, "--set"), "--set number 3"), ((*TO, "--set", "=hunter2"), "--set number 3"),
                        ((*TO, *["--set", "a=b"] * 31), "over 32 times")]:
        answer = swap(node, *words, "--json")
        assert answer.code == USAGE and text in answer.json()["text"], answer.text()
        assert "hunter2" not in answer.text()
    assert rkvctl("swap-storage", "two", *TO, at=node).code == USAGE
    assert "belongs to swap-storage" in rkvctl("status", "--plugin", "x", at=node).text()
    assert not node.asked


def test_a_real_node_answers(cluster):
    """The members' addresses lead to the node that is meant; the wire refuses what no host should see."""
    leader = cluster.form(1, 2).leader()
    other = next(node for node in cluster.alive() if node is not leader)
    for words, text in [(("--plugin", "../x"), "plugin: a path"), (("--plugin", b"\xff"), "not UTF-8"),
                        (("--plugin", "x", "--set", "k=\n"), "control character")]:
        command = [BUILD / "rkvctl", "--endpoints", leader.addr, "swap-storage", str(other.id), *words]
        answer = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE)
        assert answer.returncode == REFUSED, answer.stderr
        assert text in answer.stderr.decode() and other.addr in answer.stderr.decode()
    answer = rkvctl("swap-storage", 9, *TO, at=leader)
    assert answer.code == REFUSED and "node 9 is no member" in answer.text()
    other.kill()
    answer = rkvctl("swap-storage", other.id, *TO, at=leader)
    assert answer.code == NO_ANSWER and f"no answer from {other.addr}" in answer.text()
