"""raft-key-value storage: nodes move from one storage to another under load, and what is refused says why."""
import json
import shutil
import subprocess

import pytest

from ctl import rkvctl
from load import Load, Registers, prove
from nodes import BUILD, flags_of, wait_until
from ports import free_port

ALL = [1, 2, 3]
WAL, ROCKS = "storage-wal", "storage-rocksdb"
SMALL = {"node.snapshot_after_entries": 200, "node.keep_entries": 50}  # snapshots are moved too
CONFIG, UNAVAILABLE, USAGE = 78, 69, 64

needs_rocks = pytest.mark.skipif(not (BUILD / "plugins" / "storage-rocksdb.so").exists(),
                                 reason="storage-rocksdb is not built here (no librocksdb)")


# ---- the commands ----


def storage(*words, cwd=None):
    """Exit code, standard output and error of `raft-key-value storage ...`."""
    done = subprocess.run((BUILD / "raft-key-value", "storage", *map(str, words)), capture_output=True, text=True,
                          timeout=120, cwd=cwd, check=False)
    return done.returncode, done.stdout, done.stderr


def copy(node_id, source, target, *more):
    """source, target: (plugin, directory)."""
    return storage("copy", "--id", node_id, "--from", source[0], "--set-from", f"dir={source[1]}", "--to", target[0],
                   "--set-to", f"dir={target[1]}", *more)


def look(what, node_id, place, *more):
    return storage(what, "--id", node_id, "--plugin", place[0], "--set", f"dir={place[1]}", *more)


def stat(node_id, place):
    code, out, err = look("stat", node_id, place, "--json")
    assert code == 0, err
    return json.loads(out)


# ---- nodes ----


def form(cluster, folder, *ids, plugin=WAL):
    """Durable nodes with snapshots; where each has its storage."""
    places = {i: (plugin, folder / f"data-{i}") for i in ids}
    for i in ids:
        cluster.start(i, sets={**SMALL, "storage.plugin": plugin, "storage.dir": places[i][1]})
    cluster[ids[0]].init([cluster[i] for i in ids])
    cluster.leader()
    cluster.settle()
    return places


def stop(node):
    """As an operator does it."""
    node.signal(15)
    assert node.wait() == 0


def start_on(node, place):
    node.sets = {**node.sets, "storage.plugin": place[0], "storage.dir": str(place[1])}
    node.restart()


def move(cluster, node, source, target):
    """Stopped, copied, started: nobody changes the membership, and the node is the voter that it was."""
    before, members = stat_of_running(node), node.view().membership.SerializeToString(deterministic=True)
    stop(node)
    held = stat(node.id, source)
    code, out, err = copy(node.id, source, target)
    assert code == 0 and out.startswith("copied and compared: "), err
    assert f"{source[0]} is retired: start node {node.id} with the section [storage] of {target[0]}, " in out
    now = stat(node.id, target)
    assert {**held, "plugin": target[0]} == now and now["incarnation"] == before
    assert held["snapshot"]["index"] > 0 and held["purged"]["index"] > 0
    start_on(node, target)
    wait_until(lambda: votes(cluster, node), f"node {node.id} votes", 10)
    assert stat_of_running(node) == before
    assert node.view().membership.SerializeToString(deterministic=True) == members
    return target


def stat_of_running(node):
    return node.view().pairs["incarnation"]


def votes(cluster, node):
    """Everybody knows this incarnation of the node as a voter that needs nothing."""
    views = cluster.views(cluster.alive())
    return len(views) == len(ALL) and all(
        view.configs == [ALL] and not view.membership.nodes[node.id].returning and
        view.membership.nodes[node.id].incarnation == int(views[node.id].pairs["incarnation"], 16)
        for view in views.values())


def refused_at_start(node, place, text):
    """A node that is started on it says why not, and where it goes on."""
    words = (BUILD / "raft-key-value", "--id", str(node.id), "--addr", f"127.0.0.1:{free_port()}",
             *flags_of({"storage.plugin": place[0], "storage.dir": place[1]}))
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == CONFIG and text in done.stderr, done.stderr


# ---- under load ----


