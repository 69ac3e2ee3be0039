"""SIGHUP: the configuration is read again; what of it is taken, named or refused. And what other signals do."""
import os
import signal

import pytest

from ctl import rkvctl
from nodes import Node, wait_until

BASE = ("[node]\nlog_level = info\ninbox_max = 1000\n[transport]\nplugin = transport-grpc\n"
        "[storage]\nplugin = storage-mem\n")


class Configured:
    """A node of one INI file, which the test rewrites."""

    def __init__(self, cluster, text, sets=None):
        self.path = cluster.folder / "node.ini"
        self.write(text)
        cluster.add(Node(cluster.folder, 1, self.path, sets or {}))
        self.node = cluster[1]

    def write(self, text):
        self.path.write_text(text, encoding="utf-8")

    def reload(self, text):
        """The lines that the reload made."""
        before = len(self.node.log_lines(""))
        self.write(text)
        self.node.signal(signal.SIGHUP)

        def ended():
            lines = self.node.log_lines("")[before:]
            return lines if any("configuration re" in line for line in lines) else None
        return "\n".join(wait_until(ended, "the reload is told"))


def test_the_log_level_changes_at_once(cluster):
    """The new level holds for the whole node, and the line says from what to what, also when it becomes silent."""
    it = Configured(cluster, BASE)
    assert not it.node.log_lines(" DEBUG ")
    told = it.reload(BASE.replace("info", "debug"))
    assert f"log_level changed from=info to=debug by={it.path}:2" in told
    told = it.reload(BASE.replace("info", "error"))
    assert "log_level changed from=debug to=error" in told and "changed=1 need_restart=0 beaten=0" in told
    it.reload(BASE.replace("info", "loud"))  # errors are told at every level
    told = it.reload(BASE)
    assert "log_level changed from=error to=info" in told
    assert "changed=0 need_restart=0 beaten=0" in it.reload(BASE)


def test_what_needs_a_restart_is_named(cluster):
    """Each key, with its place, what it will be and what it is; a secret's value is not."""
    it = Configured(cluster, BASE)
    told = it.reload(BASE.replace("1000", "2000").replace("storage-mem", "storage-wal\ndir = /nowhere"))
    late = "takes effect when the node is restarted"
    assert f'{it.path}:3: [node] inbox_max = "2000": {late} (it runs with "1000")' in told
    assert f'{it.path}:7: [storage] plugin = "storage-wal": takes effect' in told and '"storage-mem")' in told
    told = it.reload(BASE.replace("inbox_max = 1000\n", "").replace("[storage]", "message_max = 1MiB\n[storage]")
                     .replace("message_max", "app_message_max"))
    assert 'default: [node] inbox_max = "65536": takes effect' in told
    assert '[transport] app_message_max = "1MiB": takes effect' in told
    assert "changed=0 need_restart=2 beaten=0" in told


def test_a_node_that_moved_is_asked_for_its_new_lines(cluster):
    """What it was started with counts no more: the file is held against the storage that the node stands on."""
    old = BASE.replace("[node]\n", "[node]\nswap_storage = true\n")
    new = old.replace("storage-mem", f"storage-wal\ndir = {cluster.folder.resolve() / 'moved'}")
    it = Configured(cluster, old)
    it.node.init([it.node])
    cluster.leader()
    lines = new.split("[storage]\n")[1].strip().split("\n")
    answer = rkvctl("swap-storage", 1, "--plugin", "storage-wal", "--set", lines[1].replace(" = ", "="), at=it.node)
    assert answer.code == 0, answer.text()
    told = it.reload(old)
    assert (f"{it.path}: [storage]: the node moved to another storage since it started, and its next start needs other "
            f"lines (write: {'; '.join(lines)})") in told and "need_restart=1" in told, told
    told = it.reload(new)
    assert "[storage]" not in told and "need_restart=0" in told, told
    told = it.reload(new.replace(lines[1], f"{lines[1]}-2"))
    assert "needs other lines" in told and "storage-mem" not in told, told


def test_flags_and_sets_beat_the_file(cluster):
    """A change that they hide is no change, but it is named."""
    it = Configured(cluster, BASE, {"node.log_level": "info", "node.inbox_max": "5000"})
    told = it.reload(BASE.replace("info", "debug").replace("1000", "2000"))
    assert f"{it.path}:2: [node] log_level: has changed, but --set beats it" in told
    assert f"{it.path}:3: [node] inbox_max: has changed, but --set beats it" in told
    assert "changed=0 need_restart=0 beaten=2" in told and not it.node.log_lines(" DEBUG ")


