"""Frames without end, on which the core never looks up: who leads goes on to lead, clients are served, and it stops."""
import contextlib
import threading
import time

import grpc
import pytest

from http2 import DATA, SETTINGS, connect, frame, opening
from nodes import STOP_SECONDS
from pace import CALM, SLOW, timers_of

SECONDS = 3 * CALM[2] / 1000  # a leader that is kept from its peers is deposed long before
SERVED = 20                   # writes meanwhile: without help not one
FLOODS_MAX = 3                # tries: on a busy machine a leader may be late by itself
FRAMES = 7000                 # handed to the socket at once
FLOODS = {"settings": frame(SETTINGS, 0, 0), "empty data": frame(DATA, 0, 1)}

pytestmark = pytest.mark.alone  # a flood takes what others need


def pour(connection, frames, over):
    with contextlib.suppress(OSError):  # hung up on
        while not over.is_set():
            connection.sendall(frames)


def drain(connection):
    with contextlib.suppress(OSError):
        while connection.recv(1 << 20):
            pass


@contextlib.contextmanager
def flood(node, kind):
    """One connection that sends frames of this kind as fast as they go."""
    over = threading.Event()
    with connect(node.addr) as connection:
        connection.sendall(opening(node.addr, "/openraftpb.AppService/Set"))
        threads = [threading.Thread(target=pour, args=(connection, FLOODS[kind] * FRAMES, over)),
                   threading.Thread(target=drain, args=(connection,))]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            with contextlib.suppress(OSError):
                connection.shutdown(2)
            for thread in threads:
                thread.join()


def writes(node, seconds):
    """How many are acknowledged. A single one may be late: the core may have put its connection behind a flood."""
    end, served = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        with contextlib.suppress(grpc.RpcError):
            node.set("b", "2", timeout=1)
            served += 1
    return served


def stays(cluster, kind):
    """One flood at the leader: it serves on; did it stay leader?"""
    leader = cluster.leader()
    leader.set("a", "1")
    term = leader.view().term
    with flood(leader, kind):
        served = writes(leader, SECONDS)
    after = leader.view()
    return served >= SERVED and after.term == term and after.state == "leader"


@pytest.mark.slow  # sanitizers make every leader late
@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_deposes_nobody(cluster, kind):
    """As a rule (docs/security.md): without help it is deposed by each."""
    cluster.form(1, 2, 3, timers=timers_of(*CALM))
    assert any(stays(cluster, kind) for _ in range(FLOODS_MAX))


def test_a_flood_does_not_keep_a_node_from_stopping(cluster):
    node = cluster.form(1)[1]
    with flood(node, "empty data"), flood(node, "settings"):
        node.told("WARN", "does not come back", "raft-key-value/security.md")  # a thread is kept
        if not SLOW:  # there a call beside floods may wait for a minute
            assert int(node.view().pairs["transport-grpc.poller_reliefs"]) > 0
        node.dismiss()
        assert node.process.wait(STOP_SECONDS) == 0
