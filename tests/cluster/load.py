"""Clients that write and read while something happens to the nodes, and whether what they were told is true."""
import threading
import time

import grpc

from nodes import PATIENCE, POLL, wait_until
from pace import SLOW
from registers import History

CALL_SECONDS = 5.0 if SLOW else 1.0


class Clients:
    """Threads that work until told to stop."""

    def __init__(self, cluster, clients):
        self.cluster, self.failure, self.stopping, self.done = cluster, None, False, [0] * clients
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(clients)]

    def run(self, client):
        try:
            self.work(client)
        except Exception as error:  # told by stop()
            self.failure = error

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        """Without asking how it went."""
        self.stopping = True
        for thread in self.threads:
            thread.join()

    def __exit__(self, *_):
        self.stop()
        assert self.failure is None, self.failure

    def completed(self):
        return sum(self.done)

    def wait_more(self, count, patience=PATIENCE):
        """Until so many more operations were answered."""
        goal = self.completed() + count
        wait_until(lambda: self.completed() >= goal or self.failure, "more operations are answered", patience)
        assert self.failure is None, self.failure


class Load(Clients):
    """Each write has a key of its own; remembers what was acknowledged."""

    def __init__(self, cluster, clients=4, name="load"):
        super().__init__(cluster, clients)
        self.name, self.acknowledged = name, {}
        self.newest = (0.0, None)  # when the last write was acknowledged, and by whom

    def work(self, client):
        count, node = 0, None
        while not self.stopping:
            key = f"{self.name}-{client}-{count}"
            node = self.cluster.set(key, str(count), start=node if node and node.alive() else None)
            self.acknowledge(key, str(count), node)
            count += 1
            self.done[client] = count

    def acknowledge(self, key, value, node):
        self.newest = (time.monotonic(), node)
        self.acknowledged[key] = value


class Registers(Clients):
    """Each client writes and reads a few keys that all share, and notes when, and what it was told."""

    KEYS = 2

    def __init__(self, cluster, clients=4):
        super().__init__(cluster, clients)
        self.pages = [History("0")]

    def turn_page(self):
        """Other keys from now on: a short history is quickly checked."""
        self.pages.append(History(str(len(self.pages))))

    def broken_keys(self):
        return [f"{page.name}-{key}" for page in self.pages for key in page.broken_keys()]

    def operations(self):
        return sum(len(page.operations) for page in self.pages)

    def work(self, client):
        turn, leader = 0, None
        while not self.stopping:
            turn += 1
            nodes, page, key = self.cluster.alive(), self.pages[-1], turn % self.KEYS
            if not nodes:
                time.sleep(POLL)
                continue
            node = nodes[(turn + client) % len(nodes)]
            if turn % 3 == 0:
                op = page.invoke(key, f"{client}-{turn}")
                leader = self.write(op, leader if leader in nodes else node, f"register-{page.name}-{key}")
            else:
                op = page.invoke(key, None)
                self.read(op, node, f"register-{page.name}-{key}")
            self.done[client] += 1 if op.end else 0

    def write(self, op, node, key):
        """Who is to be asked next; None if nobody is known."""
        try:
            node.set(key, op.value, timeout=CALL_SECONDS)
            op.returned(op.value)
            return node
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE and "forward" in (error.details() or ""):
                op.never_happened()
            time.sleep(POLL)
            return self.cluster.named_by(error)

    def read(self, op, node, key):
        try:
            op.returned(node.read(key, timeout=CALL_SECONDS))
        except grpc.RpcError:
            op.never_happened()
            time.sleep(POLL)


def prove(cluster, load, registers):
    """Every node holds every acknowledged write, and the histories are linearizable. What was counted."""
    cluster.leader()
    cluster.settle()
    for node in cluster.alive():
        expect_all(node, load.acknowledged)
    broken = registers.broken_keys()
    assert broken == [], f"not linearizable: {broken}"
    return {"acknowledged": len(load.acknowledged), "histories": len(registers.pages) * registers.KEYS,
            "operations": registers.operations()}


def expect_all(node, acknowledged):
    held = node.get_many(list(acknowledged))
    lost = [key for key, value in acknowledged.items() if held[key] != value]
    assert not lost, f"node {node.id} lost {len(lost)} of {len(acknowledged)} acknowledged writes, such as {lost[:5]}"