@needs_rocks
def test_nodes_move_under_load_and_stay_voters(cluster, tmp_path):
    """One to the other storage, one there and back, the leader among them; every acknowledged write is there, and the
    histories are linearizable."""
    places = form(cluster, tmp_path, *ALL)
    with Load(cluster, clients=2) as load, Registers(cluster, clients=2) as registers:
        load.wait_more(400)
        leader = cluster.leader()
        other = next(i for i in ALL if i != leader.id)
        for node, target in ((leader, (ROCKS, tmp_path / "rocks-a")), (cluster[other], (ROCKS, tmp_path / "rocks-b")),
                             (cluster[other], (WAL, tmp_path / "wal-b"))):
            registers.turn_page()
            source = places[node.id]
            places[node.id] = move(cluster, node, source, target)
            index = stat(node.id, source)["last"]["index"]
            load.wait_more(300)
            goes_on = f"its node goes on in {target[0]}, dir={target[1]}"
            refused_at_start(node, source, f"retired at index {index}, {goes_on}")
    prove(cluster, load, registers)


@needs_rocks
@pytest.mark.long
def test_all_three_one_after_another(cluster, tmp_path):
    """Without a pause: the next is stopped as soon as the one before votes."""
    places = form(cluster, tmp_path, *ALL)
    with Load(cluster) as load:
        load.wait_more(500)
        for i in ALL:
            places[i] = move(cluster, cluster[i], places[i], (ROCKS, tmp_path / f"rocks-{i}"))
        load.wait_more(100)
    cluster.settle()
    for i in ALL:
        held = cluster[i].get_many(list(load.acknowledged))
        assert held == load.acknowledged


# ---- by one node ----


def filled(cluster, folder, plugin=WAL):
    """A node that wrote snapshots and was stopped; where its storage is."""
    place = form(cluster, folder, 1, plugin=plugin)[1]
    cluster[1].set_many((f"key-{i}", f"value {i}") for i in range(500))
    wait_until(lambda: cluster[1].view().number("purged") > 0, "the log is purged")
    return place


def test_what_cannot_be_copied_is_refused(cluster, tmp_path):
    """Each mistake ends with one line that says what to do; nothing is made, and the node starts as before."""
    source = filled(cluster, tmp_path)
    new = (WAL, tmp_path / "new")

    def refuses(code, text, words):
        done = storage("copy", *words)
        assert done[0] == code and text in done[2] and done[1] == "", done
        assert not new[1].exists()

    def words(node_id=1, frm=source, to=new):
        return ["--id", node_id, "--from", frm[0], "--set-from", f"dir={frm[1]}",
                "--to", to[0], "--set-to", f"dir={to[1]}"]

    refuses(UNAVAILABLE, "another node or tool uses this directory (stop it first)", words())
    stop(cluster[1])
    refuses(CONFIG, "this directory belongs to node 1, this is node 2", words(node_id=2))
    refuses(USAGE, "--id N is missing", words()[2:])
    refuses(USAGE, "--from PLUGIN is missing", [*words()[:2], *words()[6:]])
    refuses(USAGE, "storage copy needs --to PLUGIN", words()[:6])
    refuses(CONFIG, "source and copy are in the same place", words(to=source))
    refuses(CONFIG, "No such file or directory", words(frm=(WAL, tmp_path / "mistyped")))
    assert not (tmp_path / "mistyped").exists()
    (tmp_path / "empty").mkdir()
    refuses(CONFIG, "an empty directory", words(frm=(WAL, tmp_path / "empty")))
    forgets = "storage-mem forgets what it holds when its node stops"
    refuses(CONFIG, forgets, ["--id", 1, "--from", "storage-mem", "--to", WAL, "--set-to", f"dir={new[1]}"])
    refuses(CONFIG, forgets, [*words()[:6], "--to", "storage-mem"])
    refuses(CONFIG, "did you mean storage-wal", words(to=("storage-wall", new[1])))
    refuses(CONFIG, "unknown key (did you mean dir?)", [*words(), "--set-to", "dirr=x"])
    start_on(cluster[1], source)
    wait_until(lambda: cluster[1].get("key-499") == "value 499", "it serves what it held")


def test_a_place_that_is_not_empty_is_refused(cluster, tmp_path):
    """Another node's storage, and one of this node: neither is overwritten."""
    source = filled(cluster, tmp_path)
    stop(cluster[1])
    first, second = (WAL, tmp_path / "first"), (WAL, tmp_path / "second")
    assert copy(1, source, first)[0] == 0
    assert copy(1, first, second)[0] == 0
    code, _, err = copy(1, second, first)
    assert code == CONFIG and "not empty: vote of term 1" in err
    code, _, err = copy(2, second, first)
    assert code == CONFIG and "belongs to node 1" in err
    code, out, _ = copy(1, first, second)
    assert code == 0 and out.startswith("nothing to do, it was copied before")
    start_on(cluster[1], second)
    wait_until(lambda: cluster[1].get("key-499") == "value 499", "it serves what it held")


