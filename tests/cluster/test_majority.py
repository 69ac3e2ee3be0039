"""rkvctl where no majority can vote: it says so, ends with 3, and never has anybody make a new cluster there."""
from ctl import rkvctl
from nodes import wait_until

DONE, REFUSED, NO_ANSWER = 0, 1, 3
LACK = "1 of 3 voters does not answer, 1 came back without its storage: no majority"


def one_left(cluster):
    """A follower that has everything, a voter that came back empty, and a leader that is gone."""
    cluster.form(1, 2, 3)
    leader = cluster.leader()
    empty, left = [node for node in cluster.alive() if node is not leader]
    leader.kill()
    empty.kill()
    empty.restart()
    return left, empty


def test_a_voter_that_came_back_empty_is_no_voice(cluster):
    """It answers, and cannot vote: in whatever order they are asked, and by whatever command."""
    left, empty = one_left(cluster)
    for at in ([left, empty], [empty, left], left):
        answer = rkvctl("status", at=at)
        assert answer.code == NO_ANSWER and LACK in answer.text(), answer.text()
        assert "lost storage" in answer.text() and "add-learner" not in answer.text()
        rows = rkvctl("status", "--json", at=at)
        assert rows.code == NO_ANSWER and [row["majority"] for row in rows.json()] == [False] * 3
        assert [row["id"] for row in rows.json() if row.get("lost_storage")] == [empty.id]
        answer = rkvctl("--timeout", "1s", "set", "k", "v", at=at)
        assert answer.code == NO_ANSWER and LACK in answer.text(), answer.text()
        answer = rkvctl("--timeout", "1s", "--json", "set", "k", "v", at=at)
        assert answer.json()["error"] == "no majority"
        answer = rkvctl("--timeout", "1s", "status", "--wait", at=at)
        assert answer.code == NO_ANSWER and LACK in answer.text(), answer.text()
        answer = rkvctl("members", at=at)
        assert answer.code == DONE and answer.text().count("voter") == 3 and "init" not in answer.text()


def test_an_empty_voter_asked_alone_recommends_no_init(cluster):
    """It knows of no cluster, but the others call it: that one exists."""
    left, empty = one_left(cluster)
    wait_until(lambda: empty.view().number("foreign_calls") > 0, "it is called")
    for words in (("status",), ("members",), ("--timeout", "1s", "set", "k", "v")):
        answer = rkvctl(*words, at=empty)
        assert "name their endpoints" in answer.text() and "init" not in answer.text(), answer.text()
    assert left.alive()


def test_a_majority_is_told_to_scripts(cluster):
    """Also with a voter that came back empty, which the leader takes back; null before there is a cluster."""
    cluster.start(1, 2, 3)
    assert rkvctl("status", "--json", at=cluster[1]).json()[0]["majority"] is None
    cluster[1].init([cluster[i] for i in (1, 2, 3)])
    leader = cluster.leader()
    cluster.settle()
    follower = next(node for node in cluster.alive() if node is not leader)
    follower.kill()
    answer = rkvctl("status", "--json", at=leader)
    assert answer.code == DONE and [row["majority"] for row in answer.json()] == [True] * 3
    follower.restart()
    waited = rkvctl("--timeout", "50s", "status", "--wait", at=leader)
    assert waited.code == DONE, waited.text()
    assert not [row for row in rkvctl("status", "--json", at=leader).json() if row.get("lost_storage")]
