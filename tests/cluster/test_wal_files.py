"""storage-wal's directory: one that an older version left, one with files missing, one of another storage."""
import os
import pathlib
import shutil
import subprocess

import grpc
import pytest

from load import expect_all
from nodes import BUILD, wait_until
from test_wal_tool import SMALL, wal

# A killed node of version 0.1.0 of November 2026, before rkv-owner: three segments, a snapshot, spares. It had
# acknowledged that key-0 to key-599 are 300 times v, and last-0 to last-19 300 times w.
FORMAT_1 = pathlib.Path(__file__).parent / "wal-format-1.tar.gz"
REMEDY = ("aside and start", "the leader takes it in anew", "where a majority of the voters is like this, restore")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def ends(node):
    """Its exit code, if it does not come to listen."""
    node.spawn(node.addr)
    wait_until(lambda: node.is_listening() or node.process.poll() is not None, "it ends")
    assert not node.is_listening(), "it serves"
    return node.wait()


def refused(node, *texts):
    """The node ends with the code of a failed storage, says all this, and changes nothing."""
    folder = pathlib.Path(node.sets["storage.dir"])
    before = contents(folder)
    node.log.unlink()
    assert ends(node) == 74
    assert node.log_lines(*texts), node.tail()
    assert contents(folder) == before


def it_leads(node):
    """And knows what was acknowledged."""
    wait_until(lambda: node.view().state == "leader", "it leads")
    node.read("last-19")


def test_format_1_opens(cluster, tmp_path):
    """Everything that an older version acknowledged is there, and from now on files that go missing are noticed."""
    folder = tmp_path / "data"
    shutil.unpack_archive(FORMAT_1, folder)
    code, out, err = wal("verify", folder)
    assert code == 0 and out.startswith("whole: 3 segments"), err
    assert not (folder / "rkv-owner").exists(), "verify changed something"
    written = {**{f"key-{i}": "v" * 300 for i in range(600)}, **{f"last-{i}": "w" * 300 for i in range(20)}}
    node = cluster.start(1, sets={"storage.plugin": "storage-wal", "storage.segment_bytes": "64KiB",
                                  "storage.dir": folder})[1]
    it_leads(node)
    expect_all(node, written)
    node.set_many((f"new-{i}", "n" * 300) for i in range(300))
    node.kill()
    assert wal("verify", folder)[0] == 0
    assert (folder / "rkv-owner").read_bytes().startswith(b"raft-key-value storage-wal\nformat 2\nnode 1\n")
    newest = max(folder.glob("log-*.wal"))
    newest.unlink()
    refused(node, f"{newest.name} is missing", *REMEDY)


def test_missing_files_are_told(cluster, tmp_path):
    """The log is gone and a snapshot or a spare is left: neither node nor tool takes that for a new directory."""
    folder, whole = tmp_path / "data", tmp_path / "whole"
    node = cluster.form(1, sets={**SMALL, "storage.dir": folder})[1]
    node.set_many((f"key-{i}", "v" * 300) for i in range(600))
    wait_until(lambda: node.view().number("purged") > 0, "the log is purged")
    wait_until(lambda: list(folder.glob("spare-*")), "there is a spare")
    node.kill()
    shutil.copytree(folder, whole)
    for kept in ("rkv-owner", "snapshot-*", "spare-*"):
        shutil.rmtree(folder)
        folder.mkdir()
        for path in whole.glob(kept):
            shutil.copy(path, folder)
        for what in ("verify", "dump", "stat"):
            code, out, err = wal(what, folder)
            assert code == 1 and out == "" and "is missing" in err and "CORRUPT" in err
            assert all(text in err for text in REMEDY), err
        refused(node, "is missing", *REMEDY)
    shutil.rmtree(folder)
    node.spawn(node.addr)
    wait_until(node.is_listening, "an emptied directory is a new one")


@pytest.mark.skipif(not (BUILD / "plugins" / "storage-rocksdb.so").exists(), reason="storage-rocksdb is not built here")
def test_another_storages_directory_is_refused(cluster, tmp_path):
    """A directory of storage-rocksdb is not a new one for storage-wal, which says whose it is."""
    folder = tmp_path / "data"
    node = cluster.form(1, sets={"storage.plugin": "storage-rocksdb", "storage.dir": folder})[1]
    node.set("key", "value")
    node.kill()
    before = contents(folder)
    words = [word.replace("storage-rocksdb", "storage-wal") for word in node.words(node.addr)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78 and "belongs to storage-rocksdb" in done.stderr
    assert contents(folder) == before


def test_what_is_no_file_is_told(cluster, tmp_path):
    """A pipe, or a link, stands where a file should: nobody waits for it or follows it, and who looks is told."""
    folder = tmp_path / "data"
    node = cluster.form(1, sets={**SMALL, "storage.dir": folder})[1]
    node.set_many((f"key-{i}", "v" * 300) for i in range(600))
    wait_until(lambda: list(folder.glob("snapshot-*")), "there is a snapshot")
    node.kill()
    for path in [next(folder.glob(kind)) for kind in ("log-*", "snapshot-*", "rkv-owner")]:
        moved = path.rename(tmp_path / path.name)
        for put in (os.mkfifo, lambda at, to=moved: at.symlink_to(to)):
            put(path)
            node.log.unlink()
            assert ends(node) == 74
            assert node.log_lines(path.name, "no plain file"), node.tail()
            code, out, err = wal("verify", folder)
            assert code == 1 and out == "" and path.name in err and "no plain file" in err, err
            path.unlink()
        moved.rename(path)
    assert wal("verify", folder)[0] == 0


def test_a_directory_that_is_moved_away_ends_the_node(cluster, tmp_path):
    """`mv dir dir.old; mkdir dir` under a node: it ends with the remedy, and what it acknowledged is in the old one."""
    folder, away, written = tmp_path / "data", tmp_path / "data.old", {}
    node = cluster.form(1, sets={**SMALL, "storage.dir": folder})[1]
    node.set("key", "value")
    folder.rename(away)
    folder.mkdir()
    with pytest.raises(grpc.RpcError):
        for i in range(2000):
            node.set(f"key-{i}", "v" * 300)
            written[f"key-{i}"] = "v" * 300
    assert node.wait() == 74
    assert node.log_lines("ERROR", str(folder), "was moved away", "put it back"), node.tail()
    assert list(folder.iterdir()) == []
    folder.rmdir()
    away.rename(folder)
    node.restart()
    it_leads(node)
    expect_all(node, written)
