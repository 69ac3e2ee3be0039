"""What operators correct: a member that is not there, one that leaves, one that moved."""
import subprocess

import grpc

from ctl import PATIENCE, rkvctl
from nodes import BUILD, free_port, wait_until
from stubs import raft

DONE, REFUSED = 0, 1


def dead():
    return f"127.0.0.1:{free_port()}"


def ids(node):
    return sorted(node.view().nodes)


def test_nobody_is_taken_in_who_does_not_answer(cluster):
    """init, add-learner and change-membership of rkvctl ask first; nothing is written; --unreachable takes them."""
    one = cluster.start(1)[1]
    answer = rkvctl("--timeout", "1s", "init", f"1={one.addr}", f"2={dead()}", at=one)
    assert answer.code == REFUSED and "node 2 at" in answer.text() and "--unreachable" in answer.text()
    assert one.view().last_log == -1
    assert rkvctl("init", f"1={one.addr}", at=one).code == DONE
    before = one.view().frozen()
    answer = rkvctl("--timeout", "1s", "add-learner", f"2={dead()}", at=one)
    assert answer.code == REFUSED and "does not answer" in answer.text()
    assert one.view().frozen() == before
    cluster.start(2, 3)
    assert rkvctl("add-learner", f"2={cluster[2].addr}", at=one).code == DONE
    assert rkvctl("add-learner", f"3={cluster[3].addr}", at=one).code == DONE
    cluster[3].freeze()
    before = one.view().frozen()
    answer = rkvctl("change-membership", 1, 2, 3, at=one)
    assert answer.code == REFUSED and "node 3 at" in answer.text()
    assert one.view().frozen() == before
    assert rkvctl("change-membership", 1, 2, 3, "--unreachable", at=one).code == DONE
    cluster[3].thaw()


def test_a_node_that_answers_late_is_waited_for(cluster):
    """People start a node and add it in one go: it is asked again until the time is up, and rkvctl says for whom."""
    one = cluster.form(1).start(2)[1]
    cluster[2].freeze()
    words = [BUILD / "rkvctl", "--endpoints", one.addr, "--timeout", "30s", "add-learner", f"2={cluster[2].addr}"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asked:
        waiting = asked.stderr.readline()
        cluster[2].thaw()
        asked.communicate(timeout=PATIENCE)
    assert waiting.startswith(f"rkvctl: add-learner: waiting: node 2 at {cluster[2].addr} does not answer"), waiting
    assert asked.returncode == DONE
    assert ids(one) == [1, 2]


def test_what_openrafts_clients_send_is_taken(cluster):
    """Without the metadata a learner that does not answer becomes a member, as in the example."""
    one = cluster.form(1)[1]
    try:
        one.add_learner(raft.Node(node_id=2, rpc_addr=dead()), timeout=2)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert ids(one) == [1, 2]


def test_a_wrong_address_can_be_put_right(cluster):
    """One voter and a learner where nobody is: set-address brings it in; remove lets it go."""
    one = cluster.form(1).start(2)[1]
    rkvctl("--timeout", "2s", "add-learner", f"2={dead()}", "--unreachable", at=one)
    assert ids(one) == [1, 2]
    answer = rkvctl("set-address", f"2={cluster[2].addr}", "--json", at=one)
    assert answer.code == DONE, answer.text()
    assert answer.json()["membership"]["nodes"][1]["addr"] == cluster[2].addr
    assert one.view().nodes[2] == cluster[2].addr
    wait_until(lambda: cluster[2].view().applied == one.view().last_log, "node 2 follows")
    rkvctl("--timeout", "2s", "add-learner", f"3={dead()}", "--unreachable", at=one)
    assert rkvctl("remove", 3, at=one).code == DONE
    assert ids(one) == [1, 2]
    assert rkvctl("change-membership", 1, 2, at=one).code == DONE


def test_set_address_refuses(cluster):
    """A stranger, another node's address, one where another node answers, one that leads nowhere."""
    one = cluster.form(1).start(2, 3)[1]
    one.add_learner(cluster[2])
    before = one.view().frozen()
    for word, text in [(f"7={dead()}", "no member"), (f"2={one.addr}", "one address"),
                       (f"2={cluster[3].addr}", "is node 3"), ("2=0.0.0.0:1", "leads to it"),
                       (f"1={cluster[3].addr}", "is node 3")]:
        answer = rkvctl("set-address", word, at=one)
        assert answer.code == REFUSED and text in answer.text(), answer.text()
    assert one.view().frozen() == before


def test_voters_leave_by_the_safe_steps(cluster):
    """A follower, then the leader, which hands over first; the last voter stays; strangers are refused."""
    cluster.form(1, 2, 3)
    leader = cluster.leader()
    gone = next(node for node in cluster.alive() if node is not leader)
    assert rkvctl("remove", gone.id, at=leader).code == DONE
    assert gone.id not in ids(leader)
    answer = rkvctl("remove", leader.id, at=leader)
    assert answer.code == DONE, answer.text()
    (last,) = [node for node in cluster.alive() if node not in (leader, gone)]
    wait_until(lambda: last.view().configs == [[last.id]], "one voter is left")
    assert last.view().state == "leader" and ids(last) == [last.id]
    assert len(leader.told("transfer done")) == 1
    answer = rkvctl("remove", last.id, at=last)
    assert answer.code == REFUSED and "last voter" in answer.text()
    assert rkvctl("remove", 9, at=last).code == REFUSED


def test_no_voter_leaves_a_cluster_without_majority(cluster):
    """One of three does not answer: it may go, the other follower may not."""
    cluster.form(1, 2, 3)
    leader = cluster.leader()
    silent, other = [node for node in cluster.alive() if node is not leader]
    silent.freeze()
    answer = rkvctl("--timeout", "2s", "remove", other.id, at=leader)
    assert answer.code == REFUSED and "majority" in answer.text(), answer.text()
    assert rkvctl("remove", silent.id, at=leader).code == DONE
    silent.thaw()
