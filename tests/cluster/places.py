"""Where a node's storage is, and how a node is asked to move to another one."""
import dataclasses
import pathlib
import subprocess
import time

import grpc

from nodes import BUILD, flags_of
from ports import free_port
from stubs import rkv, rkv_grpc

WAL, ROCKS, LMDB, MEM = "storage-wal", "storage-rocksdb", "storage-lmdb", "storage-mem"
DURABLE = tuple(name for name in (WAL, ROCKS, LMDB) if (BUILD / "plugins" / f"{name}.so").exists())
# small files change often, and soon fill a small disk
SMALL = {WAL: ["segment_bytes=1MiB"], ROCKS: ["write_buffer_bytes=1MiB"], LMDB: []}
LOOK, CHECK, BEGIN, CANCEL = range(4)
NONE, OPENING, SNAPSHOT, LOG, COMPARING, SWITCHING, MOVED, FAILED = range(8)
PHASES = (OPENING, SNAPSHOT, LOG, COMPARING, SWITCHING, MOVED)
CONFIG = 78  # how a node ends whose section [storage] is wrong


def every_pair(plugins):
    """A round walk on which each one follows each other one once."""
    if len(plugins) == 1:
        return list(plugins)
    walk = [plugins[0], *every_pair(plugins[1:]), plugins[0]]
    for other in plugins[2:]:
        walk += [other, plugins[0]]
    return walk


@dataclasses.dataclass(frozen=True)
class Place:
    """A storage as section [storage] has it."""
    plugin: str
    folder: pathlib.Path

    def sets(self):
        return {"storage.plugin": self.plugin, **dict(f"storage.{word}".split("=", 1) for word in self.settings())}

    def settings(self):
        return [] if self.forgets() else [f"dir={self.folder}", *SMALL[self.plugin]]

    def set_words(self, option):
        return [word for setting in self.settings() for word in (option, setting)]

    def words(self):
        return ["--plugin", self.plugin, *self.set_words("--set")]

    def forgets(self):
        return self.plugin == MEM

    def noted(self):
        return ", ".join([self.plugin, *self.settings()])

    def lines(self):
        return "\n  ".join(["[storage]", f"plugin = {self.plugin}",
                            *[setting.replace("=", " = ", 1) for setting in self.settings()]])


def put_on(node, place):
    node.sets = {**{key: value for key, value in node.sets.items() if not key.startswith("storage.")}, **place.sets()}


def refused(node, place, text):
    """A node that is started on it says why not."""
    words = (BUILD / "raft-key-value", "--id", str(node.id), "--addr", f"127.0.0.1:{free_port()}",
             *flags_of(place.sets()))
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == CONFIG and text in done.stderr, (done.returncode, done.stderr)


def ask(node, action, place=None):
    """The call, on its way."""
    request = rkv.SwapStorageRequest(action=action)
    if place:
        request.plugin, request.forgetful = place.plugin, place.forgets()
        request.settings.extend(place.settings())
    return rkv_grpc.AdminStub(node.channel).SwapStorage.future(request, timeout=30)


def incarnation(node):
    return node.view().pairs["incarnation"]


def refused_if_there(node, place):
    """What an unfinished move left is no storage for a node to start on."""
    words = (BUILD / "raft-key-value", "storage", "stat", "--id", str(node.id), *place.words())
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 0 and "new" not in done.stdout.split("state", 1)[1].split("\n", 1)[0]:
        refused(node, place, "an unfinished copy of another storage")


def phase_of(node):
    """None: it has much to do, or ends."""
    try:
        return ask(node, LOOK).result().phase
    except grpc.RpcError:
        return None


def what_became(node, call):
    """Of a move; None: it goes on, or the node is about to end."""
    if not node.alive():
        return "ended"
    if not call.done():
        return None
    if call.exception() is not None:
        return "refused" if phase_of(node) is not None else None
    return {MOVED: "moved", FAILED: "given_up"}.get(phase_of(node))


def wait_for_phase(node, call, phase):
    """Until a move has come so far, or ended."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if call.done() and call.exception() is not None:
            raise call.exception()
        now = phase_of(node)
        if now is not None and (now >= phase or (call.done() and now == NONE)):
            return
    raise AssertionError(f"no move came to phase {phase}")
