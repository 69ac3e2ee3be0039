"""What ships is whole: every example file passes `check` with the real plugins."""
import os
import re
import subprocess

import pytest

from nodes import BUILD, ROOT

FILES = sorted((ROOT / "conf").rglob("*.ini"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT / "conf")))
def test_an_example_file(path):
    storage = re.search(r"^plugin = (storage-\S+)", path.read_text(encoding="utf-8"), re.M).group(1)
    if not (BUILD / "plugins" / f"{storage}.so").exists():
        pytest.skip(f"{storage} is not built here")
    done = subprocess.run([BUILD / "raft-key-value", "check", "--config", path], capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, "RKV_CRYPT_KEY": 32 * "5a"})
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}: ok\n", "")


def test_every_storage_has_an_example():
    """docs/choosing-a-storage.md names them."""
    shown = {name for path in FILES for name in re.findall(r"^plugin = (storage-\S+)", path.read_text("utf-8"), re.M)}
    ours = {path.name for path in (ROOT / "plugins").glob("storage-*")}
    assert shown == ours
