#!/usr/bin/python3
"""tool_test.py BUILD [NAME...]: rkv-contract as a tool: what it tells of a plugin that ends badly, what it leaves, and
what is left when it is broken off. The last line counts tests that pass and those that do not."""
import contextlib
import hashlib
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree as xml

BUILD = pathlib.Path(sys.argv[1]).resolve()
TOOL = BUILD / "rkv-contract"
PLUGINS = BUILD / "plugins"
ODD = BUILD / "tests" / "contract-plugins" / "odd-sm.so"
MEM, WAL, SM = (PLUGINS / f"{name}.so" for name in ("storage-mem", "storage-wal", "sm-protobuf"))
THROUGH = BUILD / "tests" / "stacked-plugins" / "storage-through.so"
BROKEN = ["--option", f"good={MEM}", "--option", "fault=crashes"]
WAIT_S = 60
LONG = "acked_survives_kills"  # a law of some seconds


def words(*arguments):
    return [str(word) for word in (TOOL, *arguments)]


def run(*arguments, code=0, **more):
    done = subprocess.run(words(*arguments), capture_output=True, text=True, check=False, timeout=WAIT_S, **more)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def odd(how, *arguments, code=1):
    return run(ODD, "--option", f"good={SM}", "--option", f"how={how}", *arguments, code=code)


