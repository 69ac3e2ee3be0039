"""Short forms of the stories that soak.sh tells at length: kills, partitions, elections, nodes rebuilt under load."""
import pytest

import churn
import elections
import kills
import partitions
from pace import CALM, SLOW, TIMERS

SEED = 1
# Marked slow: what measures time, which is alone too, and the longest one.


def test_durable_nodes_killed(cluster):
    """kill -9, the leader half of the time: nothing acknowledged is lost, the histories are linearizable."""
    counted = kills.kills(cluster, 4 if SLOW else 12, SEED)
    assert counted["leaders"] >= 2 and counted["acknowledged"] > 40


def test_all_durable_nodes_killed_at_once(cluster):
    assert kills.outages(cluster, 1 if SLOW else 4, SEED)["acknowledged"] > 20


@pytest.mark.slow
def test_five_nodes_in_memory_cut_off_and_paused(linked):
    """Each kind of trouble of the network once, and a pause: what clients saw is linearizable."""
    counted = partitions.partitions(linked, 8, SEED)
    assert counted["operations"] > 100


def test_three_durable_nodes_cut_off_and_killed(linked):
    counted = partitions.partitions(linked, 3 if SLOW else 5, SEED + 1, nodes=3, durable=True)
    assert counted["operations"] > (50 if SLOW else 100)


@pytest.mark.alone
@pytest.mark.slow
def test_a_killed_leader_is_soon_replaced(cluster):
    """kill -9 to the next acknowledged write: within 1.5 x election_timeout_max."""
    times = elections.leaders_killed(cluster, 3, CALM)
    assert max(times) <= elections.REPLACED_WITHIN, times


@pytest.mark.alone
@pytest.mark.slow
def test_a_node_that_returns_causes_no_election(linked):
    """Dissertation 4.2.3 and 9.6: cut off both ways or one way until it longs for votes, then back: same leader,
    same term."""
    for kind, before, after in elections.returns(linked, 3, CALM):
        assert before == after, f"{kind}: leader and term were {before}, are {after}"


@pytest.mark.alone
@pytest.mark.slow
def test_restarted_in_turn(cluster):
    """A rolling restart of durable nodes under load; the leader hands over, so that no election is waited for."""
    counted = churn.restart_in_turn(cluster, 1)
    assert counted["pause_ms"] < TIMERS[2]


def test_replaced_in_turn(cluster):
    """Every node of a cluster in memory gives its place to a new one under load."""
    churn.replace_in_turn(cluster, 1)
