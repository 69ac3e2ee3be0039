"""More connections than a node can or may hold: it refuses some, says so, and serves on."""
import contextlib
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

import pytest

from http2 import GOAWAY, PING, PREFACE, SETTINGS, frame, read_frame
from nodes import BUILD, DURABLE, Node, free_port, wait_until
from pace import ELECTION, timers_of

STRANGER = ("127.0.0.2", 0)  # nodes are at 127.0.0.1
PASSIVE = timers_of(50, 30000, 60000)  # never a candidate
IDLE = 1100  # more than a soft limit of 1,024 descriptors lets a process have


@pytest.fixture(autouse=True)
def room_for_sockets():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def few_descriptors(monkeypatch):
    """Nodes may open 1,024, whatever they ask for."""
    command = Node.command
    monkeypatch.setattr(Node, "command", lambda *words: ["prlimit", "--nofile=1024:1024", "--", *command(*words)])


def connect(stack, node, origin=None):
    host, port = node.addr.split(":")
    connection = stack.enter_context(socket.create_connection((host, int(port)), 20, origin))
    connection.settimeout(20)
    return connection


def served_anew(node):
    """Does a client that connects now get an answer?"""
    done = subprocess.run([str(BUILD / "rkvctl"), "--endpoints", node.addr, "get", "a"], capture_output=True,
                          text=True, timeout=30, check=False)
    return done.returncode == 0 and "1" in done.stdout


def is_open(connection):
    """False: the node has closed it."""
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def metric(node, name):
    return int(node.view().pairs[f"transport-grpc.{name}"])


@pytest.mark.alone
@pytest.mark.parametrize("sets", [None, {"transport.connections_per_address_max": 2000}], ids=["address", "all"])
def test_out_of_descriptors_and_back(cluster, few_descriptors, sets):
    """1,100 idle connections where 1,024 descriptors are: some are refused, with a line; who led goes on to lead;
    closed again, new clients are served."""
    cluster.form(1, 2, 3, sets=sets)
    leader = cluster.leader()
    leader.set("a", "1")
    term = leader.view().term
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            connect(stack, leader)
        wait_until(lambda: leader.log_lines("WARN", "connections refused", "raise"), "it says that it refuses")
        time.sleep(3 * ELECTION)
        leader.set("b", "2")
        assert leader.view().term == term and leader.view().state == "leader"
    wait_until(lambda: served_anew(leader), "a new client is served")
    assert len(leader.log_lines("connections refused")) <= 4
    assert metric(leader, "connections_open") < 64


def test_as_many_as_are_allowed(cluster):
    """connections_max and connections_per_address_max: who comes late is hung up on, who leaves makes room."""
    node = cluster.form(1, sets={"transport.connections_max": 20, "transport.connections_per_address_max": 10})[1]
    node.set("a", "1")  # one of the ten
    with contextlib.ExitStack() as stack:
        connections = [connect(stack, node) for _ in range(12)]
        wait_until(lambda: sum(map(is_open, connections)) == 9, "three are refused")
        assert metric(node, "connections_refused_address") == 3
        assert metric(node, "connections_open") == 10
        assert not served_anew(node)
        connections[0].close()
        wait_until(lambda: served_anew(node), "there is room for one")
    assert node.told("WARN", "connections refused", "connections_per_address_max")


def test_members_have_seats_of_their_own(cluster):
    """Strangers hold all of connections_max; members that come back are taken all the same."""
    cluster.start(1, 2, sets=DURABLE)
    full = cluster.start(3, sets={**DURABLE, "transport.connections_max": 10}, timers=PASSIVE)[3]
    cluster[1].init([cluster[i] for i in (1, 2, 3)])
    cluster.leader(among=(1, 2, 3))
    cluster.settle()
    with contextlib.ExitStack() as stack:
        strangers = [connect(stack, full, STRANGER) for _ in range(12)]
        for stranger in strangers:  # who says nothing is hung up on after a while
            with contextlib.suppress(OSError):
                stranger.sendall(PREFACE + frame(SETTINGS, 0, 0))
        wait_until(lambda: metric(full, "connections_refused") > 0, "there is no room")
        for i in (1, 2):
            cluster[i].kill()
        refused = metric(full, "connections_refused")
        strangers += [connect(stack, full, STRANGER) for _ in range(4)]
        wait_until(lambda: metric(full, "connections_refused") > refused, "theirs are taken")
        for i in (1, 2):
            cluster[i].restart()
        assert cluster.leader() is not full
        cluster.set("a", "1", start=cluster[1])
        cluster.catch_up()
        assert sum(map(is_open, strangers)) >= 5
        refused = metric(full, "connections_refused")
        connect(stack, full, STRANGER)
        wait_until(lambda: metric(full, "connections_refused") > refused, "still no room for strangers")


