"""The messages and stubs of protos/, made by the stock compiler into a folder that is gone when the run ends."""
import atexit
import importlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROTOS = pathlib.Path(__file__).resolve().parents[2] / "protos"
FILES = ("app_types", "raft", "app", "rkv")


def _generate():
    out = tempfile.mkdtemp(prefix="rkv-stubs-")
    atexit.register(shutil.rmtree, out, True)
    plugin = shutil.which("grpc_python_plugin")
    assert plugin, "grpc_python_plugin is missing (Debian: protobuf-compiler-grpc)"
    subprocess.run(["protoc", f"-I{PROTOS}", f"--python_out={out}", f"--grpc_python_out={out}",
                    f"--plugin=protoc-gen-grpc_python={plugin}", *[f"{name}.proto" for name in FILES]],
                   check=True)
    sys.path.insert(0, out)


os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # children are exec'ed at once
# A channel whose calls all fail at once is otherwise looked after every 5 s only, however soon its node is back.
os.environ.setdefault("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "50")
_generate()
types = importlib.import_module("app_types_pb2")
raft = importlib.import_module("raft_pb2")
app = importlib.import_module("app_pb2")
rkv = importlib.import_module("rkv_pb2")
raft_grpc = importlib.import_module("raft_pb2_grpc")
app_grpc = importlib.import_module("app_pb2_grpc")
rkv_grpc = importlib.import_module("rkv_pb2_grpc")
empty = importlib.import_module("google.protobuf.empty_pb2")
