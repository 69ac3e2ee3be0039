"""Real processes of one build as the nodes of a test's cluster, and what a client does with them."""
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import grpc

from pace import FAST, SLOW
from ports import free_port
from sanitizer import leak_check_failed
from stubs import app, app_grpc, empty, raft, raft_grpc, types
from view import View

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("RKV_BUILD") or ROOT / "build" / "release")
PATIENCE = 60.0 if SLOW else 20.0  # seconds that anything may take before the test fails
STOP_SECONDS = 40 if SLOW else 10  # the node's own limit is 5
POLL = 0.01
START_TRIES = 5  # a port that was free may be taken by another process
TAIL_LINES = 40
LINEARIZABLE = (("rkv-read", "linearizable"),)
LEADER_KEY = "x-openraft-leader-endpoint"
CHANNEL = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0), ("grpc.enable_http_proxy", 0),
           ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 200),
           ("grpc.min_reconnect_backoff_ms", 1000), ("grpc.max_send_message_length", -1),
           ("grpc.max_receive_message_length", -1)]
# Nodes that survive their process: hand it to Cluster.start as `sets`. Small files, so that they change often.
DURABLE = {"storage.plugin": "storage-wal", "storage.dir": "{folder}/data-{id}", "storage.segment_bytes": "1MiB"}


def wait_until(holds, what, patience=PATIENCE):
    """The first true value of holds(); a node that cannot tell yet is asked again. Fails after `patience` seconds."""
    end = time.monotonic() + patience
    while True:
        try:
            if value := holds():
                return value
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
        assert time.monotonic() < end, f"after {patience:.0f} s not yet: {what}"
        time.sleep(POLL)


def flags_of(sets):
    return [word for key, value in sets.items() for word in ("--set", f"{key}={value}")]