def descriptors_of(node):
    return len(list(pathlib.Path(f"/proc/{node.process.pid}/fd").iterdir()))


def test_the_last_descriptor_turns_clients_away(cluster):
    """The process itself runs out, below connections_max: clients are hung up on, not left waiting; then it has some
    again."""
    node = cluster.form(1)[1]
    node.set("a", "1")
    pid = node.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    for _ in range(2):
        before = metric(node, "connections_refused_descriptors")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors_of(node), hard))
        with contextlib.ExitStack() as stack:
            for connection in [connect(stack, node) for _ in range(5)]:
                assert connection.recv(1) == b""
        assert metric(node, "connections_refused_descriptors") == before + 5
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert served_anew(node)
    node.told("WARN", "connections refused", "no file descriptor left", "LimitNOFILE")


def test_not_even_the_last_descriptor(cluster):
    """The limit falls below what is open, so that the spare one cannot be opened again: clients wait, and are served
    once there are descriptors."""
    node = cluster.form(1)[1]
    node.set("a", "1")
    pid = node.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
    with contextlib.ExitStack() as stack:
        waiting = [connect(stack, node) for _ in range(3)]
        node.set("a", "1")  # who is in is served
        time.sleep(1)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert served_anew(node)
        assert all(map(is_open, waiting[1:]))
    wait_until(lambda: metric(node, "connections_open") == 1, "they are gone")


def cpu_seconds(node):
    fields = pathlib.Path(f"/proc/{node.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_limit_below_the_silent_connections(cluster):
    """The limit falls below what the accepting thread looks at: it does not spin, and the node stops as asked."""
    node = cluster.form(1)[1]
    hard = resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE)[1]
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            connect(stack, node)
        time.sleep(0.5)
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (64, hard))
        connect(stack, node)  # wakes the thread
        before = cpu_seconds(node)
        time.sleep(2)
        assert cpu_seconds(node) - before < 1
        node.signal(signal.SIGTERM)
        assert node.wait() == 0


def test_too_few_descriptors_to_begin():
    """A sentence and exit 69, not the words of a library."""
    for count in (9, 11, 20, 63):
        done = subprocess.run(["prlimit", f"--nofile={count}:{count}", "--", str(BUILD / "raft-key-value"), "--id", "1",
                               "--addr", f"127.0.0.1:{free_port()}"], capture_output=True, text=True, timeout=60,
                              check=False)
        assert (done.returncode, done.stdout) == (69, ""), done
        assert done.stderr.count("\n") == 1 and f"may open {count}" in done.stderr and "ulimit -n" in done.stderr


def test_the_soft_limit_is_raised(cluster):
    """A soft limit of 64 below a hard one that is higher: the node may open what the hard one says."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(64, soft // 2), hard))
    node = cluster.form(1)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)


def test_pings_without_end(cluster):
    """A client that pings as fast as it can is told to go and is hung up on; the node serves on."""
    node = cluster.form(1)[1]
    node.set("a", "1")
    with contextlib.ExitStack() as stack:
        connection = connect(stack, node)
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0) + frame(PING, 0, 0, b"12345678") * 100)
        kinds = []
        with contextlib.suppress(AssertionError, ConnectionError):  # the end of the connection
            while True:
                kinds.append(read_frame(connection)[0])
        assert kinds[-1] == GOAWAY
    assert served_anew(node)


def test_who_speaks_no_http2_is_counted(cluster):
    """Hung up on at once by who reads the first words, in pieces or not; a client that begins with them is served."""
    node = cluster.form(1)[1]
    node.set("a", "1")
    with contextlib.ExitStack() as stack:
        for words in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"x"):
            connection = connect(stack, node)
            connection.sendall(words)
            with contextlib.suppress(ConnectionError):
                assert connection.recv(1) == b""
        slow = connect(stack, node)
        for byte in PREFACE + frame(SETTINGS, 0, 0):
            slow.sendall(bytes([byte]))
        assert read_frame(slow)[0] == SETTINGS
        connect(stack, node).close()
        assert metric(node, "connections_strange") == 3
    node.told("WARN", "connections ended", "something else than plain HTTP/2")
    assert served_anew(node) and not node.log_lines("said nothing")


@pytest.mark.long
def test_who_says_nothing_is_counted(cluster):
    """After 10 s; also beyond those that the node itself watches."""
    node = cluster.form(1, sets={"transport.connections_per_address_max": 2000})[1]
    node.set("a", "1")
    with contextlib.ExitStack() as stack:
        silent = [connect(stack, node) for _ in range(300)]
        wait_until(lambda: sum(map(is_open, silent)) == 0, "all are hung up on", 40)
        assert metric(node, "connections_silent") == 256
    node.told("WARN", "connections ended", "said nothing for 10000 ms")
    assert served_anew(node)
