"""A second node is stopped, or loses its storage, while the first one is still on its way back to its vote."""
import random
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

import emptied
from ctl import rkvctl
from load import Load, expect_all
from nodes import BUILD, wait_until
from pace import SLOW

ALL = [1, 2, 3]
EXIT_SECONDS = 1 + SLOW  # the thread sanitizer sleeps a second at a program's exit; who waits takes 3 and more
MEMORY = dict(emptied.SMALL)


@pytest.fixture
def rocksdb():
    if not (BUILD / "plugins" / "storage-rocksdb.so").exists():
        pytest.skip("storage-rocksdb is not built here")


@pytest.mark.usefixtures("rocksdb")
@pytest.mark.parametrize("leads", [1, 3])
def test_the_runs_that_ended_clusters(cluster, leads):
    """Node 2 goes from memory to storage-wal, and while it is a learner node 3 from memory to storage-rocksdb, under
    load: node 3 waits until node 2 votes, and all three have everything in the end."""
    cluster.form(*ALL, sets=MEMORY)
    with Load(cluster, clients=2) as load:
        load.wait_more(300)
        if cluster.leader().id != leads:
            rkvctl("transfer", leads, at=cluster.alive())
        assert emptied.swap_two(cluster, cluster[2], cluster[3], random.Random(leads))
        load.wait_more(20)
    cluster.settle()
    for node in cluster.alive():
        expect_all(node, load.acknowledged)


def held_back(cluster):
    """Node 2 is on its way back and gets no further: nobody gives it its vote, for no third node answers its leader.
    Gives nodes 2 and 3."""
    cluster.form(*ALL, sets=MEMORY)
    cluster.set("k", "v")
    leader = cluster.leader()
    first, second = [node for node in cluster.alive() if node is not leader]
    first.kill()
    leader.freeze()
    first.restart()
    return leader, first, second


def test_what_is_lost_is_said(cluster):
    """A voter on its way back whose leader stands still: the node that stops waits for it as long as it may, says in
    status and log what is lost if it goes, and goes."""
    leader, first, second = held_back(cluster)
    second.signal(signal.SIGTERM)
    assert second.told(" WARN ", f"waits a few seconds for node {first.id}", "the cluster is lost")
    with ThreadPoolExecutor() as both:  # beside each other: each ends a second late under the thread sanitizer
        text, rows = both.map(lambda how: rkvctl("--timeout", "500ms", "status", *how, at=[second, first]),
                              ((), ("--json",)))
    assert "was asked to stop" in text.text(), text.text()
    assert f"waits a few seconds for the vote of node {first.id}" in text.text()
    assert "without its storage the cluster is lost" in text.text()
    assert [row["waits_for"] for row in rows.json() if "waits_for" in row] == [first.id]
    assert second.wait() == 0
    assert second.told(" WARN ", emptied.WAITED_IN_VAIN, f"node {first.id} ", "the cluster is lost")
    leader.thaw()


def test_a_second_signal_does_not_wait(cluster):
    leader, first, second = held_back(cluster)
    second.signal(signal.SIGTERM)
    second.told("waits a few seconds for")
    second.signal(signal.SIGTERM)
    assert second.process.wait(EXIT_SECONDS) == 0
    leader.thaw()
    assert first.alive()


def test_an_empty_voter_waits_for_its_storage(cluster):
    """Killed all the same: the second one has no vote, and every node that is asked says whose storage is needed."""
    leader, first, second = held_back(cluster)
    second.kill()
    second.restart()
    leader.thaw()
    assert leader.told(" ERROR ", "no leader can be elected, whoever comes back", "restore their old storage")
    answer = rkvctl("--timeout", "1s", "status", at=leader)
    assert answer.code == 3 and "on its old storage)" in answer.text(), answer.text()
    wait_until(lambda: second.view().pairs["lost_storage"] == "1", "it knows what it lost")
    alone = rkvctl("status", at=second)
    assert "lost storage" in alone.text() and "name their endpoints" in alone.text(), alone.text()
    assert leader.get("k") == "v"
