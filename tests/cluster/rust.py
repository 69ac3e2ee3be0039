"""Nodes of OpenRaft's gRPC example beside ours: RKV_OPENRAFT_EXAMPLE names the binary."""
import os
import re
import signal
import socket

import pytest

from nodes import Node, PATIENCE
from stubs import empty

EXAMPLE = os.environ.get("RKV_OPENRAFT_EXAMPLE")
needs_example = pytest.mark.skipif(not EXAMPLE, reason="RKV_OPENRAFT_EXAMPLE names no binary (CONTRIBUTING.md)")
ENDED = (0, -signal.SIGTERM)  # the example takes no signal
LARGEST = 3  # seconds, the example's longest election timeout


class RustView:
    """What the example's Metrics say, by the names of View."""

    def __init__(self, answer):
        self.text = answer.other_metrics
        self.membership = answer.membership
        self.configs = [sorted(config.node_ids) for config in answer.membership.configs]
        self.nodes = {key: node.rpc_addr for key, node in answer.membership.nodes.items()}
        self.state = re.search(r"id:\d+, (\w+)", self.text).group(1).lower()
        self.leader = self.number("leader")
        self.term = self.number("term")
        self.last_log = self.number("last_log")
        self.applied = self.number("last_applied")

    def number(self, name):
        """The number of a pair, the index of a log id; -1 for none."""
        found = re.search(rf"\b{name}:(?:T?[\d]+(?:-N\d+)?[.-])?(\d+)", self.text)
        return int(found.group(1)) if found else -1

    def learners(self):
        return sorted(set(self.nodes) - {i for config in self.configs for i in config})


class RustNode(Node):
    def __init__(self, folder, node_id):
        super().__init__(folder, node_id, None, {})

    def words(self, addr):
        return [EXAMPLE, "--id", str(self.id), "--addr", addr]

    def is_listening(self):
        with socket.socket() as s:
            host, port = self.addr.split(":")
            return s.connect_ex((host, int(port))) == 0

    def view(self, timeout=PATIENCE):
        return RustView(self.app.Metrics(empty.Empty(), timeout=timeout))

    def is_clean(self, code):
        return code in ENDED


def start_rust(cluster, *ids):
    """Nodes of the example among the cluster's."""
    for i in ids:
        cluster.add(RustNode(cluster.folder, i))
    return cluster
