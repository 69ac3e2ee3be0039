"""Addresses behind which no node answers: nobody there, one that hangs, one that hangs up."""
import os
import pathlib
import socket
import threading
import time

import grpc
import pytest

from nodes import free_port, wait_until
from pace import SLOW
from stubs import raft

CALLER_SECONDS = 1.0
IDLE_SECONDS = 1.0
IDLE_SHARE_MAX = 0.10  # of one processor, for a node that has nothing to do


class Silent:
    """Accepts nothing: the kernel takes the connection, and nobody reads."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(16)
        self.addr = "127.0.0.1:%d" % self.socket.getsockname()[1]

    def close(self):
        self.socket.close()


class Resetting(Silent):
    """Accepts, and closes with a reset at once."""

    def __init__(self):
        super().__init__()
        self.accepted = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        super().close()
        self.thread.join()


class Refusing:
    def __init__(self):
        self.addr = f"127.0.0.1:{free_port()}"

    def close(self):
        pass


@pytest.fixture(params=[Refusing, Silent, Resetting], ids=["refuses", "hangs", "resets"])
def stranger(request):
    made = request.param()
    yield made
    made.close()


def cpu_seconds(node):
    fields = pathlib.Path(f"/proc/{node.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_share(nodes):
    """The largest share of a processor that one of the nodes takes while nothing is asked of it."""
    before = [cpu_seconds(node) for node in nodes]
    time.sleep(IDLE_SECONDS)  # not a wait for something: the measurement itself
    return max(cpu_seconds(node) - cpu for node, cpu in zip(nodes, before)) / IDLE_SECONDS


@pytest.mark.alone
def test_a_peer_that_does_not_answer(cluster, stranger):
    """add-learner of it ends with the caller's deadline; as learner and as voter it disturbs nobody, costs nothing
    and does not fill the log."""
    cluster.form(1, 2)
    leader = cluster.leader()
    began = time.monotonic()
    with pytest.raises(grpc.RpcError) as refusal:
        leader.add_learner(raft.Node(node_id=9, rpc_addr=stranger.addr), timeout=CALLER_SECONDS)
    assert refusal.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED and refusal.value.details()
    assert CALLER_SECONDS * 0.9 <= time.monotonic() - began < CALLER_SECONDS + 1
    assert leader.view().learners() == [9]  # it is one all the same, as the text says

    leader.set_many((f"k{i}", "v") for i in range(200))
    leader.change([1, 2, 9])
    began = time.monotonic()
    for i in range(50):
        leader.set(f"one-{i}", "v")
    assert time.monotonic() - began < 5, "writes wait for the peer that does not answer"
    assert cluster.leader() is leader
    cluster.settle()
    assert len(leader.log_lines(" WARN ", "peer=9")) <= 4, leader.tail()
    if not SLOW:  # more than once: a virtual machine that stands still for a moment is charged to who runs
        wait_until(lambda: cpu_share(cluster.alive()) < IDLE_SHARE_MAX, "an idle node takes next to no processor", 5)

    leader.change([1, 2])
    wait_until(lambda: 9 not in leader.view().nodes, "it is gone")


def test_a_peer_that_comes_late(cluster):
    """A learner that was added before it ran is served as soon as it runs."""
    leader = cluster.form(1)[1]
    leader.set("a", "1")
    late = cluster.start(2)[2]
    late.kill()
    with pytest.raises(grpc.RpcError):
        leader.add_learner(late, timeout=5 if SLOW else 0.5)
    if not SLOW:  # there the call may end before the node comes to say so
        assert leader.told("learner catches up id=2", "does not answer"), "it says what is waited for"
    late.spawn(late.addr)
    wait_until(late.is_listening, "it runs")
    wait_until(lambda: late.get("a") == "1", "it has what was written before it came")
