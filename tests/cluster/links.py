"""The network between nodes: a loopback proxy before each, which knows who dials and treats each link by itself."""
import collections
import concurrent.futures
import os
import pathlib
import re
import select
import socket
import struct
import threading
import time

THROUGH, REFUSED, HELD, DEAF, SLOW = "through", "refused", "held", "deaf", "slow"
# refused: connections are reset, new ones too. held: nothing passes, either way, and nothing is closed; once through
# again what was held arrives, late. deaf: what is asked arrives, no answer comes back. slow: all of it comes later.
MODES = (REFUSED, HELD, DEAF, SLOW)
LATE = 0.03  # seconds, each way, on a slow link
CHUNK = 65536
HELD_MAX = 1 << 20  # bytes that wait in one direction of a connection; then its sender waits
TICK_MS = 50
STRANGER = 0  # who dials and is none of the nodes: a client, who follows a leader's name; always let through


class Way:
    """One direction of a connection."""

    def __init__(self, source, target):
        self.source, self.target = source, target
        self.waiting, self.size = collections.deque(), 0  # (when due, bytes)

    def take(self, late):
        """False: the source is at its end."""
        try:
            data = self.source.recv(CHUNK)
        except BlockingIOError:
            return True
        self.waiting.append((time.monotonic() + late, data))
        self.size += len(data)
        return bool(data)

    def is_due(self):
        return bool(self.waiting) and self.waiting[0][0] <= time.monotonic()

    def give(self):
        """All that is due, as far as the target takes it."""
        while self.is_due():
            due, data = self.waiting.popleft()
            try:
                sent = self.target.send(data)
            except BlockingIOError:
                sent = 0
            self.size -= sent
            if sent < len(data):
                self.waiting.appendleft((due, data[sent:]))
                break


class Connection:
    """What `dialler` opened to `node`, and its continuation behind the proxy."""

    def __init__(self, dialler, node, outer):
        self.link = (dialler, node.id)
        inner = socket.create_connection(tuple(node.addr.split(":")), timeout=1)
        for end in (outer, inner):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asks, self.answers = Way(outer, inner), Way(inner, outer)

    def open_ways(self, mode):
        return {HELD: (), DEAF: (self.asks,)}.get(mode, (self.asks, self.answers))

    def close(self):
        for end in (self.asks.source, self.asks.target):
            reset(end)


def reset(end):
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def inode_of(outer):
    """The other end of a loopback connection, as the kernel numbers it; None if it is gone."""
    theirs, ours = outer.getpeername()[1], outer.getsockname()[1]
    # local address, remote address, four columns, uid, timeout, inode
    line = re.compile(rb":%04X [0-9A-F]+:%04X (?:\S+ +){6}(\d+)" % (theirs, ours))
    for table in ("/proc/net/tcp6", "/proc/net/tcp"):
        found = line.search(pathlib.Path(table).read_bytes())
        if found:
            return int(found[1])
    return None


def holds(node, inode):
    folder = f"/proc/{node.process.pid}/fd"
    try:
        return any(os.readlink(f"{folder}/{fd}") == f"socket:[{inode}]" for fd in os.listdir(folder))
    except OSError:  # it ended, or closed one of them meanwhile
        return False


class Links:
    def __init__(self):
        self.nodes, self.modes, self.listeners, self.connections = {}, {}, {}, []
        self.stopping, self.lock = False, threading.Lock()
        self.doorman = concurrent.futures.ThreadPoolExecutor(1)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    # ---- what a test says ----

    def stand_before(self, node):
        """The address by which peers reach this node from now on."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        listener.setblocking(False)
        with self.lock:
            self.nodes[node.id] = node
            self.listeners[listener.fileno()] = (listener, node)
        return f"127.0.0.1:{listener.getsockname()[1]}"

    def treat(self, sources, targets, mode):
        """Every link from one of `sources` to one of `targets`; both are ids."""
        with self.lock:
            for link in ((source, target) for source in sources for target in targets if source != target):
                self.modes[link] = mode

    def cut_off(self, node_id, mode=REFUSED):
        """The links of this node, both ways."""
        others = [i for i in self.nodes if i != node_id]
        self.treat([node_id], others, mode)
        self.treat(others, [node_id], mode)

    def heal(self):
        with self.lock:
            self.modes = {}

    def reset(self):
        """All connections break; they may be dialled again."""
        with self.lock:
            for connection in self.connections:
                connection.close()
            self.connections = []

    def close(self):
        self.stopping = True
        self.thread.join()
        self.doorman.shutdown()
        self.reset()
        for listener, _ in self.listeners.values():
            listener.close()

    # ---- the proxy's thread ----

    def run(self):
        while not self.stopping:
            poll, wait_ms = self.plan()
            events = poll.poll(wait_ms)
            with self.lock:
                for fd, _ in events:
                    if fd in self.listeners:
                        listener, node = self.listeners[fd]
                        self.doorman.submit(self.welcome, listener.accept()[0], node)
                self.connections = [c for c in self.connections if self.goes_on(c, {fd for fd, _ in events})]

    def mode(self, connection):
        return self.modes.get(connection.link, THROUGH)

    def plan(self):
        """What to wait for: new connections, sources with room behind them, targets that are owed something."""
        soonest = time.monotonic() + TICK_MS / 1000
        with self.lock:
            masks = {fd: select.POLLIN for fd in self.listeners}
            for connection in self.connections:
                for way in connection.open_ways(self.mode(connection)):
                    if way.size < HELD_MAX:
                        masks[way.source.fileno()] = masks.get(way.source.fileno(), 0) | select.POLLIN
                    if way.is_due():
                        masks[way.target.fileno()] = masks.get(way.target.fileno(), 0) | select.POLLOUT
                    elif way.waiting:
                        soonest = min(soonest, way.waiting[0][0])
        poll = select.poll()
        for fd, mask in masks.items():
            poll.register(fd, mask)
        return poll, max(0, (soonest - time.monotonic()) * 1000)

    def welcome(self, outer, node):
        """Beside the proxy's thread: the kernel may take a tenth of a second to say who dialled."""
        inode = inode_of(outer)
        dialler = next((i for i, other in self.nodes.items() if inode and holds(other, inode)), STRANGER)
        with self.lock:
            try:
                if self.modes.get((dialler, node.id)) == REFUSED or inode is None:
                    raise ConnectionRefusedError
                self.connections.append(Connection(dialler, node, outer))
            except OSError:
                reset(outer)

    def goes_on(self, connection, ready):
        """Moves what may be moved; False if the connection is over."""
        mode = self.mode(connection)
        try:
            if mode == REFUSED:
                raise ConnectionResetError
            for way in connection.open_ways(mode):
                if way.source.fileno() in ready and way.size < HELD_MAX:
                    if not way.take(LATE if mode == SLOW else 0):
                        raise ConnectionResetError
                way.give()
        except OSError:
            connection.close()
            return False
        return True