def test_a_copy_that_went_missing_is_not_made_anew(cluster, tmp_path):
    """The retired source points there: a node that was started on an empty storage would have no word of it."""
    source, target = filled(cluster, tmp_path), (WAL, tmp_path / "new")
    stop(cluster[1])
    assert copy(1, source, target)[0] == 0
    shutil.rmtree(target[1])
    code, out, err = copy(1, source, target)
    assert code == CONFIG and out == "" and f"its node goes on in {WAL}, dir={target[1]}, where nothing is" in err
    assert not target[1].exists()


def check(folder, config, *sets):
    """`raft-key-value check`."""
    path = folder / "checked.ini"
    path.write_text(config)
    done = subprocess.run((BUILD / "raft-key-value", "check", "--config", path, *sets), capture_output=True, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def held_files(place):
    return {path.name: path.read_bytes() for path in place[1].iterdir()}


def test_check_sees_what_a_node_would_be_refused_for(cluster, tmp_path):
    """A retired storage and another node's; not one that a node uses, and none is made where none is."""
    source, target = filled(cluster, tmp_path), (WAL, tmp_path / "new")
    text = f"[node]\nid = {{}}\naddr = {cluster[1].addr}\n[storage]\nplugin = {WAL}\ndir = {{}}\n"
    assert check(tmp_path, text.format(1, source[1]))[0] == 0, "its node runs"
    stop(cluster[1])
    assert check(tmp_path, text.format(1, source[1]))[0] == 0
    assert copy(1, source, target)[0] == 0
    before = held_files(source)
    code, said = check(tmp_path, text.format(1, source[1]))
    assert code == CONFIG and f"[storage] {WAL}: retired at index " in said and f"dir={target[1]}" in said
    assert held_files(source) == before
    assert check(tmp_path, text.format(1, target[1])) == (0, f"{tmp_path / 'checked.ini'}: ok\n")
    code, said = check(tmp_path, text.format(2, target[1]))
    assert code == CONFIG and "belongs to node 1, this is node 2" in said
    assert check(tmp_path, text.format(1, tmp_path / "nothing"))[0] == 0 and not (tmp_path / "nothing").exists()


def test_the_note_is_no_entry(cluster, tmp_path):
    """What retires a storage is not counted among the node's entries, and the tool of storage-wal tells it, too."""
    source, own = filled(cluster, tmp_path), shutil.copy(BUILD / "plugins" / f"{WAL}.so", tmp_path / "own.so")
    stop(cluster[1])
    before, tool = look("verify", 1, source), lambda: rkvctl("wal", "stat", source[1], "--json").json()["state"]
    assert before[0] == 0 and tool() == "ready"
    code, out, err = copy(1, source, (own, tmp_path / "new"))  # where the node goes on is told by the path
    assert code == 0 and f"start node 1 with the section [storage] of {own}, dir={tmp_path / 'new'}\n" in out, out + err
    assert look("verify", 1, source) == before
    assert tool() == "retired" and "state            retired: " in rkvctl("wal", "stat", source[1]).text()


def test_what_a_plugin_must_have_passed(cluster, tmp_path):
    """require_contract holds for storage commands: of a configuration, and beside the flags."""
    source = filled(cluster, tmp_path)
    stop(cluster[1])
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    for plugin in (WAL, "sm-protobuf", "transport-grpc"):
        shutil.copy(BUILD / "plugins" / f"{plugin}.so", plugins)
    config = tmp_path / "node.ini"
    config.write_text(f"[node]\nid = 1\naddr = {cluster[1].addr}\nplugin_dir = {plugins}\n[storage]\nplugin = {WAL}\n"
                      f"dir = {source[1]}\nrequire_contract = basic\n")
    missing = "the report", "is missing (run rkv-contract "
    for words in (("stat", "--config", config), ("verify", "--config", config),
                  ("copy", "--config", config, "--to", WAL, "--set-to", f"dir={tmp_path / 'new'}")):
        code, out, err = storage(*words)
        assert code == CONFIG and out == "" and all(part in err for part in missing), err
    code, _, err = look("stat", 1, (plugins / f"{WAL}.so", source[1]), "--set", "require_contract=basic")
    assert code == CONFIG and all(part in err for part in missing), err
    assert look("stat", 1, (plugins / f"{WAL}.so", source[1]))[0] == 0
    assert not (tmp_path / "new").exists()


def test_a_plugin_is_meant_without_its_kind(tmp_path):
    code, _, err = storage("copy", "--id", 1, "--from", "wall", "--set-from", f"dir={tmp_path}", "--to", "mem")
    assert code == CONFIG and "--from wall: no such plugin (did you mean storage-wal? " in err
    assert "--to mem: no such plugin (did you mean storage-mem? " in err


def test_a_configuration_is_the_source(cluster, tmp_path):
    """Id, plugin and directory as the node's own file has them."""
    source = filled(cluster, tmp_path)
    stop(cluster[1])
    config = tmp_path / "node.ini"
    config.write_text(f"[node]\nid = 1\naddr = {cluster[1].addr}\n[storage]\nplugin = {WAL}\ndir = {source[1]}\n")
    code, out, err = storage("copy", "--config", config, "--to", WAL, "--set-to", "dir=copy", cwd=tmp_path)
    assert code == 0 and f"of storage-wal, dir={tmp_path / 'copy'}" in out, err
    code, out, _ = storage("stat", "--config", config)
    assert code == 0 and f"retired, its node goes on in storage-wal, dir={tmp_path / 'copy'}" in out
    code, _, err = storage("copy", "--config", config, "--to", WAL, "--set-to", "dir=other", cwd=tmp_path)
    assert code == CONFIG and f"its node goes on in storage-wal, dir={tmp_path / 'copy'}" in err
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("plugin", [WAL, pytest.param(ROCKS, marks=needs_rocks)])
def test_verify_dump_and_stat_agree(cluster, tmp_path, plugin):
    """With each other and with the node; words where there are any, and each form for programs too."""
    place = filled(cluster, tmp_path, plugin)
    cluster[1].set('q"\x1b', "é\n")
    last = cluster[1].view().last_log + 1  # the wire counts from 0
    code, _, err = look("verify", 1, place)
    assert code != 0 and err.count("\n") == 1
    stop(cluster[1])
    held = stat(1, place)
    assert held["state"] == "ready" and held["last"]["index"] == last and held["vote"]["node"] == 1
    entries = [json.loads(line) for line in look("dump", 1, place, "--json")[1].splitlines()]
    assert [e["index"] for e in entries] == list(range(held["purged"]["index"] + 1, last + 1))
    assert entries[-1]["text"] == 'set "q\\"\\x1b" = "é\\x0a"' and entries[-1]["kind"] == "command"
    assert bytes.fromhex(entries[-1]["payload"]).endswith("é\n".encode())
    whole = json.loads(look("verify", 1, place, "--json")[1])
    assert whole["entries"] == len(entries) and whole["snapshot_bytes"] == held["snapshot_bytes"] > 0
    said = f"ok: {len(entries)} entries of {whole['bytes']} bytes, a snapshot of "
    assert look("verify", 1, place)[1].startswith(said)
    lines = look("dump", 1, place)[1].splitlines()
    assert len(lines) == len(entries) + 1 and lines[-1].endswith('set "q\\"\\x1b" = "é\\x0a"')
    assert f"last {last} of term {held['last']['term']}" in look("stat", 1, place)[1]
    code, _, err = look("dump", 1, place, "--state-machine", WAL)
    assert code == CONFIG and "kind is storage" in err


def test_a_dump_ends_with_its_reader(cluster, tmp_path):
    """`dump | head -1` says nothing else, and the storage is free again."""
    place = form(cluster, tmp_path, 1)[1]
    cluster[1].set_many((f"key-{i}", "v" * 4000) for i in range(150))  # more than a pipe takes
    stop(cluster[1])
    command = f"'{BUILD}/raft-key-value' storage dump --json --id 1 --plugin {WAL} --set dir='{place[1]}'"
    for ignored in ("", "trap '' PIPE; "):  # as a shell starts it; as some services do
        done = subprocess.run(("bash", "-c", f"{ignored}{command} | head -1"), capture_output=True, text=True,
                              timeout=60, check=False)
        assert json.loads(done.stdout)["index"] >= 1 and done.stderr == ""
    assert look("verify", 1, place)[0] == 0
