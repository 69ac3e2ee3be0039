"""raft-key-value check and the first start: what is wrong is told where it is, once, with the remedy."""
import os
import shutil
import subprocess

import pytest

from nodes import BUILD

FILE = ("[node]\nid = 1\naddr = 127.0.0.1:21001\n[storage]\nplugin = storage-wal\ndir = {dir}\n"
        "segment_bytes = 1MiB\n")
OK, USAGE, CONFIG = 0, 64, 78


def program(*words, before=(), at="."):
    done = subprocess.run([*before, BUILD / "raft-key-value", *words], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False, cwd=at)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "node.ini"
    path.write_text(FILE.format(dir=tmp_path / "data"), encoding="utf-8")
    return path


def test_a_place_that_cannot_be_made(file, tmp_path):
    """A path of the file, or of a flag, is looked at: its folder is there, and lets it be made."""
    assert program("check", "--config", file) == (OK, f"{file}: ok\n", "")
    assert program("check", "--config", file, "--set", "storage.dir=data/", at=tmp_path)[0] == OK
    code, out, err = program("check", "--config", file, "--set", "storage.dir=/nowhere/at/all")
    assert (code, out) == (CONFIG, "") and err == ('--set: [storage] dir = "/nowhere/at/all": the folder /nowhere/at '
                                                   "is not there (make it first)\n")
    file.write_text(FILE.format(dir=file / "data"), encoding="utf-8")
    code, _, err = program("check", "--config", file)
    assert code == CONFIG and err.startswith(f'{file}:6: [storage] dir = "{file}/data": Not a directory')
    assert not (tmp_path / "data").exists()  # nothing was started


def test_a_place_that_is_not_ours(file, tmp_path):
    """As a user who may not write there: neither into it nor beside it."""
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root may write everywhere")
    weak = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override") if os.geteuid() == 0 else ()
    held = tmp_path / "held"
    held.mkdir(mode=0o555)
    for place, why in ((held, "let this user write there"), (held / "data", f"this user cannot make it in {held}")):
        code, _, err = program("check", "--config", file, "--set", f"storage.dir={place}", before=weak)
        assert code == CONFIG and err.count("\n") == 1 and why in err and "Permission denied" in err, err


def test_a_host_that_nobody_knows(file):
    code, _, err = program("check", "--config", file, "--addr", "nowhere.invalid:1")
    assert code == USAGE and err.startswith('--addr: [node] addr = "nowhere.invalid:1": the host nowhere.invalid is '
                                            "not found: ")
    assert program("check", "--config", file, "--addr", "[::1]:1")[0] == OK
    assert program("check", "--config", file, "--addr", "localhost:1")[0] == OK


def test_an_unreadable_file_is_all_that_is_told(tmp_path):
    """What it should have said is not known: nothing is held against it."""
    for words in (("check",), ("config",), ("plugins",), ()):
        code, out, err = program(*words, "--config", tmp_path / "none.ini", "--set", "strange.key=1")
        assert (code, out) == (CONFIG, ""), words
        assert err == (f"{tmp_path}/none.ini: cannot open: No such file or directory (give --config a file this "
                       "process may read)\n")


def test_keys_of_a_plugin_that_a_flag_replaced(file):
    """They are told as that plugin's; a value of theirs, which may be a secret, is not shown."""
    code, _, err = program("check", "--config", file, "--set", "storage.plugin=storage-mem")
    assert code == CONFIG and err == "".join(
        f"{file}:{line}: [storage] {key}: is not of storage-mem, which --set storage.plugin=storage-mem put in the "
        "place of storage-wal (leave out the key, or that flag)\n" for line, key in ((6, "dir"), (7, "segment_bytes")))
    code, _, err = program("check", "--config", file, "--set", "storage.plugin=storage-wal", "--set", "storage.dri=x")
    assert code == CONFIG and "unknown key (did you mean dir?)" in err


def test_a_host_without_plugins_names_their_packages(file, tmp_path):
    """As after `dpkg -i` of the host's package alone: the folder is not there, or is empty."""
    folder = tmp_path / "plugins"
    for _ in range(2):
        for words in ((), ("check",)):
            code, _, err = program(*words, "--config", file, "--set", f"node.plugin_dir={folder}")
            assert code == CONFIG
            for name in ("transport-grpc", "storage-wal", "sm-protobuf"):
                assert (f"no plugin {name} found in {folder}: install the package raft-key-value-plugin-{name}, or "
                        "give") in err, err
        assert "raft-key-value-plugin-*" in program("plugins", "--set", f"node.plugin_dir={folder}")[2]
        folder.mkdir(exist_ok=True)
    code, _, err = program("check", "--config", file, "--set", "storage.plugin=storage-x")
    assert code == CONFIG and "others have a package, raft-key-value-plugin-NAME" in err


def test_a_file_is_given_by_its_path(file, tmp_path):
    """Also where it lies before one's eyes; in a folder of plugins only names are looked for."""
    shutil.copy(BUILD / "plugins" / "storage-wal.so", tmp_path / "mine.so")
    hint = "no such plugin (for a file give a path, with a '/', as ./mine.so; in "
    for name in ("mine", "mine.so"):
        code, _, err = program("check", "--config", file, "--set", f"storage.plugin={name}", at=tmp_path)
        assert code == CONFIG and hint in err, err
        code, _, err = program("plugins", name, at=tmp_path)
        assert code == CONFIG and hint in err, err


def test_the_table_of_plugins_has_columns():
    head, *rows = program("plugins")[1].splitlines()
    at = head.index("DESCRIPTION")
    assert len(rows) > 3 and all(row[at - 1] == " " and row[at] != " " for row in rows), rows


@pytest.mark.parametrize("storage, pattern", [("storage-wal", "log-*.wal"), ("storage-rocksdb", "*.log")])
def test_a_damaged_log_names_the_remedy(cluster, tmp_path, storage, pattern):
    """Where, what is wrong, and what to do: not whoever reads the code knows that a leader takes the node in anew."""
    if not (BUILD / "plugins" / f"{storage}.so").exists():
        pytest.skip(f"{storage} is not built")
    folder = tmp_path / "data"
    node = cluster.form(1, sets={"storage.plugin": storage, "storage.dir": folder})[1]
    node.set_many((f"key-{i}", "v" * 300) for i in range(200))
    node.kill()
    path = sorted(folder.glob(pattern))[0]
    data = bytearray(path.read_bytes())
    data[40] ^= 4
    path.write_bytes(data)
    code, _, err = program(*node.words(node.addr)[1:])
    said = err.splitlines()[-1]
    assert code == 74 and str(folder) in said and path.name in said, err
    assert "put what this node stored aside and start it with an empty place" in said
    assert said.count("in anew") == 1, "the remedy is told twice"
