"""A client of the transport skeleton: the frames of share/skeletons/transport/wire.h."""
import socket
import struct

PROPOSE, QUERY, INIT, ADD_LEARNER, CHANGE_MEMBERSHIP, METRICS = 11, 12, 13, 14, 15, 16
ANSWER = 0x80
LOCAL, LINEARIZABLE = 0, 2
NOT_LEADER = 2
UNAVAILABLE = 8
PATIENCE_NS = 10 * 10**9


class Refused(Exception):
    def __init__(self, status, leader, text):
        super().__init__(f"status {status}: {text}")
        self.status, self.leader = status, leader


def counted(data):
    return struct.pack("<I", len(data)) + data


class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, form):
        size = struct.calcsize("<" + form)
        values = struct.unpack("<" + form, self.data[:size])
        self.data = self.data[size:]
        return values[0] if len(values) == 1 else values

    def bytes(self):
        size = self.take("I")
        value, self.data = self.data[:size], self.data[size:]
        return value


def membership(nodes):
    """What rkv_membership_encode writes: all of them voters."""
    text = struct.pack("<II", 1, len(nodes)) + b"".join(struct.pack("<Q", node) for node in sorted(nodes))
    text += struct.pack("<I", len(nodes))
    for node, addr in sorted(nodes.items()):
        text += struct.pack("<QQI", node, 0, 0) + counted(addr.encode())
    return text


class Client:
    """One connection to one node."""

    def __init__(self, addr, old=False):
        """`old`: a node on the skeleton of ABI 1.0, whose frames lack what came since."""
        self.old = old
        host, port = addr.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.id = 0

    def close(self):
        self.socket.close()

    def receive(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError("the node ended the connection")
            data += part
        return data

    def ask(self, kind, body=b""):
        """The answer's fields; Refused if the node says no."""
        self.id += 1
        self.socket.sendall(counted(struct.pack("<QBQB", self.id, kind, PATIENCE_NS, 0) + body))
        answer = Reader(self.receive(struct.unpack("<I", self.receive(4))[0]))
        assert answer.take("QB") == (self.id, kind | ANSWER)
        status = answer.take("I")
        if status:
            answer.take("Q")
            raise Refused(status, answer.bytes().decode(), answer.bytes().decode())
        return answer

    def init(self, nodes, answering=False):
        self.ask(INIT, counted(membership(nodes)) + (b"" if self.old else struct.pack("<I", answering)))

    def propose(self, command):
        """The state machine's answer."""
        answer = self.ask(PROPOSE, counted(command))
        answer.take("QQ")
        return answer.bytes()

    def query(self, request=b"", read=LOCAL):
        return self.ask(QUERY, counted(request) + struct.pack("<I", read)).bytes()

    def add_learner(self, node, addr):
        self.ask(ADD_LEARNER, struct.pack("<Q", node) + counted(addr.encode()))

    def metrics(self):
        """Who leads, and the indexes of some log ids."""
        answer = self.ask(METRICS)
        told = {"leader": answer.take("Q"), "state": answer.bytes().decode()}
        answer.take("QQB")
        for name in ("last", "committed", "applied", "snapshot", "purged"):
            told[name] = answer.take("QQ")[1]
        return told
