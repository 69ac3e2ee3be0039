"""A node whose disk gets full: it says so, gives leadership away, goes on reading, and recovers when there is room."""
import os
import signal

import grpc
import pytest

from devices import fill
from load import Load, expect_all
from nodes import BUILD, PATIENCE, wait_until
from stubs import types
from test_storage_copy import copy

ALL = [1, 2, 3]
# small files: the disk is full soon, and has room again soon
STORAGES = {"storage-wal": {"storage.segment_bytes": "1MiB"},
            "storage-rocksdb": {"storage.write_buffer_bytes": "1MiB"},
            "storage-lmdb": {}}
VALUE = "v" * 1000
BELOW_RESERVE = 2 << 20  # bytes: enough for RocksDB to start, less than it needs to take writes

pytestmark = pytest.mark.slow  # it waits for what takes seconds


# The short size has one of them.
@pytest.fixture(params=["storage-wal", pytest.param("storage-rocksdb", marks=pytest.mark.long),
                        pytest.param("storage-lmdb", marks=pytest.mark.long)])
def sets(request):
    if not (BUILD / "plugins" / f"{request.param}.so").exists():
        pytest.skip(f"{request.param} is not built here")
    return {"storage.plugin": request.param, **STORAGES[request.param]}


def come_back(node):
    node.spawn(node.addr)
    wait_until(lambda: node.is_listening() or node.process.poll() is not None, f"node {node.id} listens again")
    assert node.alive(), node.tail()


def test_a_full_leader_steps_down_and_catches_up(disk, cluster, sets, tmp_path):
    """The leader's disk gets full under load: it says so, another leads, every write goes on being acknowledged, and
    its local reads are answered. With room again it catches up; after a kill of all three nothing is lost."""
    for i in ALL:
        place = disk / "data" if i == 1 else tmp_path / f"data-{i}"
        cluster.start(i, sets={**sets, "storage.dir": place})
    cluster[1].init([cluster[i] for i in ALL])
    wait_until(lambda: cluster[1].view().state == "leader", "node 1 leads")  # it was told to
    cluster.settle()
    cluster.set("before", "1")
    with Load(cluster) as load:
        load.wait_more(100)
        filler = fill(disk)
        wait_until(lambda: writes_until_full(cluster, cluster[1]), "the node says that its device is full")
        wait_until(lambda: cluster.leader() is not cluster[1], "another one leads")
        load.wait_more(100)
        assert cluster[1].get("before") == "1"
        filler.unlink()
        wait_until(lambda: cluster[1].log_lines("device has room again"), "it says that there is room")
        load.wait_more(100)
    cluster.settle()
    for i in ALL:
        cluster[i].kill()
    for i in ALL:
        come_back(cluster[i])
    cluster.leader()
    cluster.settle()
    for i in ALL:
        expect_all(cluster[i], load.acknowledged)


def writes_until_full(cluster, node):
    """Some more large ones, and whether the node has said it."""
    for i in range(50):
        cluster.set(f"large-{i}", VALUE)
    return node.log_lines("device full") and node.log_lines("storage takes no writes")


def refusal(node, key):
    """Why it took no write; None if it did."""
    try:
        node.set(key, VALUE, timeout=2)
        return None
    except grpc.RpcError as error:
        return error


def refuses(node, written):
    """After some more writes, which are noted, one is refused with the reason; what only waits has an open outcome."""
    for _ in range(100):
        key = f"more-{len(written)}"
        error = refusal(node, key)
        if error:
            return error.code() == grpc.StatusCode.UNAVAILABLE and "takes no writes" in error.details()
        written[key] = VALUE
    return False


