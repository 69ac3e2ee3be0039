"""A node that moved to another storage while it ran, and the starts that follow: on exactly one of its storages, with
what it says on the others, and with every write that was acknowledged, whenever it was killed."""
import os
import random
import re
import subprocess
import threading
import time

import grpc
import pytest

from ctl import rkvctl
from nodes import BUILD, flags_of, wait_until
from ports import free_port

WAL, ROCKS, LMDB = "storage-wal", "storage-rocksdb", "storage-lmdb"
ALLOWED = {"node.swap_storage": "true"}
CONFIG = 78
DURABLE = [p for p in (WAL, ROCKS, LMDB) if (BUILD / "plugins" / f"{p}.so").exists()]


def sets_of(place, more=ALLOWED):
    return {**more, "storage.plugin": place[0], "storage.dir": str(place[1])}


def single(cluster, place):
    node = cluster.start(1, sets=sets_of(place))[1]
    node.init([node])
    cluster.leader()
    return node


def swap(node, place, *more):
    return rkvctl("swap-storage", node.id, "--plugin", place[0], *(["--set", f"dir={place[1]}"] if place[1] else []),
                  *more, at=node)


def try_start(node, place, sets=None):
    """What a start on that storage says that is refused."""
    words = (BUILD / "raft-key-value", "--id", str(node.id), "--addr", f"127.0.0.1:{free_port()}",
             *flags_of(sets or sets_of(place)))
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == CONFIG, done.stderr
    return done.stderr


def start_on(node, place):
    node.sets = {**node.sets, **sets_of(place)}
    node.restart()


def test_the_old_section_is_refused_with_the_new_one(cluster, tmp_path):
    """By a configuration file, as an operator has it; the lines that it says are the ones that are needed."""
    old, new = (WAL, tmp_path / "old"), (DURABLE[-1], tmp_path / "new")
    node = single(cluster, old)
    node.set("a", "1")
    assert swap(node, new).code == 0
    node.set("b", "2")
    node.signal(15)
    assert node.wait() == 0
    config = tmp_path / "node.ini"
    text = f"[node]\nid = 1\naddr = {node.addr}\n[storage]\nplugin = {WAL}\ndir = {old[1]}\n"
    config.write_text(text)
    done = subprocess.run((BUILD / "raft-key-value", "--config", config), capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == CONFIG
    said = re.search(r"retired at index \d+, its node goes on in (.*) \(in (.*), section \[storage\], write: (.*)\)",
                     done.stderr)
    assert said and said[1] == f"{new[0]}, dir={new[1]}" and said[2] == str(config)
    lines = dict(line.split(" = ") for line in said[3].split("; "))
    assert lines == {"plugin": new[0], "dir": str(new[1])}
    start_on(node, (lines["plugin"], lines["dir"]))
    wait_until(lambda: node.get("b") == "2" and node.get("a") == "1", "it goes on with what it held")


def test_what_went_to_memory_is_told_to_be_gone(cluster, tmp_path):
    """It needs --yes; after the next start the old storage says what is lost."""
    old = (WAL, tmp_path / "old")
    node = single(cluster, old)
    refused = swap(node, ("storage-mem", None))
    assert refused.code != 0 and "storage-mem forgets what it holds when the node stops" in refused.text()
    assert swap(node, ("storage-mem", None), "--yes").code == 0
    node.set("a", "1")
    node.kill()
    told = try_start(node, old)
    assert "its node goes on in storage-mem, which forgot its vote and its log when the node stopped" in told
    assert "name the storage that the node went to from there; if it did not, an empty place" in told


def test_nothing_is_left_of_what_was_refused(cluster, tmp_path):
    """Each mistake ends with one line; the node goes on, and the next try is not in the way of the last."""
    old, new = (WAL, tmp_path / "old"), (WAL, tmp_path / "new")
    node = single(cluster, old)

    def refuses(text, place, *more):
        done = swap(node, place, *more)
        assert done.code == 1 and text in done.text(), done.text()
        assert not new[1].exists()

    refuses("did you mean storage-wal", ("storage-wall", new[1]))
    refuses("plugin: a path", (str(BUILD / "plugins" / "storage-wal.so"), new[1]))
    refuses("unknown key (did you mean dir?)", new, "--set", "dirr=x")
    os.mkfifo(tmp_path / "pipe")
    refuses("not a plain file", new, "--set", f"secret=file:{tmp_path / 'pipe'}")
    refuses("the node's storage is there", old)
    refuses("the node's storage is there", (WAL, old[1] / "in"))
    refuses("or around it", (WAL, tmp_path))
    refuses("not empty", (WAL, BUILD / "plugins"))
    assert swap(node, new, "--check").code == 0 and not new[1].exists()
    assert swap(node, new).code == 0
    node.set("a", "1")
    assert node.read("a") == "1"


def test_it_is_refused_by_default(cluster, tmp_path):
    node = cluster.start(1, sets=sets_of((WAL, tmp_path / "old"), {}))[1]
    node.init([node])
    done = swap(node, (WAL, tmp_path / "new"))
    assert done.code == 1 and "--set node.swap_storage=true" in done.text()


# ---- kill -9 ----


class Writer(threading.Thread):
    """Sets one key after another until the node is gone."""

    def __init__(self, node, first):
        super().__init__()
        self.node, self.next, self.acknowledged = node, first, []
        self.start()

    def run(self):
        try:
            while True:
                self.node.set(f"key-{self.next}", f"value {self.next}", timeout=5)
                self.acknowledged.append(self.next)
                self.next += 1
        except (grpc.RpcError, ValueError):
            pass


def where_it_serves(node, old, new):
    """Starts the node as an operator does who did not change its section, and then as the node says."""
    words = (BUILD / "raft-key-value", "--id", str(node.id), "--addr", node.addr, *flags_of(sets_of(old)))
    with open(node.folder / "start.err", "w+b") as err:
        first = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=err)
        line = first.stdout.readline().decode()
        if line.startswith("listening"):
            first.kill()
        first.wait()
        err.seek(0)
        said = err.read().decode()
    if line.startswith("listening"):
        if new[1].exists() and any(new[1].iterdir()):  # a copy that the node does not need
            unneeded = try_start(node, new) if "unfinished" in stat_of(node, new) else ""
            assert "an unfinished copy of another storage" in unneeded or unneeded == ""
        return old
    assert first.returncode == CONFIG and f"its node goes on in {new[0]}, dir={new[1]} (" in said, said
    assert "write: " in said, said
    return new


def stat_of(node, place):
    words = (BUILD / "raft-key-value", "storage", "stat", "--id", str(node.id), "--plugin", place[0], "--set",
             f"dir={place[1]}")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


def killed_at_any_moment(cluster, folder, times):
    """Returns how often the node was on its old storage, and how often on the new one, afterwards."""
    chance = random.Random(7)
    place, written, seen = (WAL, folder / "place-0"), 0, {"old": 0, "new": 0}
    node = single(cluster, place)
    node.set_many((f"fill-{i}", "x" * 500) for i in range(500))
    for i in range(1, times + 1):
        new = (DURABLE[i % len(DURABLE)], folder / f"place-{i}")
        writer = Writer(node, written)
        swapping = threading.Thread(target=swap, args=(node, new))
        swapping.start()
        time.sleep(chance.uniform(0, 1))
        node.kill()
        swapping.join()
        writer.join()
        went_to = where_it_serves(node, place, new)
        seen["new" if went_to == new else "old"] += 1
        place, written = went_to, writer.next + 1
        start_on(node, place)
        wait_until(lambda: node.view().state == "leader", "it leads")
        for k in writer.acknowledged[-20:]:
            assert node.read(f"key-{k}") == f"value {k}"
    assert node.read("fill-499") == "x" * 500
    return seen


def test_a_kill_leaves_the_node_on_one_of_its_storages(cluster, tmp_path):
    killed_at_any_moment(cluster, tmp_path, 8)


@pytest.mark.long
def test_a_hundred_kills_leave_the_node_on_one_of_its_storages(cluster, tmp_path):
    seen = killed_at_any_moment(cluster, tmp_path, 100)
    assert seen["old"] > 5 and seen["new"] > 5, seen