def until(what, condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, f"not within {WAIT_S} s: {what}"
        time.sleep(0.01)


def lines_of(text):
    """Law -> its line, in order."""
    return {line.split()[1]: line for line in text.splitlines() if line[:1] in "SMT" and line[1:3].isdigit()}


# ---- what is told ----

def test_crash_names_the_operation(_):
    for how, says in (("crashes", "it crashed: Segmentation fault in apply"),
                      ("deep", "it crashed: Segmentation fault in apply"),
                      ("aside", "it crashed: Segmentation fault, in a thread of the plugin's own or by a full stack, "
                                "during apply")):
        told = odd(how, "--only", "applied_follows").stdout
        assert says in told, told
        assert "backtrace:\n" in told and "odd-sm.so(+0x" in told.split("backtrace:")[1], told


def test_hang_names_the_operation(_):
    told = odd("hangs", "--only", "applied_follows", "--limit", 2).stdout
    assert "it hung: not done after 2 s; apply has run for " in told, told


def test_slow_is_not_hung(_):
    """Ten thousand entries and more, a millisecond each, do not fit into two seconds."""
    laws = [word for law in ("M10", "M22", "M25") for word in ("--only", law)]
    told = odd("slow", *laws, "--limit", 2, "--jobs", 3).stdout
    assert told.count("it is slow: not done after 2 s, and still at work: ") == 3 and "hung" not in told, told


def test_no_command_is_told_once(folder):
    for arguments in ((), ("--jobs", 4), ("--json", "-")):
        done = odd("refuses", "--scratch", folder, *arguments, code=64)
        assert done.stdout == "", done.stdout
        assert done.stderr.count("\n") == 1 and "give some with --commands FILE" in done.stderr, done.stderr
        assert not list(folder.iterdir())
    none = odd("none", "--commands", folder / "missing", code=64)
    assert none.stderr == f"rkv-contract: --commands {folder}/missing: No such file or directory\n", none.stderr
    file = folder / "commands.txt"
    file.write_text("command a\n\ncommand SET {9..1}\n")
    wrong = odd("none", "--commands", file, code=64)
    assert wrong.stderr == f"rkv-contract: --commands {file}:3:13: the range ends before it begins\n", wrong.stderr
    file.write_text(r"command \n\x01a\x12\x01b" + "\nquery GET a\n")  # its query takes a protobuf alone
    query = odd("none", "--commands", file, code=64)
    says = f"rkv-contract: {file}:2: query refuses a request of this line, of 5 bytes, where nothing was applied: "
    assert query.stderr.startswith(says) and query.stderr.count("\n") == 1 and query.stdout == "", query.stderr


def test_shared_data_is_named(folder):
    """What all instances share is told by name and size; a plugin that shares nothing has no such line."""
    broken = BUILD / "tests/contract-plugins/broken-sm.so"
    arguments = ("--option", f"good={SM}", "--only", "starts_empty")
    told = run(broken, *arguments).stdout
    line = next(line for line in told.splitlines() if line.startswith("writable data, which its instances share: "))
    assert ", seen (4096 bytes)" in line and "completed" not in line, line
    listed = json.loads(run(broken, *arguments, "--json", "-").stdout)["writable_data"]
    assert {"symbol": "seen", "size": 4096} in listed, listed
    assert "writable data" not in run(SM, "--only", "starts_empty").stdout
    stripped = folder / "stripped.so"
    subprocess.run(["strip", "-o", stripped, broken], check=True)
    told = run(stripped, *arguments).stdout
    assert re.search(r"\nwritable data, which its instances share: \d+ bytes without names", told), told


# ---- a plugin over another ----

def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def check(folder, *sets):
    """`raft-key-value check` of a node with these settings."""
    (folder / "node.ini").write_text("[node]\nid = 1\naddr = 127.0.0.1:1\n")
    words_ = [BUILD / "raft-key-value", "check", "--config", folder / "node.ini"]
    for one in sets:
        words_ += ["--set", one]
    done = subprocess.run(words_, capture_output=True, text=True, check=False, timeout=WAIT_S)
    return done.returncode, done.stderr


def test_report_is_about_a_pair(folder):
    """What a stacked plugin was tried over stands in its report, and a node takes it over that one only."""
    through, below = folder / "storage-through.so", folder / "storage-mem.so"
    shutil.copy(THROUGH, through)
    shutil.copy(MEM, below)
    told = run(through, "--option", "over=storage-mem", "--level", "basic", "--report", "--jobs", 2).stdout
    assert "durable (declared, but not by storage-mem, over which it was tried)" in told, told
    report = (folder / "storage-through.so.contract").read_text()
    assert f"\nover = storage-mem\nover_sha256 = {sha256(below)}\n" in report, report
    listed = json.loads(run(through, "--option", f"over={WAL}", "--only", "S01", "--json", "-").stdout)
    assert (listed["over"], listed["over_sha256"]) == ("storage-wal", sha256(WAL)), listed
    run(below, "--level", "basic", "--report", "--jobs", 2)
    plugin, basic = f"storage.plugin={through}", "storage.require_contract=basic"
    pair = folder, plugin, f"storage.over={below}"
    assert check(*pair, basic) == (0, ""), check(*pair, basic)
    code, err = check(*pair, "storage.require_contract=crash")
    assert code == 78 and f"(run rkv-contract {through} --option over={below} --level crash --report)" in err, err
    code, err = check(folder, plugin, basic, f"storage.over={WAL}", f"storage.under.dir={folder}")
    says = f"the report {through}.contract is about it over another file, a storage-mem (run rkv-contract {through} "
    assert code == 78 and says + f"--option over={WAL} --level basic --report)" in err, err
    (folder / "storage-through.so.contract").write_text(re.sub("over_sha256.*\n", "", report))
    code, err = check(*pair, basic)
    assert code == 78 and "does not say what it was tried over" in err, err


def test_plugins_have_names(folder):
    """Of what is installed a name is enough; a file of the working directory needs no path."""
    shutil.copy(THROUGH, folder / "storage-through.so")
    run("storage-mem", "--only", "S01", cwd=folder)
    run("storage-through.so", "--option", "over=storage-mem", "--only", "S01", cwd=folder)
    err = run("storage-through.so", "--option", "over=storage-mum", cwd=folder, code=78).stderr
    assert "no such plugin (did you mean storage-mem? " in err, err
    err = run("storage-mum", cwd=folder, code=78).stderr
    assert err.startswith("rkv-contract: storage-mum: no such plugin (did you mean storage-mem? "), err
    err = run("storage-through.so", cwd=folder, code=78).stderr
    assert err.startswith("rkv-contract: storage-through is built over another storage: name that one, as --option "
                          "over=PLUGIN.so"), err


def test_the_last_line_repeats_the_law(folder):
    """With every option that the run had, as a shell takes it."""
    good = folder / "it's good.so"
    shutil.copy(MEM, good)
    told = run(BUILD / "tests/contract-plugins/broken-mem.so", "--option", f"good={good}", "--option",
               "fault=truncate_one_too_few", "--slow", 2, "--only", "S12", code=1).stdout
    again = next(line for line in told.splitlines() if line.startswith("again:  "))
    done = subprocess.run(["/bin/sh", "-c", again.removeprefix("again:  ").replace("LAW", "S12")], capture_output=True,
                          text=True, check=False, timeout=WAIT_S, env={"PATH": str(BUILD)})
    assert done.returncode == 1 and again in done.stdout.splitlines(), (again, done.stdout, done.stderr)


def test_small_devices_name_the_option(_):
    told = run(WAL, "--only", "S63").stdout
    assert "a device of 5 MiB is too small for it (try --option segment_bytes=64KiB): " in told, told
    told = run(THROUGH, "--option", f"over={WAL}", "--only", "S63").stdout
    assert "a device of 5 MiB is too small for it (try --option under.segment_bytes=64KiB): " in told, told


def test_a_debugger_finds_the_failure(folder):
    """DEBUGGING in rkv-contract(1) holds for what is installed, which is stripped."""
    stripped = folder / "rkv-contract"
    subprocess.run(["strip", "-o", stripped, TOOL], check=True)
    names = subprocess.run(["nm", "-D", "--defined-only", stripped], capture_output=True, text=True, check=True).stdout
    assert " T contract_fail\n" in names, names


# ---- what is asked for ----

def test_jobs_keep_the_order(_):
    arguments = (MEM, "--level", "basic")
    one, four = (lines_of(run(*arguments, "--jobs", jobs).stdout) for jobs in (1, 4))
    assert list(one) == list(four) and len(one) > 30
    began = time.monotonic()
    odd("hangs", "--only", "M04", "--only", "M05", "--only", "M06", "--only", "M07", "--limit", 2, "--jobs", 4)
    assert time.monotonic() - began < 8, "four laws that wait two seconds each came one after the other"


def test_junit(folder):
    run(BUILD / "tests/contract-plugins/broken-mem.so", *BROKEN, "--level", "basic", "--jobs", 4, "--junit",
        folder / "out.xml", code=1)
    suite = xml.parse(folder / "out.xml").getroot().find("testsuite")
    cases = suite.findall("testcase")
    failed = {case.get("name"): case.find("failure").text for case in cases if case.find("failure") is not None}
    skipped = [case.get("name") for case in cases if case.find("skipped") is not None]
    assert suite.get("tests") == str(len(cases)) and suite.get("failures") == str(len(failed)), suite.attrib
    assert suite.get("skipped") == str(len(skipped)) and "vote_is_kept" in skipped, skipped
    assert "it crashed: Aborted in read\nbacktrace:" in failed["read_gives_every_range"], failed
    assert all(case.get("classname") == "storage" and float(case.get("time")) >= 0 for case in cases)


def test_keep_leaves_the_files(folder):
    kept = folder / "kept"
    run(WAL, "--only", "vote_is_kept", "--keep", kept)
    assert any(path.is_file() for path in (kept / "vote_is_kept").rglob("*"))
    assert (kept / "vote_is_kept.txt").read_text().startswith("vote_is_kept: passed\n")
    again = run(WAL, "--only", "vote_is_kept", "--keep", kept, code=64).stderr
    assert again == f"rkv-contract: --keep {kept}: it is not empty (choose an empty directory, or a new one)\n", again
    odd("crashes", "--only", "applied_follows", "--keep", folder / "odd")
    assert "odd-sm.so(+0x" in (folder / "odd/applied_follows.txt").read_text()


def test_foreground_is_this_process(folder):
    done = run(WAL, "--foreground", "vote_is_kept", "--scratch", folder)
    assert "law vote_is_kept in process " in done.stdout and done.stdout.endswith("passed\n"), done.stdout
    crash = odd("crashes", "--foreground", "M04", "--scratch", folder, code=-signal.SIGSEGV)
    assert "backtrace" not in crash.stdout + crash.stderr
    until("the files of a law that crashed in the foreground are gone", lambda: not list(folder.iterdir()))
    broken = run(BUILD / "tests/contract-plugins/broken-mem.so", "--option", f"good={MEM}", "--option",
                 "fault=truncate_one_too_few", "--foreground", "S12", "--scratch", folder, code=1)
    assert "\nFAILED: " in broken.stdout, broken.stdout
    until("the files of a law in the foreground are gone", lambda: not list(folder.iterdir()))
    run(WAL, "--foreground", "vote_is_kept", "--keep", folder / "kept")
    assert any(path.is_file() for path in (folder / "kept/vote_is_kept").rglob("*"))


def test_flags_agree(folder):
    for arguments, says in ((("--keep", folder, "--scratch", folder), "leave --scratch out"),
                            (("--foreground", "S01", "--only", "S02"), "leave --only out"),
                            (("--foreground", "S01", "--json", "-"), "leave --report, --json and --junit out"),
                            (("--jobs", "0"), "makes no sense: 0"), (("--jobs", "65"), "makes no sense: 65")):
        assert says in run(MEM, *arguments, code=64).stderr


# ---- what is left ----

@contextlib.contextmanager
def under_way(folder, *arguments):
    """A run that is in the midst of a law; yields its process and its directory."""
    process = subprocess.Popen(words(WAL, "--only", LONG, "--level", "full", "--scratch", folder, *arguments),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until("a law is under way", lambda: list(folder.glob(f"*/{LONG}/*")))
        yield process, next(folder.glob("rkv-contract-*"))
    finally:
        process.kill()
        process.communicate()


def test_nothing_is_left_when_broken_off(folder):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        with under_way(folder) as (process, its):
            process.send_signal(number)
            _, err = process.communicate(timeout=WAIT_S)
            assert process.returncode == -number, process.returncode
            assert err == f"rkv-contract: broken off by {number.name}: no result, and nothing left in {its}\n", err
            assert not list(folder.iterdir()), list(folder.rglob("*"))


def users_of(folder):
    """Processes that have a file below this folder open, or write there."""
    found = []
    for process in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and any(os.readlink(fd).startswith(str(folder))
                                              for fd in (process / "fd").iterdir()):
                found.append(process.name)
    return found


def test_next_run_sweeps_what_a_kill_left(folder):
    with under_way(folder) as (process, its):
        other = run(MEM, "--only", "S01", "--scratch", folder)  # one that lives is left alone
        assert "removed" not in other.stderr and its.is_dir()
        process.kill()
        process.wait()
        until("the law's processes are gone", lambda: not users_of(folder))
        assert its.is_dir()
    (folder / "rkv-contract-abcdef").mkdir()  # of a version that marks nothing, or of nobody
    done = run(MEM, "--only", "S01", "--scratch", folder)
    assert done.stderr == f"rkv-contract: removed {its}, which a run that was killed had left\n", done.stderr
    assert [path.name for path in folder.iterdir()] == ["rkv-contract-abcdef"]


# ---- a terminal ----

def test_progress_is_for_terminals(folder):
    screen, terminal = pty.openpty()
    laws = ("--only", "M01", "--only", "M04", "--limit", 4, "--scratch", folder)
    process = subprocess.Popen(words(ODD, "--option", f"good={SM}", "--option", "how=hangs", *laws), stdout=terminal)
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while part := os.read(screen, 65536):
            shown += part
    os.close(screen)
    assert process.wait(timeout=WAIT_S) == 1
    assert b"\r\x1b[K1 of 2 laws  applied_follows 0 s" in shown, shown
    assert b" s left  applied_follows 3 s" in shown, shown
    assert b"\r\x1b[KM04 applied_follows " in shown, shown
    assert "\x1b" not in odd("hangs", *laws).stdout


def main():
    tests = {name: test for name, test in globals().items() if name.startswith("test_")}
    failed = 0
    for name, test in tests.items():
        if len(sys.argv) > 2 and not any(part in name for part in sys.argv[2:]):
            continue
        began = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(prefix="rkv-tool-") as folder:
                test(pathlib.Path(folder).resolve())
            print(f"passed  {name} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception:  # whatever it is, the next one is tried
            failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
