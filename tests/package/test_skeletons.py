#!/usr/bin/python3
"""test_skeletons.py: a plugin author's way. The skeletons are copied out of an installed tree, built with nothing else,
proved by rkv-contract and run as a cluster, once for each way to build."""
import pathlib
import shutil
import tempfile
import unittest

from frames import LINEARIZABLE, NOT_LEADER, UNAVAILABLE, Client, Refused
from scratch import Node, install, run, serves_durably, wait_until

KINDS = {"transport": "transport-tcp", "storage": "storage-mem", "state-machine": "sm-register"}
STRICT = "-O2 -Wall -Wextra -Werror"
TIMERS = ("--set", "node.heartbeat_interval=50ms", "--set", "node.election_timeout_min=150ms",
          "--set", "node.election_timeout_max=300ms")
SNAPSHOTS = ("--set", "node.snapshot_after_entries=5", "--set", "node.keep_entries=1")
LARGE = ("--set", "node.command_bytes_max=8MiB", "--set", "state-machine.value_max=4MiB")
MINIMAL = """
#include <rkv/rkv.h>
static const rkv_storage_ops ops = {};
#ifndef KIND
#define KIND STORAGE
#endif
#define DEFINE(kind) RKV_PLUGIN(kind, "minimal", "1.0.0", "a descriptor", 0, RKV_NO_OPTIONS, ops)
DEFINE(KIND);
"""


