"""served.py: a cluster that bench-cluster starts and keeps, for the benches that drive it themselves."""
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

FILL = ("--batch", "64", "--inflight", "2048", "--warmup", "0", "--seconds", "3600")  # the fastest way in
CALL_SECONDS = 120


def free_port():
    with socket.socket() as claimed:
        claimed.bind(("127.0.0.1", 0))
        return claimed.getsockname()[1]


class Served:
    """A cluster; further nodes, all in memory, are started by join(). `durable`: a folder for its files."""

    def __init__(self, build, sets, value_bytes=256, nodes=3, durable=None):
        self.build, self.sets, self.value_bytes = pathlib.Path(build), list(sets), value_bytes
        self.joined = []
        self.folder = tempfile.TemporaryDirectory(prefix="rkv-bench-")
        words = [self.build / "bench-cluster", "--serve", "--nodes", str(nodes), *self.flags()]
        words += ["--durable", durable] if durable else []
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        if len(line) != 3:
            raise SystemExit("no cluster")
        self.leader, self.endpoints = line[0], line[2]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.joined:
            process.terminate()
        self.process.terminate()
        for process in (*self.joined, self.process):
            process.wait(timeout=CALL_SECONDS)
        self.folder.cleanup()

    def flags(self):
        return [word for value in self.sets for word in ("--set", value)]

    def last(self):
        """The leader's last log index."""
        done = subprocess.run([self.build / "bench-cluster", "--endpoints", self.endpoints, "--count"],
                              stdout=subprocess.PIPE, text=True, check=True)
        self.leader, index = done.stdout.split()
        return int(index)

    def pids(self):
        """The nodes' processes, those of join() not among them."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return children.read_text(encoding="utf8").split()

    def cpu_seconds(self):
        stats = [pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf8").rsplit(")", 1)[1].split()
                 for pid in self.pids()]
        return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self):
        """Of the largest node."""
        sizes = [pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="utf8").split()[1] for pid in self.pids()]
        return max(map(int, sizes)) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def start_load(self, *words):
        return subprocess.Popen([self.build / "bench-cluster", "--endpoints", self.endpoints, "--json", "--value-bytes",
                                 str(self.value_bytes), *words], stdout=subprocess.PIPE, text=True)

    @staticmethod
    def rows(load):
        out = load.communicate()[0]
        if load.returncode != 0:
            raise SystemExit("a load failed, or not all that was acknowledged is in the log")
        return [json.loads(line) for line in out.splitlines()]

    def load(self, *words):
        return self.rows(self.start_load(*words))

    def fill(self, entries, keys):
        """So many puts, of all keys in turn."""
        self.load(*FILL, "--keys", str(keys), "--puts", str(entries))

    def ctl(self, *words, endpoint=None, timeout=60, check=True):
        whom = ("--endpoints", endpoint or self.leader, "--timeout", f"{timeout}s")
        done = subprocess.run([self.build / "rkvctl", *whom, *words], capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise SystemExit(f"rkvctl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def number(self, name, endpoint=None):
        """A number among a node's metrics."""
        metrics = self.ctl("metrics", endpoint=endpoint)
        found = re.search(rf"^{re.escape(name)}\s+(?:\d+\.)?(\d+)", metrics, re.MULTILINE)
        return int(found.group(1)) if found else 0

    def wait_until(self, name, least, endpoint):
        """Waits until a number of a node has grown so far."""
        until = time.monotonic() + CALL_SECONDS
        while self.number(name, endpoint=endpoint) < least:
            if time.monotonic() > until:
                raise SystemExit(f"{endpoint}: {name} never got to {least}")

    def join(self, identity, sets=()):
        """Starts one more node, which is no member yet. Its address."""
        address = f"127.0.0.1:{free_port()}"
        flags = [word for value in (*self.sets, *sets) for word in ("--set", value)]
        log = open(pathlib.Path(self.folder.name) / f"n{identity}.log", "w", encoding="utf8")
        self.joined.append(subprocess.Popen([self.build / "raft-key-value", "--id", str(identity), "--addr", address,
                                             *flags], stderr=log))
        until = time.monotonic() + 10
        while "leader" not in self.ctl("status", endpoint=address, timeout=5, check=False).lower():
            if time.monotonic() > until:
                raise SystemExit(f"node {identity} does not serve")
        return address
