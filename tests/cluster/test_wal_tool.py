"""rkvctl wal: what it says of a node's files, whole, running, cut and damaged."""
import json
import shutil
import subprocess

from nodes import BUILD, wait_until

SMALL = {"storage.plugin": "storage-wal", "storage.segment_bytes": "64KiB", "node.snapshot_after_entries": 200,
         "node.keep_entries": 50}
TAIL = 4  # small numbers of bytes that a crash may leave of a write


def wal(what, folder, *flags):
    done = subprocess.run((BUILD / "rkvctl", "wal", what, folder, *flags), capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def stat(folder):
    code, out, _ = wal("stat", folder, "--json")
    assert code == 0
    return json.loads(out)


def records(folder):
    code, out, _ = wal("dump", folder, "--json")
    assert code == 0
    return [json.loads(line) for line in out.splitlines()]


def cut(path, size):
    """What stands behind is zeros, as in a file made ahead."""
    data = bytearray(path.read_bytes())
    data[size:] = bytes(len(data) - size)
    path.write_bytes(data)


def files_of_a_node(cluster, folder):
    """A node that wrote snapshots and several segments, killed."""
    node = cluster.form(1, sets={**SMALL, "storage.dir": folder})[1]
    node.set_many((f"key-{i}", "v" * 300) for i in range(600))
    wait_until(lambda: node.view().number("purged") > 0, "the log is purged")
    code, out, err = wal("verify", folder)
    assert code == 1 and out == "" and "another node or tool uses this directory" in err
    last = node.view().last_log + 1  # the wire counts from 0
    node.kill()
    return last


def test_wal_verify_dump_stat(cluster, tmp_path):
    """The three agree with the node and with each other; damage is refused with its place."""
    folder, copy = tmp_path / "data", tmp_path / "copy"
    last = files_of_a_node(cluster, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    code, out, _ = wal("verify", folder)
    assert code == 0 and out.startswith("whole: ") and "snapshot" in out
    numbers, found = stat(folder), records(folder)
    assert numbers["last"] == last and numbers["node"] == 1 and numbers["torn"] == 0
    assert numbers["first"] > 1 and numbers["snapshot_last"] >= numbers["first"] - 1
    entries = [r for r in found if r["type"] == "entry"]
    assert len(entries) == numbers["entry_records"] and int(entries[-1]["index"]) == last
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, "it changed something"

    shutil.copytree(folder, copy)
    victim = next(r for r in found if r["segment"] == found[0]["segment"] and r["length"] > 0)
    path = copy / victim["segment"]
    data = bytearray(path.read_bytes())
    data[victim["offset"] + 60] ^= 4
    path.write_bytes(data)
    for what in ("verify", "dump", "stat"):
        code, _, err = wal(what, copy)
        assert code == 1 and f"{victim['segment']}: offset {victim['offset']}" in err and "CORRUPT" in err
        assert "put the directory aside" in err
    code, out, _ = wal("verify", copy, "--json")
    assert code == 1 and json.loads(out)["error"] == "CORRUPT"


def test_wal_verify_tells_of_a_cut_tail(cluster, tmp_path):
    """What a crash leaves of a last write is told and is no damage: everything before it is whole."""
    folder = tmp_path / "data"
    node = cluster.form(1, sets={"storage.plugin": "storage-wal", "storage.dir": folder})[1]
    node.set_many((f"key-{i}", "v") for i in range(20))
    node.kill()
    found = records(folder)
    tail = found[-1]
    assert wal("verify", folder)[1].count("\n") == 1 and stat(folder)["torn"] == 0
    cut(folder / tail["segment"], tail["offset"] + TAIL)
    code, out, _ = wal("verify", folder)
    assert code == 0 and f"torn: {tail['segment']}: offset {tail['offset']}" in out
    assert stat(folder)["torn"] == 1 and records(folder) == found[:-1]


def test_wal_verify_reads_the_snapshot(cluster, tmp_path):
    """A flipped bit in the newest snapshot is found by verify, which reads all of it."""
    folder = tmp_path / "data"
    files_of_a_node(cluster, folder)
    path = max(folder.glob("snapshot-*"))
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    code, _, err = wal("verify", folder)
    assert code == 1 and f"{path.name}: offset " in err
    assert wal("stat", folder)[0] == 0, "stat reads no more than its header"


def test_wal_usage(tmp_path):
    """A folder that is not there, one that is no log, and an act that there is not."""
    code, _, err = wal("verify", tmp_path / "none")
    assert code == 1 and "No such file" in err and not (tmp_path / "none").exists()
    assert err.count(str(tmp_path / "none")) == 1
    code, _, err = wal("stat", tmp_path)
    assert code == 1 and "no log of storage-wal" in err
    code, _, err = wal("look", tmp_path)
    assert code == 2 and "verify, dump or stat" in err
