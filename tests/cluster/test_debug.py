"""log_level = debug tells of votes, elections, appends that were not taken, and who answers; info does not."""
import time

from nodes import DURABLE
from stubs import raft

DEBUG = {"node.log_level": "debug"}


def lines(cluster, *texts):
    return [line for node in cluster.started for line in node.log_lines(" DEBUG raft ", *texts)]


def test_an_election_is_told(cluster):
    """Who asked whom in which term, and what was granted; why not, too."""
    cluster.form(1, 2, 3, sets={**DEBUG, **DURABLE})
    first = cluster.leader()
    behind, other = [node for node in cluster.alive() if node is not first]
    first.told("peer is connected", f"id={other.id}", other.addr)
    behind.kill()
    first.told("peer is lost", f"id={behind.id}", "status=UNAVAILABLE")
    cluster.set("k", "v", start=first)
    cluster.settle(first.id, other.id)
    first.kill()
    behind.restart()  # with a log that is too short to lead
    leader = cluster.leader()
    assert leader is other
    term = f"term={leader.view().term}"
    leader.told(" DEBUG raft campaign: asks for a pre-vote", f"peer={behind.id}")
    leader.told(" DEBUG raft campaign: asks for a vote", f"peer={behind.id}", term)
    leader.told(" DEBUG raft vote granted by", f"peer={behind.id}", term)
    behind.told(" DEBUG raft vote granted candidate", f"candidate={leader.id}", term)
    leader.told(" DEBUG raft append rejected: the follower's log has no such entry", f"peer={behind.id}")
    behind.told(" DEBUG raft append rejected: the follower's log has no such entry", f"leader={leader.id}")


def test_a_refused_vote_says_why(cluster):
    """A node whose log is behind asks those who have more."""
    cluster.form(1, 2, 3, 4, 5, sets={**DEBUG, **DURABLE})
    first = cluster.leader()
    behind, *others = [node for node in cluster.alive() if node is not first]
    behind.kill()
    cluster.set("k", "v", start=first)
    cluster.settle(first.id, *[node.id for node in others])
    for node in (first, *others[1:]):
        node.kill()
    behind.restart()
    behind.told(" DEBUG raft pre-vote refused by", f"peer={others[0].id}", "the candidate's log ends at")
    others[0].told(" DEBUG raft pre-vote refused candidate", f"candidate={behind.id}", "the candidate's log ends at")


def test_info_says_nothing_of_it(cluster):
    cluster.form(1, 2, 3)
    cluster.leader().kill()
    cluster.leader()
    assert not lines(cluster)


def test_a_flood_fills_no_log(cluster):
    """A peer that asks without end: at most 50 lines a second, and how many there were besides."""
    node = cluster.form(1, sets=DEBUG)[1]
    request = raft.VoteRequest(vote=raft.Vote(leader_id=raft.LeaderId(term=1, node_id=7)))
    begin = time.monotonic()
    while time.monotonic() < begin + 1.2:
        for call in [node.raft.Vote.future(request, timeout=20) for _ in range(100)]:
            assert not call.result().vote_granted
    node.told("lines like these were left out count=")
    seconds = time.monotonic() - begin
    assert 50 <= len(node.log_lines("vote refused candidate=7")) <= 50 * (seconds + 2)
