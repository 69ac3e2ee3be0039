"""The clients of examples/, each in its language: what they do at a cluster, and what they send again and what not."""
import os
import pathlib
import shutil
import subprocess
import sys
import threading
from concurrent import futures

import grpc
import pytest

from nodes import BUILD, LEADER_KEY, ROOT, free_port
from stubs import PROTOS, types

EXAMPLES = ROOT / "examples"
PATIENCE = 60
BUILD_SECONDS = 280  # the libraries of the others, from sources
DONE, REFUSED, UNKNOWN, NOT_FOUND = 0, 1, 3, 4
ABORTED, UNAVAILABLE, FULL = (grpc.StatusCode[name] for name in ("ABORTED", "UNAVAILABLE", "RESOURCE_EXHAUSTED"))
DECLINED = (("rkv-refused", "1"),)


# ---- the clients ----

def need(words, folder, **env):
    """Builds what needs no network; skipped with the reason if that fails."""
    if not shutil.which(words[0]):
        pytest.skip(f"{words[0]} is not installed")
    try:
        done = subprocess.run(words, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, check=False,
                              timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{' '.join(words)}: not built after {BUILD_SECONDS} s")
    said = (done.stdout + done.stderr).strip()
    if done.returncode != 0 and is_absent(said):
        pytest.skip(f"{' '.join(words)} without the network: {said.splitlines()[-1]}")
    assert done.returncode == 0, said


def is_absent(said):
    """Packages, or a compiler that is new enough: the machine's affair. Anything else is the example's."""
    return any(sign in said for sign in ("module lookup disabled", "--offline", "requires rustc", "go.mod requires go",
                                         "no matching package", "toolchain not available", "failed to parse lock"))


def python(folder):
    subprocess.run(["protoc", f"-I{PROTOS}", f"--python_out={folder}", "app_types.proto"], check=True)
    return [sys.executable, EXAMPLES / "python" / "kv.py"], {"PYTHONPATH": str(folder)}


def go(folder):
    need(["go", "build", "-o", str(folder / "kv"), "."], EXAMPLES / "go", GOPROXY="off", GOTOOLCHAIN="local",
         GOFLAGS="-mod=readonly -buildvcs=false")
    return [folder / "kv"], {}


def rust(folder):
    need(["cargo", "build", "--offline", "--locked"], EXAMPLES / "rust", CARGO_TARGET_DIR=str(BUILD / "examples-rust"))
    return [BUILD / "examples-rust" / "debug" / "kv"], {}


@pytest.fixture(scope="module", params=[python, pytest.param(go, marks=pytest.mark.long),
                                        pytest.param(rust, marks=pytest.mark.long)],
                ids=lambda language: language.__name__)
def client(request, tmp_path_factory):
    words, env = request.param(tmp_path_factory.mktemp("client"))

    def call(nodes, *more):
        addrs = ",".join(getattr(node, "addr", node) for node in nodes)
        return subprocess.run([*map(str, words), addrs, *more], env={**os.environ, **env}, capture_output=True,
                              text=True, check=False, timeout=PATIENCE)
    return call


# ---- a node that a test plays ----

class Played:
    """Answers its calls one after the other as the script says: (status, trailing metadata), an answer's bytes, or
    None for no answer at all; the last one for ever. Notes the metadata of each call."""

    def __init__(self, *script):
        self.script, self.calls, self.end = list(script), [], threading.Event()
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        self.addr = "127.0.0.1:%d" % self.server.add_insecure_port("127.0.0.1:0")
        self.server.add_generic_rpc_handlers((self,))
        self.server.start()

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self.answer(details.method, context))

    def answer(self, method, context):
        self.calls.append((method.rsplit("/", 1)[1], dict(context.invocation_metadata())))
        act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(act, bytes):
            return act
        if act is None:
            self.end.wait(PATIENCE)
            context.abort(UNAVAILABLE, "the test is over")
        context.set_trailing_metadata(act[1])
        context.abort(act[0], "as the script says")
        return None

    def close(self):
        self.end.set()
        self.server.stop(0)


@pytest.fixture
def played():
    made = []

    def play(*script):
        made.append(Played(*script))
        return made[-1]
    yield play
    for server in made:
        server.close()


VALUE = types.Response(value="v").SerializeToString()


# ---- stories ----

def test_a_cluster(client, cluster):
    """Whichever node it knows: writes reach the leader, reads see them, and a key that is not there is told."""
    cluster.form(1, 2, 3)
    follower = next(node for node in cluster.alive() if node is not cluster.leader())
    nobody = f"127.0.0.1:{free_port()}"
    done = client([nobody, follower], "set", "k", "é v")
    assert done.returncode == DONE, done.stderr
    done = client([follower], "get", "k", "linearizable")
    assert (done.returncode, done.stdout) == (DONE, "é v\n"), done.stderr
    assert client([follower], "get", "never", "linearizable").returncode == NOT_FOUND
    assert client([follower], "set", "empty", "").returncode == DONE
    assert client([follower], "get", "empty", "linearizable").stdout == "\n"
    refused = client([follower], "set", "", "v")
    assert refused.returncode == REFUSED and "key" in refused.stderr, refused.stderr


def test_what_is_sent_again(client, played):
    """A write: only after words that nothing was done. A read: after whatever may be otherwise elsewhere, or later."""
    leader = played(VALUE)
    asked = played((UNAVAILABLE, DECLINED), (FULL, ()), (UNAVAILABLE, ((LEADER_KEY, leader.addr),)))
    assert client([asked], "set", "k", "v").returncode == DONE
    assert (len(asked.calls), len(leader.calls)) == (3, 1)
    for end in (ABORTED, UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL):
        asked = played((end, ()), VALUE)
        lost = client([asked], "set", "k", "v")
        assert (lost.returncode, len(asked.calls)) == (UNKNOWN, 1), (end, lost.stderr)
        asked = played((end, ()), VALUE)
        assert client([asked], "get", "k", "lease").stdout == "v\n", end
        assert [told["rkv-read"] for _, told in asked.calls] == ["lease", "lease"]
    asked = played((grpc.StatusCode.OUT_OF_RANGE, ()), VALUE)
    assert (client([asked], "set", "k", "v").returncode, len(asked.calls)) == (REFUSED, 1)


def test_a_silent_node(client, played):
    """A read goes on to the next one."""
    silent, other = played(None), played(VALUE)
    assert client([silent, other], "get", "k").stdout == "v\n"
    assert (len(silent.calls), len(other.calls)) == (1, 1)


def test_a_machine_of_ones_own(cluster, tmp_path):
    """Bytes that no message is around: a command is what apply gets, an answer what it gave."""
    cluster.form(1, 2, 3, sets={"state-machine.plugin": BUILD / "tests" / "abi-1.0" / "sm-register.so"})
    follower = next(node for node in cluster.alive() if node is not cluster.leader())
    value = bytes(range(256)) * 3
    pathlib.Path(tmp_path / "value").write_bytes(value)

    def register(*words):
        program = [sys.executable, str(EXAMPLES / "python" / "register.py"), follower.addr]
        return subprocess.run([*program, *map(str, words)], capture_output=True, check=True, timeout=PATIENCE).stdout
    assert register("write", tmp_path / "value") == b"before: 0 bytes\n"
    assert register("read") == value
    assert register("write", tmp_path / "value") == b"before: 768 bytes\n"