class Node:
    def __init__(self, folder, node_id, config, sets):
        self.id = node_id
        self.folder = folder
        self.config = config
        self.sets = sets
        self.process = None
        self.dismissed = False
        self.addr = None
        self.shown = None  # the address that its peers are told, if that is not `addr`
        self.channel = None

    # ---- the process ----

    def words(self, addr):
        words = [str(BUILD / "raft-key-value"), "--id", str(self.id), "--addr", addr]
        if self.config:
            words += ["--config", str(self.config)]
        return words + flags_of(self.sets)

    def command(self, addr):
        guard = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        return guard + self.words(addr)

    def spawn(self, addr):
        self.addr = addr
        self.out = self.folder / f"node-{self.id}.out"
        self.log = self.folder / f"node-{self.id}.log"
        with open(self.out, "wb") as out, open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(addr), stdin=subprocess.DEVNULL, stdout=out, stderr=log)

    def is_listening(self):
        return f"listening addr={self.addr} id={self.id}\n" in self.out.read_text()

    def listens_at(self, addr):
        """False: the address is taken."""
        self.spawn(addr)
        wait_until(lambda: self.is_listening() or self.process.poll() is not None, f"node {self.id} listens")
        taken = self.process.poll() == 69
        assert taken or self.is_listening(), f"node {self.id} ended with {self.process.poll()}:\n{self.tail()}"
        return not taken

    def start(self):
        tries = 1
        while not self.listens_at(f"127.0.0.1:{free_port()}") and tries < START_TRIES:
            tries += 1
        assert self.is_listening(), f"node {self.id} finds no port:\n{self.tail()}"
        self.channel = grpc.insecure_channel(self.addr, options=CHANNEL)
        self.app = app_grpc.AppServiceStub(self.channel)
        self.raft = raft_grpc.RaftServiceStub(self.channel)
        return self

    def restart(self):
        """The same node once more: id, address, storage. A connection that is dialled may have taken its port."""
        wait_until(lambda: self.listens_at(self.addr), f"node {self.id} is back at {self.addr}")

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        os.kill(self.process.pid, number)

    def freeze(self):
        """Until thaw(), nothing of it runs."""
        self.signal(signal.SIGSTOP)
        threads = pathlib.Path(f"/proc/{self.process.pid}/task")
        wait_until(lambda: all(" T " in (t / "stat").read_text() for t in threads.iterdir()), "it stands still")

    def thaw(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        """As a crash or a power cut does it."""
        self.process.kill()
        self.process.wait()

    def wait(self):
        return self.process.wait(PATIENCE)

    def dismiss(self):
        """Asks it to stop, whatever state it is in."""
        if self.channel:
            self.channel.close()
        if self.alive():
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGCONT)
            self.dismissed = True

    def discard(self):
        """Why it did not stop as it should; None if it did."""
        if not self.dismissed:
            return None
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            code = "only by SIGKILL"
        return None if self.is_clean(code) else f"node {self.id} stopped with {code}:\n{self.tail()}"

    def is_clean(self, code):
        return code == 0 or self.unchecked()

    def unchecked(self):
        return SLOW and leak_check_failed(self.log.read_text(errors="replace"))

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:])

    def log_lines(self, *texts):
        return [line for line in self.log.read_text(errors="replace").splitlines() if all(t in line for t in texts)]

    def told(self, *texts):
        """log_lines, once there is one: a thread of the node's own writes its log."""
        return wait_until(lambda: self.log_lines(*texts), f"its log says {texts}")

    # ---- the client ----

    def raw(self, method, request, timeout=PATIENCE, metadata=None):
        """Bytes to `Service/Method`, bytes back; raises grpc.RpcError."""
        return self.channel.unary_unary(f"/openraftpb.{method}")(request, timeout=timeout, metadata=metadata)

    def view(self, timeout=PATIENCE):
        return View(self.app.Metrics(empty.Empty(), timeout=timeout))

    def get(self, key):
        """The value, None without one."""
        answer = self.app.Get(types.GetRequest(key=key), timeout=PATIENCE)
        return answer.value if answer.HasField("value") else None

    def read(self, key, timeout=PATIENCE):
        """Likewise, linearizable."""
        answer = self.app.Get(types.GetRequest(key=key), timeout=timeout, metadata=LINEARIZABLE)
        return answer.value if answer.HasField("value") else None

    def set(self, key, value, timeout=PATIENCE):
        return self.app.Set(types.SetRequest(key=key, value=value), timeout=timeout)

    def as_message(self):
        return raft.Node(node_id=self.id, rpc_addr=self.shown or self.addr)

    def init(self, nodes):
        return self.app.Init(app.InitRequest(nodes=[node.as_message() for node in nodes]), timeout=PATIENCE)

    def add_learner(self, node, timeout=PATIENCE):
        message = node if isinstance(node, raft.Node) else node.as_message()
        return self.app.AddLearner(app.AddLearnerRequest(node=message), timeout=timeout)

    def change(self, members, retain=False):
        return self.app.ChangeMembership(app.ChangeMembershipRequest(members=members, retain=retain),
                                         timeout=PATIENCE)

    def set_many(self, pairs, window=256):
        """All of them, up to `window` in flight; every one must be acknowledged."""
        room = threading.Semaphore(window)
        calls = []
        for key, value in pairs:
            room.acquire()
            call = self.app.Set.future(types.SetRequest(key=key, value=value), timeout=PATIENCE)
            call.add_done_callback(lambda _: room.release())
            calls.append(call)
        for call in calls:
            call.result()

    def get_many(self, keys, window=256):
        room = threading.Semaphore(window)
        calls = []
        for key in keys:
            room.acquire()
            call = self.app.Get.future(types.GetRequest(key=key), timeout=PATIENCE)
            call.add_done_callback(lambda _: room.release())
            calls.append((key, call))
        return {key: call.result().value if call.result().HasField("value") else None for key, call in calls}


