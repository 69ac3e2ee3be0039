"""What the package tests share: an installed tree, nodes that run from it, and what a command says."""
import os
import pathlib
import shutil
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("RKV_BUILD") or ROOT / "build" / "release")
PATIENCE = 60.0  # seconds that anything may take before the test fails
START_TRIES = 5  # a port that was free may be taken by another process
ADDRESS_IN_USE = 69
# As a user has it: nothing of this build is found by accident.
CLEAN = {key: value for key, value in os.environ.items() if key not in ("RKVCTL_ENDPOINTS", "PKG_CONFIG_PATH")}


def run(*words, cwd=None, **more_env):
    """The output of a command, which must succeed."""
    done = subprocess.run([str(word) for word in words], cwd=cwd, env={**CLEAN, **more_env}, capture_output=True,
                          text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def wait_until(holds, what):
    """The first true value of holds()."""
    end = time.monotonic() + PATIENCE
    while not (value := holds()):
        assert time.monotonic() < end, f"after {PATIENCE:.0f} s not yet: {what}"
        time.sleep(0.02)
    return value


def install(folder, name):
    """Installs this build, then moves the tree to folder/name: nothing in it may know where it was."""
    run("cmake", "--install", BUILD, "--prefix", folder / "first")
    prefix = folder / name
    (folder / "first").rename(prefix)
    return prefix


def tree(prefix):
    """All files under prefix, as relative paths."""
    return {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Node:
    """A process of prefix/bin/raft-key-value."""

    def __init__(self, prefix, folder, node_id, *words):
        self.command = [str(prefix / "bin" / "raft-key-value"), "--id", str(node_id), *map(str, words)]
        self.id = node_id
        self.log = folder / f"node-{node_id}.log"
        for _ in range(START_TRIES):
            self.addr = f"127.0.0.1:{free_port()}"
            with open(self.log, "wb") as log:
                guard = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
                self.process = subprocess.Popen([*guard, *self.command, "--addr", self.addr], cwd=folder, env=CLEAN,
                                                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            wait_until(lambda: self.is_listening() or self.process.poll() is not None, f"node {node_id} listens")
            if self.process.poll() != ADDRESS_IN_USE:
                break
        assert self.is_listening(), self.log.read_text()

    def is_listening(self):
        return f"listening addr={self.addr} id={self.id}\n" in self.log.read_text()

    def stop(self):
        """Asks it to end, which it must do in order."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(PATIENCE)
        assert code == 0, f"node {self.id} ended with {code}\n{self.log.read_text()}"

    def kill(self):
        self.process.kill()
        self.process.wait()


WAL = ("storage.plugin=storage-wal", "storage.segment_bytes=64KiB")


def serves_durably(prefix, folder, *storage, section="storage"):
    """One node of the tree under prefix takes a write, ends, and has it when it is back; `section` has the dir."""
    sets = [word for pair in (*(storage or WAL), f"{section}.dir={folder / 'data'}") for word in ("--set", pair)]
    ctl = prefix / "bin" / "rkvctl"
    node = Node(prefix, folder, 1, *sets)
    try:
        run(ctl, "--endpoints", node.addr, "init", f"1={node.addr}")
        run(ctl, "--endpoints", node.addr, "set", "key", "kept")
        node.stop()
        node = Node(prefix, folder, 1, *sets)
        return run(ctl, "--endpoints", node.addr, "get", "key", "--read", "linearizable") == "kept\n"
    finally:
        node.kill()
