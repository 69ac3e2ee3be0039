"""Clients that write while something happens to the nodes, and whether what they were told is true."""
import threading

from nodes import wait_until


class Load:
    """Clients that write until told to stop, and remember what was acknowledged."""

    def __init__(self, cluster, clients=4):
        self.cluster = cluster
        self.acknowledged = {}
        self.failure = None
        self.stopping = False
        self.threads = [threading.Thread(target=self.write, args=(i,), daemon=True) for i in range(clients)]

    def write(self, client):
        count, node = 0, None
        try:
            while not self.stopping:
                key = f"load-{client}-{count}"
                node = self.cluster.set(key, str(count), start=node if node and node.alive() else None)
                self.acknowledged[key] = str(count)
                count += 1
        except Exception as error:  # told by stop()
            self.failure = error

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join()
        assert self.failure is None, self.failure

    def wait_more(self, count):
        """Until so many more writes were acknowledged."""
        goal = len(self.acknowledged) + count
        wait_until(lambda: len(self.acknowledged) >= goal or self.failure, "more writes are acknowledged")
        assert self.failure is None, self.failure


def expect_all(node, acknowledged):
    held = node.get_many(list(acknowledged))
    lost = [key for key, value in acknowledged.items() if held[key] != value]
    assert not lost, f"node {node.id} lost {len(lost)} of {len(acknowledged)} acknowledged writes, such as {lost[:5]}"