def test_a_full_node_alone_refuses_writes_and_reads_on(disk, cluster, sets):
    """Nobody else can lead: writes are refused with a text that says why, reads go on, and with room again writes are
    taken; killed on the full disk it has everything that was acknowledged."""
    node = cluster.form(1, sets={**sets, "storage.dir": disk / "data"})[1]
    written = {f"key-{i}": VALUE for i in range(100)}
    node.set_many(written.items())
    filler = fill(disk)
    wait_until(lambda: refuses(node, written), "writes are refused", 2 * PATIENCE)
    assert node.told("device full")
    expect_all(node, written)
    filler.unlink()
    wait_until(lambda: refusal(node, "between") is None, "writes are taken again", 2 * PATIENCE)
    filler = fill(disk)
    wait_until(lambda: refuses(node, written), "writes are refused once more", 2 * PATIENCE)
    node.kill()
    filler.unlink()
    come_back(node)
    wait_until(lambda: refusal(node, "after") is None, "writes are taken after the restart", 2 * PATIENCE)
    expect_all(node, {**written, "between": VALUE, "after": VALUE})


def test_a_start_on_a_full_disk(disk, cluster, sets):
    """What storage-wal keeps room for is enough to start and to vote; RocksDB needs a little to start, which is said,
    but not what it needs to take writes. Both have everything once there is room."""
    node = cluster.form(1, sets={**sets, "storage.dir": disk / "data"})[1]
    written = {}
    filler = fill(disk)
    wait_until(lambda: refuses(node, written), "writes are refused", 2 * PATIENCE)
    node.kill()
    node.spawn(node.addr)
    if sets["storage.plugin"] == "storage-rocksdb":
        assert node.wait() == 74
        assert node.told("are free", "needed to open")
        os.truncate(filler, filler.stat().st_size - BELOW_RESERVE)
        node.spawn(node.addr)
    wait_until(lambda: node.is_listening() or node.process.poll() is not None, "it starts on a full disk")
    assert node.alive(), node.tail()
    if sets["storage.plugin"] == "storage-wal":  # RocksDB may give room back when it starts
        wait_until(lambda: len(node.log_lines("device full")) == 2, "it says that the disk is full")
    filler.unlink()
    wait_until(lambda: refusal(node, "after") is None, "writes are taken", 2 * PATIENCE)
    expect_all(node, {**written, "after": VALUE})


def test_a_copy_to_a_full_disk_says_what_to_do(disk, cluster, tmp_path, sets):
    """Before it has begun it ends and says so; once there is room the same command ends it."""
    place = ("storage-wal", tmp_path / "data")
    cluster.form(1, sets={"storage.plugin": place[0], "storage.dir": place[1]})[1].set("k", "v")
    cluster[1].signal(signal.SIGTERM)
    assert cluster[1].wait() == 0
    filler = fill(disk)
    target = (sets["storage.plugin"], disk / "copy")
    small = [word for key, value in STORAGES[target[0]].items() for word in ("--set-to", f"{key[8:]}={value}")]
    code, _, err = copy(1, place, target, *small)
    assert code == 74 and "No space left on device (give the command again once the device has room)" in err, err
    filler.unlink()
    if target[0] != "storage-rocksdb":  # needs more than this disk has
        assert copy(1, place, target, *small)[0] == 0


def test_a_node_moves_away_from_its_full_disk(disk, cluster, tmp_path):
    """Not an entry more fits behind the last one, not even the note that says where the node went: the copy is made,
    and the node goes on with every write."""
    source = ("storage-wal", disk / "data")
    node = cluster.start(1, sets={"storage.plugin": source[0], "storage.dir": source[1],
                                  "storage.segment_bytes": "64KiB"})[1]
    node.init([node])
    wait_until(lambda: node.view().state == "leader", "it leads")
    fill(disk)
    written = {}
    with pytest.raises(grpc.RpcError):
        while True:
            key = f"key-{len(written)}"
            node.app.Set(types.SetRequest(key=key, value="v"), timeout=3)
            written[key] = "v"
    node.signal(signal.SIGTERM)
    node.wait()
    target = ("storage-wal", tmp_path / "roomy")
    code, out, err = copy(1, source, target, "--set-from", "segment_bytes=64KiB")
    assert code == 0 and out.startswith("copied and compared"), err
    node.sets = {**node.sets, "storage.dir": target[1]}
    come_back(node)
    cluster.leader()
    expect_all(node, written)