def by_cmake(prefix, folder):
    """find_package(rkv), as the skeletons' CMakeLists.txt have it."""
    run("cmake", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_C_FLAGS={STRICT}")
    run("cmake", "--build", folder / "build")
    return next((folder / "build").glob("*.so"))


def by_make(prefix, folder):
    """The two lines of the skeletons' Makefile, which ask pkg-config."""
    run("make", "-C", folder, f"CFLAGS={STRICT}", PKG_CONFIG_PATH=str(prefix / "lib" / "pkgconfig"))
    return next(folder.glob("*.so"))


def by_cxx(prefix, folder):
    """The same sources by a C++ compiler."""
    plugin = folder / "cxx.so"
    run("g++", "-x", "c++", "-std=c++17", *STRICT.split(), "-fPIC", "-shared", "-fvisibility=hidden", "-Wl,-z,defs",
        "-Wno-missing-field-initializers", f"-I{prefix / 'include'}", *sorted(folder.glob("*.c")), "-o", plugin)
    return plugin


class Skeletons(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        held = tempfile.TemporaryDirectory(prefix="rkv-skeletons-")
        cls.addClassCleanup(held.cleanup)
        cls.folder = pathlib.Path(held.name)
        cls.prefix = install(cls.folder, "prefix")

    def build(self, how):
        """The path of each kind's plugin, built by `how` in a copy that lies nowhere near this tree."""
        built = {}
        for kind in KINDS:
            folder = self.folder / how.__name__ / kind
            shutil.copytree(self.prefix / "share" / "raft-key-value" / "skeletons" / kind, folder)
            built[kind] = how(self.prefix, folder)
            self.assertIn(KINDS[kind], run(self.prefix / "bin" / "raft-key-value", "plugins", built[kind]))
        return built

    def contract(self, plugins, *options):
        tool = self.prefix / "bin" / "rkv-contract"
        for plugin in plugins.values():
            said = run(tool, plugin, *options, "--level", "basic", "--scratch", self.folder)
            self.assertRegex(said, r"\n.*: [1-9]\d* passed, 0 failed", said)

    def leader(self, clients):
        """The client that all nodes name."""
        def agreed():
            seen = {client.metrics()["leader"] for client in clients.values()}
            return seen.pop() if len(seen) == 1 else 0
        return clients[wait_until(agreed, "all nodes know one leader")]

    def walk(self, nodes):
        """A cluster of three: writes, reads everywhere, and a follower that names the leader."""
        clients = {node.id: Client(node.addr) for node in nodes}
        for client in clients.values():
            self.addCleanup(client.close)
        clients[1].init({node.id: node.addr for node in nodes})
        leader = self.leader(clients)
        self.assertEqual(b"", leader.propose(b"one"))
        self.assertEqual(b"one", leader.propose(b"two\0" * 1000))
        for client in clients.values():  # a follower asks the leader for the read index
            self.assertEqual(b"two\0" * 1000, client.query(read=LINEARIZABLE))
        follower = next(client for client in clients.values() if client is not leader)
        with self.assertRaises(Refused) as refused:
            follower.propose(b"three")
        self.assertEqual(NOT_LEADER, refused.exception.status)
        self.assertIn(refused.exception.leader, [node.addr for node in nodes])
        return leader

    def late(self, leader, node):
        """A node that comes when the log is purged gets the state as a snapshot, in several steps."""
        value = bytes(range(256)) * 256 * 40
        for _ in range(8):
            leader.propose(value)
        wait_until(lambda: leader.metrics()["purged"] > 0, "the leader has purged its log")
        leader.add_learner(node.id, node.addr)
        client = Client(node.addr)
        self.addCleanup(client.close)

        def has_state():
            try:
                return client.query() == value
            except Refused as refused:  # it knows that it does not know yet
                self.assertEqual(UNAVAILABLE, refused.status)
                return False
        wait_until(has_state, "the learner has the state")
        self.assertGreater(client.metrics()["snapshot"], 0)

    def durable(self, how):
        """The storage of storage-parts, by `how`, with its promises tried and a node that comes back on it."""
        folder = self.folder / how.__name__ / "durable-storage"
        shutil.copytree(self.prefix / "share" / "raft-key-value" / "skeletons" / "durable-storage", folder)
        plugin = how(self.prefix, folder)
        self.contract({"storage": plugin})
        self.assertTrue(serves_durably(self.prefix, folder, f"storage.plugin={plugin}"))

    def stacked(self, how, over):
        """The stacked storage, by `how`, with its promises tried over one of ours."""
        folder = self.folder / how.__name__ / "stacked-storage"
        shutil.copytree(self.prefix / "share" / "raft-key-value" / "skeletons" / "stacked-storage", folder)
        plugin = how(self.prefix, folder)
        below = self.prefix / "lib" / "raft-key-value" / "plugins" / f"{over}.so"
        self.contract({"storage": plugin}, "--option", f"over={below}")
        return plugin

    def cluster(self, plugins, how):
        """Three nodes of these plugins and a fourth; all end in order."""
        folder = self.folder / how.__name__
        sets = [word for kind, plugin in plugins.items() for word in ("--set", f"{kind}.plugin={plugin}")]
        nodes = []
        try:
            for i in range(1, 5):
                nodes.append(Node(self.prefix, folder, i, *sets, *TIMERS, *SNAPSHOTS, *LARGE))
            leader = self.walk(nodes[:3])
            self.late(leader, nodes[3])
            for node in reversed(nodes):
                node.stop()
        finally:
            for node in nodes:
                node.kill()

    def test_by_cmake(self):
        """find_package(rkv)."""
        self.cluster(self.build(by_cmake), by_cmake)
        self.durable(by_cmake)
        self.stacked(by_cmake, "storage-mem")

    def test_by_make(self):
        """Two lines and pkg-config."""
        plugins = self.build(by_make)
        self.contract(plugins)
        self.cluster(plugins, by_make)
        self.durable(by_make)
        plugin = self.stacked(by_make, "storage-wal")
        pair = (f"storage.plugin={plugin}", "storage.over=storage-wal")
        self.assertTrue(serves_durably(self.prefix, plugin.parent, *pair, section="storage.under"))

    def test_by_cxx(self):
        """The same sources are C++."""
        plugins = self.build(by_cxx)
        self.contract(plugins)
        self.cluster(plugins, by_cxx)

    def test_headers_are_cxx17(self):
        """A descriptor can be written in C++17 to the letter, without a warning; the host then reads it."""
        source, plugin = self.folder / "minimal.cc", self.folder / "minimal.so"
        source.write_text(MINIMAL)
        run("g++", "-std=c++17", "-pedantic-errors", *STRICT.split(), "-fPIC", "-shared", "-Wl,-z,defs",
            f"-I{self.prefix / 'include'}", source, "-o", plugin)
        with self.assertRaisesRegex(AssertionError, "rkv_transport_ops"):  # one kind's word, another one's table
            run("g++", "-std=c++17", f"-I{self.prefix / 'include'}", "-DKIND=TRANSPORT", "-c", source, "-o",
                "/dev/null")
        with self.assertRaisesRegex(AssertionError, "minimal.*(open|operation)"):
            run(self.prefix / "bin" / "raft-key-value", "plugins", plugin)


if __name__ == "__main__":
    unittest.main(verbosity=2)
