"""Fixtures of the process tests: a cluster per test, and its logs when the test fails; workers that share the tests."""
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from links import Links  # noqa: E402 (found by the line above)
from nodes import BUILD, Cluster  # noqa: E402

DISK = "40m"


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: measures time or load; left out under sanitizers")
    config.addinivalue_line("markers", "alone: measures time; nothing may be played beside it")
    config.addinivalue_line("markers", "long: has a shorter form; left out of the short size and under sanitizers")


def pytest_sessionstart(session):
    if not (BUILD / "raft-key-value").exists():
        pytest.exit(f"nothing built in {BUILD} (scripts/test.sh builds; RKV_BUILD names another folder)", 2)


# A folder in which processes that play these tests together (scripts/test.sh) note what each has taken.
CLAIMS = os.environ.get("RKV_CLAIMS")


def take(item):
    """True if no other worker has it. Tests around one shared cluster stay together."""
    key = item.path.name if "shared" in item.fixturenames else item.nodeid
    try:
        os.close(os.open(pathlib.Path(CLAIMS) / key.replace("/", "%"), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        taken.add(key)
    except FileExistsError:
        return key in taken
    return True


taken = set()


def pytest_runtestloop(session):
    """Among workers: what this one takes. A test needs to know its next one, so that is taken before it is played."""
    if not CLAIMS:
        return None
    mine = filter(take, session.items)
    item = next(mine, None)
    while item:
        after = next(mine, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = after
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if not report.failed:
        return
    clusters = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Cluster)]
    for node in [node for cluster in clusters for node in cluster.started if node.process]:
        state = "runs" if node.alive() else f"ended with {node.process.poll()}"
        report.sections.append((f"node {node.id} at {node.addr} {state}", node.tail()))


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own."""
    path = tmp_path / "disk"
    path.mkdir()
    made = subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", path),
                          capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"a small disk needs the right to mount: {made.stderr.strip()}")
    yield path
    subprocess.run(("umount", "-l", path), check=True)


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path)
    yield made
    made.discard()


@pytest.fixture
def linked(tmp_path):
    """A cluster whose nodes reach each other through Links."""
    links = Links()
    made = Cluster(tmp_path, links)
    yield made
    made.discard()
    links.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One cluster for all tests of a file: they must leave it as they found it."""
    made = Cluster(tmp_path_factory.mktemp("shared"))
    yield made
    made.discard()
