"""storage-crypt over storage-wal: nothing is readable on the disk, nothing is lost, no key and nonce come twice."""
import re
import secrets
import subprocess

import pytest

from ctl import rkvctl
from nodes import BUILD, flags_of, wait_until
from ports import free_port

CONFIG = 78
CRYPT, WAL = "storage-crypt", "storage-wal"
HEAD = re.compile(rb"rkvC\x01", re.S)
HEAD_BYTES = 64
SMALL = {"node.snapshot_after_entries": "100", "node.keep_entries": "20", "node.swap_storage": "true"}


@pytest.fixture(name="key")
def key_fixture(tmp_path):
    """A file with one key; add_generation puts a newer one in front."""
    file = tmp_path / "key"
    file.write_text(secrets.token_hex(32) + "\n")
    return file


def add_generation(key, number):
    key.write_text(f"{number}:{secrets.token_hex(32)} {key.read_text()}")


def sets_of(folder, key):
    return {**SMALL, "storage.plugin": CRYPT, "storage.over": WAL, "storage.key": f"file:{key}",
            "storage.under.dir": str(folder), "storage.under.segment_bytes": "1MiB"}


def words_of(folder, key, flag):
    return (flag, f"over={WAL}", flag, f"key=file:{key}", flag, f"under.dir={folder}")


def single(cluster, sets):
    node = cluster.start(1, sets=sets)[1]
    node.init([node])
    cluster.leader()
    return node


def stop(node):
    node.signal(15)
    assert node.wait() == 0


def restart_on(node, sets):
    node.sets = sets
    node.restart()


def refused(sets):
    """What a start says that is refused."""
    words = (BUILD / "raft-key-value", "--id", "1", "--addr", f"127.0.0.1:{free_port()}", *flags_of(sets))
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and len(done.stderr.splitlines()) <= 3, done.stderr
    return done.stderr


def write(node, start, count):
    node.set_many([(f"k{i}", f"needle-{i}") for i in range(start, start + count)])


class Seen:
    """The records that ever stood on a disk, by key and nonce."""

    def __init__(self):
        self.records = {}

    def look(self, *folders):
        for file in (f for folder in folders for f in folder.rglob("*") if f.is_file()):
            data = file.read_bytes()
            assert b"needle" not in data and b"127.0.0.1" not in data, f"{file} can be read"
            for match in HEAD.finditer(data):
                record = data[match.start():match.start() + HEAD_BYTES + 16]
                if len(record) == HEAD_BYTES + 16:
                    nonce = record[5:6] + record[8:40]
                    assert self.records.setdefault(nonce, record) == record, f"{file}: a key and nonce came twice"


def test_nothing_is_readable_and_nothing_is_lost(cluster, tmp_path, key):
    """Keys and values of clients, also in snapshots; after a kill; under a newer key; not without a key."""
    data, other, seen = tmp_path / "data", tmp_path / "other", Seen()
    sets = sets_of(data, key)
    node = single(cluster, sets)
    write(node, 0, 300)
    wait_until(lambda: list(data.glob("snapshot*")), "a snapshot is there")
    node.kill()
    seen.look(data)
    other.write_text(secrets.token_hex(32))
    assert "locked by another key of generation 0 than `key` has" in refused({**sets, "storage.key": f"file:{other}"})
    assert "openssl rand -hex 32" in refused({**sets, "storage.key": "abc"})
    add_generation(key, 1)
    node.restart()
    wait_until(lambda: node.get("k299") == "needle-299" and node.get("k0") == "needle-0", "it holds what it held")
    write(node, 300, 300)
    assert re.search(rf"{CRYPT}\.oldest_generation[ :]+0\b", rkvctl("metrics", at=node).text())
    stop(node)
    assert len(seen.records) > 50
    seen.look(data)


def held_in(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_line_that_was_forgotten_is_told(cluster, tmp_path, key):
    """Without `over`, or with it where it does not belong, nothing is touched: the lines that are right are said."""
    data, plain = tmp_path / "data", tmp_path / "plain"
    for sets in (sets_of(data, key), {"storage.plugin": WAL, "storage.dir": str(plain)}):
        node = single(cluster, sets)
        node.set("k0", "needle-0")
        stop(node)
    by_itself = {"storage.plugin": WAL, "storage.dir": str(data)}

    def is_told(text, *words):
        done = subprocess.run((BUILD / "raft-key-value", *map(str, words)), capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == CONFIG and text in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
        assert "damaged" not in done.stderr and "aside" not in done.stderr, done.stderr

    for folder, text, own, start in (
            (data, f"{data}: written through {CRYPT} (write: plugin = {CRYPT}, over = {WAL} and its own settings",
             (WAL, "--set", f"dir={data}"), by_itself),
            (plain, f"{plain}: written without {CRYPT} (write: plugin = {WAL}, without over, and move the node",
             (CRYPT, *words_of(plain, key, "--set")), sets_of(plain, key))):
        before = held_in(folder)
        is_told(text, "--id", 1, "--addr", f"127.0.0.1:{free_port()}", *flags_of(start))
        for what in ("verify", "dump", "stat"):
            is_told(text, "storage", what, "--id", 1, "--plugin", *own)
        words = [w.replace("--set", "--set-from") for w in own]
        is_told(text, "storage", "copy", "--id", 1, "--from", *words, "--to", WAL, "--set-to",
                f"dir={tmp_path / 'new'}")
        assert held_in(folder) == before
    restart_on(node, by_itself | {"storage.dir": str(plain)})
    wait_until(lambda: node.get("k0") == "needle-0", "nothing was lost")
    stop(node)
    restart_on(node, sets_of(data, key))
    wait_until(lambda: node.get("k0") == "needle-0", "nothing was lost")


def test_no_nonce_comes_twice_whatever_a_node_does(cluster, tmp_path, key):
    """It moves to an encrypted storage while it serves, is killed, restarted, copied, and moves on."""
    folders = [tmp_path / name for name in ("plain", "first", "second", "third")]
    plain, first, second, third = folders
    seen = Seen()
    node = single(cluster, {**SMALL, "storage.plugin": WAL, "storage.dir": str(plain)})
    write(node, 0, 150)
    done = rkvctl("swap-storage", 1, "--plugin", CRYPT, *words_of(first, key, "--set"), at=node)
    assert done.code == 0, done.text()
    for life in range(3):
        write(node, 1000 * life, 120)
        node.kill()
        seen.look(first)
        restart_on(node, sets_of(first, key))
        wait_until(lambda at=life: node.get(f"k{1000 * at}"), "it holds what it held")
    stop(node)
    add_generation(key, 7)
    done = subprocess.run((BUILD / "raft-key-value", "storage", "copy", "--id", "1", "--from", CRYPT,
                           *words_of(first, key, "--set-from"), "--to", CRYPT, *words_of(second, key, "--set-to")),
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    seen.look(first, second)
    assert f"{CRYPT}, over={WAL}, key=file:{key}, under.dir={second}" in refused(sets_of(first, key))
    restart_on(node, sets_of(second, key))
    wait_until(lambda: node.get("k2000"), "the copy holds what was held")
    done = rkvctl("swap-storage", 1, "--plugin", CRYPT, *words_of(third, key, "--set"), at=node)
    assert done.code == 0, done.text()
    write(node, 5000, 100)
    assert node.read("k5099") == "needle-5099" and node.get("k0") == "needle-0"
    stop(node)
    seen.look(first, second, third)
    assert len({nonce[1:9] for nonce in seen.records}) == 2  # generations 0 and 7
    assert len(seen.records) > 400
