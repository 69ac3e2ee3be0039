"""A storage that is built over another one: configured, shown, read, copied and moved to as any other."""
import re
import subprocess

import pytest

from ctl import rkvctl
from nodes import BUILD, flags_of, wait_until
from ports import free_port

WAL, THROUGH = "storage-wal", "storage-through"
CONFIG = 78


@pytest.fixture(name="plugins")
def plugins_fixture(tmp_path):
    """A folder with the plugins of this build and the smallest stacked one."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    for file in [*(BUILD / "plugins").glob("*.so"), *(BUILD / "tests" / "stacked-plugins").glob("*.so")]:
        (folder / file.name).symlink_to(file)
    return folder


def host(*words):
    """Exit code, standard output and error."""
    done = subprocess.run((BUILD / "raft-key-value", *map(str, words)), capture_output=True, text=True, timeout=120,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def sets_of(plugins, place, secret, more=None):
    """place: (plugin, directory); the stacked one is over storage-wal."""
    own = {"node.plugin_dir": plugins, "node.swap_storage": "true", "storage.plugin": place[0], **(more or {})}
    if place[0] == WAL:
        return {**own, "storage.dir": place[1]}
    return {**own, "storage.over": WAL, "storage.under.dir": place[1], "storage.mark": f"file:{secret}"}


def own_flags(place, secret, word):
    """The same as KEY=VALUE of one storage."""
    sets = sets_of("", place, secret)
    return [w for key, value in sets.items() if key.startswith("storage.") and key != "storage.plugin"
            for w in (word, f"{key.removeprefix('storage.')}={value}")]


def look(what, plugins, place, secret, *more):
    return host("storage", what, "--id", 1, "--set", f"node.plugin_dir={plugins}", "--plugin", place[0],
                *own_flags(place, secret, "--set"), *more)


@pytest.fixture(name="secret")
def secret_fixture(tmp_path):
    file = tmp_path / "mark"
    file.write_text("do-not-tell\n")
    return file


def single(cluster, sets):
    node = cluster.start(1, sets={key: str(value) for key, value in sets.items()})[1]
    node.init([node])
    cluster.leader()
    return node


def restart_on(node, sets):
    node.sets = {key: str(value) for key, value in sets.items()}
    node.restart()


def stop(node):
    node.signal(15)
    assert node.wait() == 0


def test_it_is_a_storage_like_any_other(cluster, tmp_path, plugins, secret):
    """Both layers show their metrics, both close; what was written is there after a kill and by every command."""
    place, copied = (THROUGH, tmp_path / "data"), (WAL, tmp_path / "copy")
    node = single(cluster, sets_of(plugins, place, secret))
    assert node.told("serves ", f"storage={THROUGH}/{WAL} ", "durable=true")
    node.set("a", "1")
    metrics = rkvctl("metrics", at=node).text()
    assert re.search(rf"{THROUGH}\.layers[ :]+1\b", metrics) and re.search(rf"{WAL}\.\w+", metrics), metrics
    node.kill()
    node.restart()
    wait_until(lambda: node.get("a") == "1", "it holds what it held")
    stop(node)
    assert node.told("through", "closed")
    for what, says in (("stat", "ready"), ("verify", "ok"), ("dump", "Set")):
        code, out, err = look(what, plugins, place, secret)
        assert code == 0 and "do-not-tell" not in out + err, err
        assert says.lower() in out.lower(), out
    code, out, err = host("storage", "copy", "--id", 1, "--set", f"node.plugin_dir={plugins}", "--from", THROUGH,
                          *own_flags(place, secret, "--set-from"), "--to", WAL, "--set-to", f"dir={copied[1]}")
    assert code == 0, err
    restart_on(node, sets_of(plugins, copied, secret))
    wait_until(lambda: node.get("a") == "1", "the copy holds it")


def test_a_node_moves_to_it_while_it_serves(cluster, tmp_path, plugins, secret):
    """And back. A start on the storage that was left says all lines that are needed, of the secret where it is."""
    old, new, third = (WAL, tmp_path / "old"), (THROUGH, tmp_path / "new"), (WAL, tmp_path / "third")
    node = single(cluster, sets_of(plugins, old, secret))
    node.set("a", "1")
    done = rkvctl("swap-storage", 1, "--plugin", THROUGH, *own_flags(new, secret, "--set"), at=node)
    assert done.code == 0, done.text()
    node.set("b", "2")
    metrics = rkvctl("metrics", at=node).text()
    assert re.search(rf"{THROUGH}\.layers[ :]+1\b", metrics) and "copy." not in metrics, metrics
    stop(node)
    code, _, err = host("--id", 1, "--addr", f"127.0.0.1:{free_port()}", *flags_of(sets_of(plugins, old, secret)))
    assert code == CONFIG
    assert (f"its node goes on in {THROUGH}, over={WAL}, mark=file:{secret}, under.dir={new[1]} " in err
            and f"write: plugin = {THROUGH}; over = {WAL}; mark = file:{secret}; [storage.under]; dir = {new[1]})"
            in err), err
    restart_on(node, sets_of(plugins, new, secret))
    wait_until(lambda: node.get("b") == "2", "it goes on where it went")
    assert rkvctl("swap-storage", 1, "--plugin", WAL, "--set", f"dir={third[1]}", at=node).code == 0
    stop(node)
    restart_on(node, sets_of(plugins, third, secret))
    wait_until(lambda: node.get("a") == "1" and node.get("b") == "2", "and back")


def test_each_kind_may_be_stacked(cluster, plugins):
    """A cluster of nodes all of whose plugins are stacked serves; the settings of those under them are in force."""
    cluster.form(1, 2, 3, sets={
        "node.plugin_dir": str(plugins), "transport.plugin": "transport-through", "transport.over": "transport-grpc",
        "transport.under.app_message_max": "1KiB", "state-machine.plugin": "sm-through",
        "state-machine.over": "sm-protobuf", "state-machine.under.key_max": "8", "storage.plugin": THROUGH,
        "storage.over": "storage-mem"})
    node = next(node for node in cluster.alive() if node is not cluster.leader())
    assert node.told("serves ", "transport=transport-through/transport-grpc ", f"storage={THROUGH}/storage-mem ",
                     "state_machine=sm-through/sm-protobuf")
    assert rkvctl("set", "key", "value", at=node).code == 0
    assert rkvctl("get", "key", "--read", "linearizable", at=node).out == b"value\n"
    assert "key: 9 bytes (at most 8: option key_max)" in rkvctl("set", "k" * 9, "v", at=node).text()
    assert rkvctl("set", "key", "v" * 2000, at=node).code == 1
    assert re.search(r"sm-protobuf\.keys[ :]+1\b", rkvctl("metrics", at=node).text())


def test_what_does_not_fit_is_refused_in_a_line(cluster, tmp_path, plugins):
    """By check and by the request of a move, with the place of what is wrong."""
    place = (THROUGH, tmp_path / "data")

    def refused(text, sets):
        config = tmp_path / "node.ini"
        config.write_text(f"[node]\nid = 1\naddr = 127.0.0.1:21001\nplugin_dir = {plugins}\n{sets}")
        code, _, err = host("check", "--config", config)
        assert code == CONFIG and text in err, err

    refused("[storage] over: missing", f"[storage]\nplugin = {THROUGH}\n")
    refused("[storage] over = \"storage-wall\": no such plugin (did you mean storage-wal?",
            f"[storage]\nplugin = {THROUGH}\nover = storage-wall\n")
    refused("[storage] over = \"sm-protobuf\": ", f"[storage]\nplugin = {THROUGH}\nover = sm-protobuf\n")
    refused("storage-through is built over another plugin itself",
            f"[storage]\nplugin = {THROUGH}\nover = {THROUGH}\n")
    refused("[storage.under] dirr = \"x\": unknown key (did you mean dir?)",
            f"[storage]\nplugin = {THROUGH}\nover = {WAL}\n[storage.under]\ndirr = x\ndir = y\n")
    refused("[storage] over = \"storage-mem\": unknown key",
            f"[storage]\nplugin = {WAL}\ndir = x\nover = storage-mem\n")
    refused("[storage.under] dir: storage-wal is not built over another plugin (leave the section out)",
            f"[storage]\nplugin = {WAL}\ndir = x\n[storage.under]\ndir = y\n")
    refused("[strage.under]: unknown section (did you mean [storage.under]?)", "[strage.under]\ndir = y\n")
    code, out, _ = host("config", "--config", write_whole(tmp_path, plugins, place))
    assert code == 0 and re.search(rf"\nover = {WAL} .*\n(.*\n)*\n\[storage.under\]\ndir = ", out), out
    code, out, _ = host("plugins", THROUGH, "--set", f"node.plugin_dir={plugins}")
    assert code == 0 and "  over = (required)\n" in out and "[storage.under]" in out and ",stacked " in out
    node = single(cluster, {"node.plugin_dir": plugins, "node.swap_storage": "true"})
    assert node.told("serves ", "durable=false")
    done = rkvctl("swap-storage", 1, "--plugin", THROUGH, "--set", f"over={BUILD}/plugins/{WAL}.so", at=node)
    assert done.code == 1 and "no path" in done.text()
    done = rkvctl("swap-storage", 1, "--plugin", THROUGH, "--set", f"over={WAL}", "--set", "under.dir=${HOME}", at=node)
    assert done.code == 1 and "only a secret comes from the node's environment" in done.text(), done.text()
    done = rkvctl("swap-storage", 1, "--plugin", THROUGH, "--set", "over=${HOME}", "--set", f"under.dir={place[1]}",
                  at=node)
    assert done.code == 1 and "only a secret comes from the node's environment" in done.text(), done.text()
    stop(node)
    restart_on(node, {"node.plugin_dir": plugins, "storage.plugin": THROUGH, "storage.over": "storage-mem"})
    assert node.told(f"storage={THROUGH}/storage-mem durable=false")


def write_whole(folder, plugins, place):
    config = folder / "whole.ini"
    config.write_text(f"[node]\nid = 1\naddr = 127.0.0.1:21001\nplugin_dir = {plugins}\n"
                      f"[storage]\nplugin = {place[0]}\nover = {WAL}\n[storage.under]\ndir = {place[1]}\n")
    return config