def test_a_broken_file_changes_nothing(cluster):
    """One line per mistake, and the old values stay: also those that the broken file has right."""
    it = Configured(cluster, BASE)
    told = it.reload(BASE.replace("info", "debug").replace("1000", "many") + "colour = red\n[strange]\n")
    for text in (f'{it.path}:3: [node] inbox_max = "many": not a number', f"{it.path}:8: [storage] colour",
                 f"{it.path}:9: [strange]: unknown section", "configuration refused, everything stays as it was"):
        assert text in told, told
    assert told.count(" ERROR host ") == 4, told
    it.path.unlink()
    it.node.signal(signal.SIGHUP)
    it.node.told("node.ini: cannot open")
    assert not it.node.log_lines("log_level changed")


def test_without_a_file_a_line_says_so(cluster):
    node = cluster.form(1)[1]
    node.signal(signal.SIGHUP)
    node.told("SIGHUP: the node was started without --config FILE")
    node.set("a", "1")


def test_a_file_that_hangs_keeps_no_stop_waiting(cluster):
    """A FIFO that nobody writes stands where the file was: the node serves on, and stops as asked."""
    it = Configured(cluster, BASE)
    it.node.init([it.node])
    cluster.leader()
    it.path.unlink()
    os.mkfifo(it.path)
    it.node.signal(signal.SIGHUP)
    wait_until(lambda: not pending(it.node, signal.SIGHUP), "it was heard")
    for count in (1, 2):
        it.node.signal(signal.SIGHUP)
        wait_until(lambda: len(it.node.log_lines("SIGHUP: an earlier reading")) == count, "it is told")
    it.node.told("SIGHUP: an earlier reading has not ended", f"file={it.path}")
    it.node.set("a", "1")
    it.node.signal(signal.SIGTERM)
    assert it.node.wait() == 0


def test_two_reloads_at_once_end_with_the_last_file(cluster):
    """What was written while the file was being read is not missed."""
    it = Configured(cluster, BASE)
    it.path.unlink()
    os.mkfifo(it.path)
    it.node.signal(signal.SIGHUP)
    writer = os.open(it.path, os.O_WRONLY)  # stands once the node reads
    it.node.signal(signal.SIGHUP)
    wait_until(lambda: not pending(it.node, signal.SIGHUP), "it was heard")
    os.unlink(it.path)
    it.write(BASE.replace("info", "debug"))
    os.write(writer, BASE.encode())
    os.close(writer)
    it.node.told("log_level changed from=info to=debug")


def test_a_start_that_reads_for_ever_is_stopped(tmp_path):
    """From the first moment on: here the configuration's file hangs."""
    fifo = tmp_path / "node.ini"
    os.mkfifo(fifo)
    node = Node(tmp_path, 1, fifo, {})
    node.spawn("127.0.0.1:1")
    try:
        writer = os.open(fifo, os.O_WRONLY)  # stands once the node reads
        node.signal(signal.SIGHUP)
        node.signal(signal.SIGTERM)
        assert node.process.wait(5) == 0
        assert "stopped before it served" in node.tail()
        os.close(writer)
    finally:
        node.kill()


def mask(node, name):
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1], 16) for line in status if line.startswith(name))


def pending(node, number):
    return mask(node, "ShdPnd") >> (number - 1) & 1


@pytest.mark.parametrize("number", [signal.SIGRTMIN, signal.SIGRTMIN + 7, signal.SIGRTMAX])
def test_real_time_signals_end_no_node(cluster, number):
    """Each ends a process by default; many of one kind queue, and fill no log."""
    node = cluster.form(1)[1]
    for _ in range(200):
        node.signal(number)
    wait_until(lambda: not pending(node, number), "all were taken")
    node.told("signal ignored", f"signal=SIGRTMIN+{number - signal.SIGRTMIN}")
    assert len(node.log_lines("signal ignored")) < 10
    node.set("a", "1")


def test_no_signal_is_left_to_its_default(cluster):
    """Of those that end a process, only what a person or a fault of its own means keeps its default."""
    node = cluster.form(1)[1]
    taken = mask(node, "SigBlk") | mask(node, "SigIgn") | mask(node, "SigCgt")
    meant = {signal.SIGKILL, signal.SIGQUIT, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS,
             signal.SIGFPE, signal.SIGSEGV, signal.SIGSYS}
    harmless = {signal.SIGCHLD, signal.SIGCONT, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
                signal.SIGURG, signal.SIGWINCH}
    threads = {32, 33}  # the C library's own
    left = {number for number in range(1, 65) if not taken >> (number - 1) & 1}
    assert left <= meant | harmless | threads, left
