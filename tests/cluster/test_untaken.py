"""Clients in bare HTTP/2 that take no answer, or begin more calls than they may: ended, told, others served."""
import struct

import pytest

from http2 import ACK, DATA, END_STREAM, RST_STREAM, SETTINGS, connect, frame, message_of, opening, read_frame
from nodes import wait_until

INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS = 4, 3
NO_WINDOW = struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)
VALUE = 100_000  # more than the core buffers of a stream that has no window
GET = message_of(b"\x0a\x01k")
# answers to so many empty commands, each a refusal with a text, are more than that too
WRITE = message_of(b"\x0a\x00" * 4096)


def metric(node, name):
    return int(node.view().pairs[f"transport-grpc.{name}"])


def serve(cluster, **sets):
    node = cluster.form(1, sets={f"transport.{name}": value for name, value in sets.items()})[1]
    node.set("k", "v" * VALUE)
    return node


def ask_and_never_take(node, count, path="AppService/Get", message=GET):
    """A connection with so many calls whose answers have no window."""
    connection = connect(node.addr, NO_WINDOW)
    for i in range(count):
        stream = 2 * i + 1
        connection.sendall(opening(node.addr, "/openraftpb." + path if "." not in path else path, stream) +
                           frame(DATA, END_STREAM, stream, message))
    return connection


def resets(connection, count):
    """Reads until the node has reset so many streams."""
    while count > 0:
        kind, flags, _ = read_frame(connection)
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0))
        count -= kind == RST_STREAM


@pytest.mark.parametrize("path, message", [("AppService/Get", GET), ("/rkv.v1.Stream/Write", WRITE)],
                         ids=["get", "write"])
def test_answers_that_nobody_takes(cluster, path, message):
    """After answer_timeout the calls are reset, whatever else the client does."""
    node = serve(cluster, answer_timeout="300ms")
    with ask_and_never_take(node, 3, path, message) as connection:
        resets(connection, 3)
        assert metric(node, "untaken_answers") == 3
        node.told("WARN", "calls ended", "answer_timeout")
        assert node.get("k") == "v" * VALUE


def test_more_answers_than_memory_is_for(cluster):
    """Beyond answers_max the oldest go, long before their time; the youngest may wait."""
    node = serve(cluster, answers_max="1MiB")
    with ask_and_never_take(node, 50) as connection:
        resets(connection, 40)
        wait_until(lambda: metric(node, "untaken_answers") == 40, "and no further one")
        assert node.get("k") == "v" * VALUE


def test_a_client_that_reads_nothing(cluster):
    """Not even from its socket: the kernel hangs up in the end, and the memory is free."""
    node = serve(cluster, answer_timeout="1s", concurrent_streams_max=1000)
    with connect(node.addr, struct.pack(">HI", INITIAL_WINDOW_SIZE, 2**31 - 1)) as connection:
        connection.sendall(frame(8, 0, 0, struct.pack(">I", 2**31 - 70000)))  # and a wide window for all
        for i in range(500):
            stream = 2 * i + 1
            connection.sendall(opening(node.addr, "/openraftpb.AppService/Get", stream) +
                               frame(DATA, END_STREAM, stream, GET))
        wait_until(lambda: metric(node, "untaken_answers") > 0, "they are given up")
        wait_until(lambda: metric(node, "connections_open") == 1, "the connection is gone")
    assert node.get("k") == "v" * VALUE


def test_more_calls_than_one_connection_may_have(cluster):
    """concurrent_streams_max: told at once. As many calls are served; who begins one more, and was told, is hung up on
    with all of its calls; others are served."""
    node = serve(cluster, concurrent_streams_max=4)
    with connect(node.addr) as connection:
        kind, flags, settings = read_frame(connection)
        told = dict(struct.iter_unpack(">HI", settings))
        assert (kind, flags, told[MAX_CONCURRENT_STREAMS]) == (SETTINGS, 0, 4)
        connection.sendall(frame(SETTINGS, ACK, 0))
        for stream in (1, 3, 5, 7):
            connection.sendall(opening(node.addr, "/openraftpb.AppService/Get", stream))
        connection.sendall(frame(DATA, END_STREAM, 7, GET))
        while read_frame(connection)[0] != DATA:
            pass
        connection.sendall(opening(node.addr, "/openraftpb.AppService/Get", 9) +
                           opening(node.addr, "/openraftpb.AppService/Get", 11))
        with pytest.raises((AssertionError, ConnectionError), match="hung up|reset"):
            while True:
                read_frame(connection)
    assert node.get("k") == "v" * VALUE
    assert node.get_many(["k"] * 50) == {"k": "v" * VALUE}  # whoever keeps to it waits for its turn