class Cluster:
    """Nodes by id; those that a test started are gone when it ends."""

    def __init__(self, folder, links=None):
        self.folder = folder
        self.links = links  # a Links through which nodes reach each other
        self.started = []  # every process ever, to be stopped
        self.nodes = {}
        self.retried = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED,
                        grpc.StatusCode.CANCELLED}  # what a client of set() asks again after

    def __getitem__(self, node_id):
        return self.nodes[node_id]

    def start(self, *ids, config=None, sets=None, timers=FAST):
        for i in ids:
            chosen = dict(timers or {}, **(sets or {}))
            chosen = {key: str(value).format(folder=self.folder, id=i) for key, value in chosen.items()}
            path = ROOT / config.format(id=i) if config else None
            self.add(Node(self.folder, i, path, chosen))
        return self

    def add(self, node):
        self.started.append(node)
        node.start()
        if self.links:
            node.shown = self.links.stand_before(node)
        self.nodes = {**self.nodes, node.id: node}  # a new one: other threads may walk the old one

    def form(self, *ids, **options):
        """A cluster of these nodes, all voters."""
        self.start(*ids, **options)
        self[ids[0]].init([self[i] for i in ids])
        self.leader()
        self.settle()  # before that another change would be refused
        return self

    def alive(self):
        return [node for node in self.nodes.values() if node.alive()]

    def views(self, nodes):
        """By id; who does not answer is left out."""
        views = {}
        for node in nodes:
            try:
                views[node.id] = node.view(timeout=1)
            except grpc.RpcError:
                pass
        return views

    def leader(self, among=None):
        """The node that leads, once every one of `among` (default: all that live) says so."""
        nodes = [self[i] for i in among] if among else self.alive()

        def agreed():
            views = self.views(nodes)
            leaders = {view.leader for view in views.values()}
            if len(views) < len(nodes) or len(leaders) != 1:
                return None
            leads = leaders.pop()
            return self[leads] if leads in views and views[leads].state == "leader" else None
        return wait_until(agreed, "one leader")

    def settle(self, *ids):
        """Waits until these nodes (default: all that live) applied all that the leader has in its log."""
        nodes = [self[i] for i in ids] if ids else self.alive()

        def settled():
            views = self.views(nodes)
            if len(views) < len(nodes):
                return False
            last = max(view.last_log for view in views.values())
            return all(view.applied == last for view in views.values())
        wait_until(settled, "all applied the same log")

    def catch_up(self):
        """Waits until all that live applied what the leader has by now in its log, under load as well."""
        goal = self.leader().view().last_log

        def caught_up():
            views = self.views(self.alive())
            return len(views) == len(self.alive()) and all(view.applied >= goal for view in views.values())
        wait_until(caught_up, "all applied what the leader had")

    def named_by(self, error):
        """The node that leads, as a refusal says; None if it says nothing or names one that does not live."""
        named = dict(error.trailing_metadata() or ()).get(LEADER_KEY, "nobody")
        return next((node for node in self.alive() if named in (node.addr, node.shown)), None)

    def set(self, key, value, start=None):
        """Writes as a client does: asks a node, follows the leader it names, asks another if none answers.
        Gives the node that took it."""
        end = time.monotonic() + PATIENCE
        node = start or (self.alive() or list(self.nodes.values()))[0]
        while True:
            try:
                node.set(key, value, timeout=2)
                return node
            except grpc.RpcError as error:
                assert time.monotonic() < end, f"nobody takes a write: {error.code()} {error.details()}"
                assert error.code() in self.retried, error
                others = [n for n in self.alive() if n is not node] or [node]
                named = self.named_by(error)
                node = named if named in others else others[int(time.monotonic() * 1000) % len(others)]
                time.sleep(POLL)

    def abandon(self):
        """Of a story that failed: only that nothing goes on."""
        for node in self.started:
            if node.alive():
                node.kill()

    def discard(self):
        """Stops what still runs, in order: a sanitizer tells of leaks only then."""
        for node in self.started:
            node.dismiss()
        troubles = [trouble for trouble in [node.discard() for node in self.started] if trouble]
        for node in self.started:
            if node.process and not node.unchecked() and node.log_lines("Sanitizer") + node.log_lines("Assertion"):
                troubles.append(f"node {node.id} is broken:\n{node.log.read_text(errors='replace')}")
        assert not troubles, "\n".join(troubles)
