"""One unary gRPC call in bare HTTP/2 frames, for what a real client cannot be made to send."""
import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
FRAME_MAX = 16384


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field without indexing or Huffman coding."""
    assert len(name) < 127 and len(value) < 127
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def read_exactly(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        assert more, "the server hung up"
        data += more
    return data


def read_frame(connection):
    head = read_exactly(connection, 9)
    size = int.from_bytes(head[:3], "big")
    assert size <= FRAME_MAX
    return head[3], head[4], read_exactly(connection, size)


def connect(addr, settings=b""):
    host, port = addr.split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(PREFACE + frame(SETTINGS, 0, 0, settings))
    return connection


def opening(addr, path, stream=1, scheme="http"):
    """The frame that begins a call."""
    return frame(HEADERS, END_HEADERS, stream, b"".join(literal(*pair) for pair in (
        (":method", "POST"), (":scheme", scheme), (":path", path), (":authority", addr), ("te", "trailers"),
        ("content-type", "application/grpc"))))


def message_of(body):
    """As DATA carries it."""
    return b"\0" + struct.pack(">I", len(body)) + body


def ask(addr, path, message, scheme):
    """The bytes of the answer's message."""
    with connect(addr) as connection:
        connection.sendall(opening(addr, path, 1, scheme) + frame(DATA, END_STREAM, 1, message_of(message)))
        answer = b""
        while True:
            kind, flags, payload = read_frame(connection)
            assert kind not in (RST_STREAM, GOAWAY), f"refused: frame {kind}, {payload!r}"
            if kind == DATA:
                answer += payload
            elif kind == SETTINGS and not flags & ACK:
                connection.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                connection.sendall(frame(PING, ACK, 0, payload))
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                assert len(answer) >= 5, "no message came"
                return answer[5:]
