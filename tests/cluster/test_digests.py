"""A state machine that puts its node's id into the state: the nodes notice, say where, and stop if they are to."""
import pytest

from ctl import rkvctl
from nodes import BUILD, wait_until

PLACE = "place"  # the key that holds another value on each node
BROKEN = {"state-machine.plugin": BUILD / "tests/contract-plugins/broken-sm.so",
          "state-machine.good": BUILD / "plugins/sm-protobuf.so", "state-machine.fault": "node_id_in_state"}
STOP = {"node.on_divergence": "stop"}
WRITES = 40  # each 16th entry goes astray
DIFFERS, MEMBER_DIFFERS = "the state differs from the leader's", "member's state differs from this leader's"
EXIT_BROKEN = 70


def form(cluster, astray, leads, sets):
    """Three nodes, of which `leads` leads; the state machine of `astray` is broken."""
    for node_id in (1, 2, 3):
        cluster.start(node_id, sets={**sets, **(BROKEN if node_id == astray else {})})
    cluster[leads].init([cluster[i] for i in (1, 2, 3)])
    if cluster.leader().id != leads:
        assert rkvctl("transfer", leads, at=cluster.leader()).code == 0
        wait_until(lambda: cluster.leader().id == leads, f"node {leads} leads")
    return cluster[leads]


def write(leader):
    leader.set_many((f"k{i}", "v") for i in range(WRITES))


def test_a_replica_that_differs_is_told(cluster):
    leader = form(cluster, astray=3, leads=1, sets={})
    write(leader)
    cluster.settle()
    assert [cluster[i].get(PLACE) for i in (1, 3)] == [None, "3"]  # before this nobody could see it
    line = cluster[3].told(" WARN ", DIFFERS, f"leader={leader.id} ")[0]
    assert leader.told(" WARN ", MEMBER_DIFFERS, "id=3 ")
    wait_until(lambda: cluster[3].view().number("differs_at") and leader.view().number("states_compared") == 0, "told")
    at = cluster[3].view().number("differs_at")
    assert f" index={at} " in line and 16 <= at <= WRITES + 3, line
    assert f"3@{at}" in leader.view().pairs["peers_differ"]
    status = rkvctl("status", at=[leader]).out.decode()
    assert f"node 3's state is not its leader's, since index {at} at the latest" in status, status
    assert f"node 1 leads, and has peers with another state (NODE@INDEX): 3@{at}" in status, status
    rows = {row["id"]: row for row in rkvctl("--json", "status", at=[leader]).json()}
    assert rows[3]["differs_at"] == at and rows[1]["peers_differ"] == f"3@{at}" and "differs_at" not in rows[2]
    assert cluster[2].view().number("differs_at") == 0 and not cluster[2].log_lines(" WARN ", DIFFERS)
    assert cluster[2].view().number("equal_at") >= at


@pytest.mark.parametrize("leads", [1, 3])
def test_a_node_that_went_astray_stops(cluster, leads):
    """A follower that differs stops; so does a leader from which both others differ, and these go on."""
    leader = form(cluster, astray=3, leads=leads, sets=STOP)
    write(leader)
    assert cluster[3].wait() == EXIT_BROKEN, cluster[3].tail()
    why = (DIFFERS[:-len(" the leader's")], "leader 1's, since index", "put this node's storage aside")
    if leads == 3:
        why = ("a majority of the voters has another state than this leader, since index", "put this node's storage")
    assert cluster[3].told(" ERROR ", "stops: BROKEN: ", *why)
    assert cluster.leader(among=[1, 2]).id in (1, 2)
    cluster.set("after", "1")
    assert [cluster[i].alive() for i in (1, 2, 3)] == [True, True, False]
