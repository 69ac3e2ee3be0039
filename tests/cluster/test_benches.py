"""Every bench runs briefly and verifies its own writes; how fast is nobody's test."""
import json
import re
import subprocess

import pytest

from nodes import BUILD, ROOT

pytestmark = pytest.mark.slow  # sanitized builds have no benches

TIMEOUT = 120


def rows_of(program, *arguments):
    done = subprocess.run([BUILD / program, "--json", *arguments], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_inprocess():
    rows = rows_of("bench-inprocess", "--commands", "20000", "--clients", "1,64,64x4")
    assert [row["commands"] >= 4000 for row in rows] == [True] * 3


def test_inprocess_with_threads():
    """Clients on several threads hand the loop to each other."""
    rows = rows_of("bench-inprocess", "--commands", "20000", "--clients", "64", "--threads", "4", "--nodes", "5")
    assert rows[0]["threads"] == 4 and rows[0]["nodes"] == 5


@pytest.mark.parametrize("arguments", [(), ("--batch", "16")], ids=["unary", "stream"])
def test_cluster(arguments):
    rows = rows_of("bench-cluster", "--inflight", "1,64", "--seconds", "1", "--warmup", "0", *arguments)
    assert len(rows) == 2 and all(row["all_in_log"] and row["failed"] == 0 for row in rows)


def test_cluster_in_an_open_loop():
    """Requests come at their rate; with one slot for far too many, those that wait count as slow."""
    row, = rows_of("bench-cluster", "--rate", "2000", "--inflight", "64", "--seconds", "1", "--warmup", "0")
    assert row["all_in_log"] and row["failed"] == 0 and 1000 < row["acked"] + row["behind"] <= 2100
    row, = rows_of("bench-cluster", "--rate", "200000", "--inflight", "1", "--seconds", "1", "--warmup", "0")
    assert row["all_in_log"] and row["behind"] > 100000 and row["p50_ms"] > 100


def test_cluster_on_disk(tmp_path):
    """Durable puts are on the device that is named, which is left as it was."""
    rows = rows_of("bench-cluster", "--durable", tmp_path, "--inflight", "64", "--seconds", "1", "--warmup", "0")
    assert rows[0]["all_in_log"] and rows[0]["failed"] == 0
    probe = rows_of("bench-cluster", "--probe", tmp_path)[0]
    assert probe["alone_us"] > 0 and probe["quorum_us"] > 0
    assert not list(tmp_path.iterdir())


def test_state_machine():
    done = subprocess.run([BUILD / "bench-sm", "10000"], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [
    ("catchup.py", "--entries", "20000", "--keys", "1000", "--seconds", "4"),
    pytest.param(("snapshots.py", "--keys", "20000", "--seconds", "1", "--inflight", "8"), marks=pytest.mark.long),
    pytest.param(("growth.py", "--sizes", "1000,20000", "--seconds", "1"), marks=pytest.mark.long),
    ("growth.py", "--sizes", "1000", "--seconds", "1", "--durable", "DIR"),
    pytest.param(("swaps.py", "--entries", "2000", "--seconds", "1", "--storages", "storage-wal,storage-lmdb", "--dir",
                  "DIR"), marks=pytest.mark.long),
], ids=["catchup", "snapshots", "growth", "growth-wal", "swaps"])
def test_drivers(words, tmp_path):
    """They drive a cluster and look at every node's own numbers; met or MISSED is not asked for."""
    words = [tmp_path if word == "DIR" else word for word in words]
    program = ["/usr/bin/python3", ROOT / "bench" / words[0], *words[1:], "--rounds", "1", "--build", BUILD]
    done = subprocess.run(program, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_table_and_its_page(tmp_path):
    """Rows as compare.sh makes them become a page and a picture, with marks met and missed."""
    rows = [{"row": "Set", "target": target, "inflight": 64, "puts_per_s": rate, "cpu_us_per_put": 30, "p50_ms": 1.5}
            for target, rates in (("rkv", (90, 100, 110)), ("etcd", (30, 30, 30)), ("empty", (200,))) for rate in rates]
    rows.append({"row": "idle", "target": "rkv", "idle_node": 1, "cpu_ms_per_s": 0.5, "rss_mb": 14.0})
    done = subprocess.run(["/usr/bin/python3", ROOT / "bench" / "table.py", "--write", tmp_path, "--note", "here"],
                          input="\n".join(json.dumps(row) for row in rows), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "RESULTS.md").read_text()
    assert "| Set | 64 | 3.33 | 0.50 | 100 ±10% |" in page
    assert "| Set | 64 | 3.33 x etcd (>= 3) | yes |  |" in page and "| Set | 64 | 30 us CPU (<= 40) | yes |  |" in page
    assert re.search(r"\| Set \| 64 \| 0\.50 x empty \(>= 0\.65\) \| no \| \w+", page)
    assert "- here" in page and "14.0 MB, 0.5 ms CPU per second, as promised" in page
    assert (tmp_path / "results.svg").read_text().count("<rect") == 6


def test_the_page_of_durable_puts(tmp_path):
    """Beside etcd, and one behind the other beside what the syncs take."""
    rows = [{"row": "Set, durable", "target": target, "inflight": n, "puts_per_s": rate}
            for target, n, rate in (("rkv", 1, 4000), ("rkv", 64, 300), ("etcd", 64, 100))]
    rows += [{"row": "probe", "target": "device", "alone_us": 90, "quorum_us": us} for us in (140, 150, 160)]
    done = subprocess.run(["/usr/bin/python3", ROOT / "bench" / "table.py", "--write", tmp_path, "--page", "DURABLE"],
                          input="\n".join(json.dumps(row) for row in rows), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "DURABLE.md").read_text()
    assert "| 3.00 x etcd (>= 2) | yes |" in page and "| 0.60 of one put per sync (>= 0.8) | no |" in page
    assert "until two of three at once are done, p50 in us before and after each round: 140, 150, 160" in page
    assert (tmp_path / "durable.svg").exists()


def test_a_stacked_storage_is_measured(tmp_path):
    """What it is built over has options and a directory, too; what is written is read back."""
    plugin, over = (BUILD / "plugins" / f"{name}.so" for name in ("storage-crypt", "storage-wal"))
    words = [plugin, "--dir", tmp_path, "--fill", "3000", "--batch", "64", "--set", f"key={'5a' * 32}"]
    row, large = rows_of("bench-storage", *words, "--set", f"over={over}", "--set", "under.segment_bytes=1MiB")
    assert row["plugin"] == "storage-crypt" and row["entries"] >= 3000 and row["read_per_s"] > 0
    assert large["disk_running"] > 3000 * large["bytes"]  # in the one under it
    done = subprocess.run([BUILD / "bench-storage", *words], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1 and done.stderr == "bench-storage: --set over=PLUGIN.so is required\n"


def storages(*words):
    return subprocess.run(["/usr/bin/python3", ROOT / "bench" / "storages.py", "--build", BUILD, *words],
                          capture_output=True, text=True, timeout=TIMEOUT, check=False)


def test_the_storages_side_by_side(tmp_path):
    """On tmpfs and in a directory; a page, a picture, and the document with the figures in its middle."""
    page, device = tmp_path / "page", tmp_path / "device"
    page.mkdir()
    device.mkdir()
    done = storages("--storage", "storage-mem", "--storage", "storage-wal", "--set", "storage-wal.segment_bytes=1MiB",
                    "--rounds", "1", "--entries", "20000", "--durable", device, "--to", page)
    assert done.returncode == 0, done.stderr
    assert not list(device.iterdir())
    text = (page / "STORAGES.md").read_text()
    for place in ("## On tmpfs", "## On a device"):
        assert place in text
    assert re.search(r"\| start, ms \| - \| [\d.]+ \|", text)
    assert re.search(r"\| 64, awaited \| [\d.,]+ \| 1\.00 \|", text)
    purged = re.search(r"all but 10,000 entries purged, MiB \| - \| ([\d.]+) \|", text)
    assert 3 <= float(purged.group(1)) <= 9  # 2.5 MiB of entries in files of 1 MiB, and two kept ready
    assert "- storage-wal: segment_bytes=1MiB" in text
    assert (page / "storages.svg").read_text().count("<rect") == 1 + 6  # the durable one
    document = (page / "choosing-a-storage.md").read_text()
    assert document.startswith("# Choosing a storage") and "## When to take which" in document
    assert document.count("| start, ms | - |") == 1 and "![appends and reads](storages.svg)" in document


def test_storages_says_what_it_cannot(tmp_path):
    for words, code, text in ((("--storage", "storage-none"), 69, "storage-none.so: cmake --preset release"),
                              (("--entries", "10000"), 64, "--entries 10000: more than 10000"),
                              (("--durable", tmp_path / "none"), 69, "no directory")):
        done = storages("--no-write", *words)
        assert done.returncode == code and text in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["bench-cluster", "bench-inprocess", "bench-sm", "bench-storage", "bench-empty"])
def test_each_bench_says_what_it_takes(name):
    """--help is answered on stdout, at once."""
    program = next(iter(BUILD.glob(f"**/{name}")), None)
    if program is None:
        pytest.skip(f"{name} is not built here")
    done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "") and name in done.stdout
