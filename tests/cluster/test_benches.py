"""Every bench runs briefly and verifies its own writes; how fast is nobody's test."""
import json
import subprocess

import pytest

from nodes import BUILD

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


def test_state_machine():
    done = subprocess.run([BUILD / "bench-sm", "10000"], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr
