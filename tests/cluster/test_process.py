"""One process: how it begins, what it says when it cannot, what strange connections do to it."""
import os
import signal
import socket
import subprocess

from http2 import ask
from nodes import BUILD, ROOT, flags_of, free_port, wait_until
from pace import FAST
from stubs import types


def run(*words):
    """The program's exit code, stdout and stderr."""
    done = subprocess.run([str(BUILD / "raft-key-value"), *words], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_two_nodes_on_one_address(cluster):
    """The second one exits 69 with one line that names the address; the first one does not notice."""
    node = cluster.form(1)[1]
    code, out, err = run("--id", "2", "--addr", node.addr)
    assert (code, out) == (69, "")
    assert err.count("\n") == 1 and node.addr in err and "use" in err
    node.set("a", "1")
    assert node.get("a") == "1"


def test_no_two_examples_share_files():
    """Whoever tries one after the other from one folder does not find the other's data."""
    dirs = {}
    for path in sorted((ROOT / "conf").glob("*/*.ini")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("dir = "):
                name = line.split()[2]
                assert name not in dirs, f"{path} and {dirs[name]} share {name}"
                dirs[name] = path
    assert len(dirs) >= 5


def test_an_address_that_is_not_ours():
    code, out, err = run("--id", "1", "--addr", "192.0.2.1:21001")
    assert (code, out) == (69, "") and err.count("\n") == 1 and "192.0.2.1:21001" in err


def test_a_second_signal_stops_at_once(cluster):
    """SIGTERM while a write waits for a quorum that is gone, and again: the process ends, exit 0."""
    cluster.form(1, 2)
    leader = cluster.leader()
    other = next(node for node in cluster.alive() if node is not leader)
    other.kill()
    call = leader.app.Set.future(types.SetRequest(key="a", value="1"), timeout=60)
    leader.signal(signal.SIGTERM)
    wait_until(lambda: leader.log_lines(" stops "), "it begins to stop")
    leader.signal(signal.SIGTERM)
    assert leader.wait() == 0
    assert call.exception() is not None


def test_the_log_is_logfmt(cluster):
    """A line is a time, a level, a module and a text; the node says what it serves with."""
    node = cluster.form(1)[1]
    for line in node.log.read_text().splitlines():
        time, level, module = line.split(" ", 3)[:3]
        assert time.endswith("Z") and level in ("DEBUG", "INFO", "WARN", "ERROR") and module.isalpha(), line
    assert node.told("serves id=1", "storage=storage-mem", "durable=false")


def test_scheme_https_over_plaintext(cluster):
    """Some clients say `:scheme https` without TLS: they are served like all others."""
    node = cluster.form(1)[1]
    node.set("foo", "bar")
    for scheme in ("http", "https"):
        answer = ask(node.addr, "/openraftpb.AppService/Get", types.GetRequest(key="foo").SerializeToString(), scheme)
        assert types.Response.FromString(answer).value == "bar"


def test_strange_connections(cluster):
    """What is no HTTP/2 at all, half a preface, or silence costs nobody else anything."""
    node = cluster.form(1)[1]
    host, port = node.addr.split(":")
    held = []
    for noise in (b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n", os.urandom(4096), b""):
        connection = socket.create_connection((host, int(port)))
        connection.sendall(noise)
        held.append(connection)
    node.set("a", "1")
    assert node.get("a") == "1"
    for connection in held:
        connection.close()
    assert node.view().last_log == 2


# What ends a process by default and comes from terminals, supervisors, timers, limits and libraries.
STRAY = [getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR",
                                            "SIGXCPU", "SIGXFSZ", "SIGPIPE")]


def test_stray_signals_end_no_node(cluster):
    """A node that gets a signal which nobody meant for it says so, and serves on."""
    node = cluster.form(1)[1]
    for number in STRAY:
        node.signal(number)
    node.set("a", "1")
    for number in STRAY:
        if number not in (signal.SIGXFSZ, signal.SIGPIPE):  # these tell of a write, which itself fails
            wait_until(lambda name=number.name: node.log_lines("signal ignored", f"signal={name}"), "it is told")


def full_pipe():
    """Both ends of a pipe that holds as much as it can: writing to it waits for a reader."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    return reader, writer


def test_nobody_reads_what_a_node_says():
    """Its log and its stdout are pipes that are full: it serves all the same, and stops as asked."""
    port = free_port()
    errors, errors_in = full_pipe()
    said, said_in = full_pipe()
    process = subprocess.Popen([str(BUILD / "raft-key-value"), "--id", "1", "--addr", f"127.0.0.1:{port}",
                                *flags_of(FAST)], stdout=said_in, stderr=errors_in)
    try:
        os.close(errors_in)
        os.close(said_in)
        wait_until(lambda: listens(port), "it listens")
        answer = ask(f"127.0.0.1:{port}", "/openraftpb.AppService/Get",
                     types.GetRequest(key="foo").SerializeToString(), "http")
        assert not types.Response.FromString(answer).value
        process.terminate()
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(errors)
        os.close(said)


def started_with_nothing(words):
    """A process whose stdin, stdout and stderr are closed."""
    return subprocess.Popen(words, preexec_fn=lambda: os.closerange(0, 3))


def standard_descriptors(process):
    folder = f"/proc/{process.pid}/fd"
    return [os.readlink(f"{folder}/{fd}") for fd in range(3) if os.path.islink(f"{folder}/{fd}")]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_node_without_standard_descriptors():
    """Closed ones are not taken for the node's own: a line of its log would be written into its signals. It serves,
    logs nothing, and stops as asked."""
    port = free_port()
    process = started_with_nothing([str(BUILD / "raft-key-value"), "--id", "1", "--addr", f"127.0.0.1:{port}",
                                    *flags_of(FAST)])
    try:
        wait_until(lambda: listens(port), "it listens")
        assert standard_descriptors(process) == ["/dev/null"] * 3
        process.terminate()
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()


def test_tools_without_standard_descriptors():
    """Nor are those of the programs beside it, and what cannot be printed is no success."""
    address = f"127.0.0.1:{free_port()}"
    process = started_with_nothing([str(BUILD / "rkvctl"), "--endpoints", address, "--timeout", "5s", "init",
                                    f"1={address}"])
    try:
        wait_until(lambda: standard_descriptors(process) == ["/dev/null"] * 3, "they are filled")
        assert process.wait(timeout=30) == 3
    finally:
        process.kill()
        process.wait()


def test_nothing_is_served_on_a_free_port_before_listening():
    """The `listening` line is said when requests are answered, not before: one asked right then is."""
    port = free_port()
    process = subprocess.Popen([str(BUILD / "raft-key-value"), "--id", "1", "--addr", f"127.0.0.1:{port}",
                                *flags_of(FAST)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout.readline() == f"listening addr=127.0.0.1:{port} id=1\n"
        answer = ask(f"127.0.0.1:{port}", "/openraftpb.AppService/Get",
                     types.GetRequest(key="foo").SerializeToString(), "http")
        assert answer == b""
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
