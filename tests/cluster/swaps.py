"""Nodes that move to another storage while clients write, live and by copy; killed and failed in the midst of it."""
import random
import subprocess
import time

import grpc

from ctl import rkvctl
from kills import AFTER, await_leader, who_leads
from load import Load, Registers, prove
from nodes import BUILD, wait_until
from pace import SLOW
from places import (BEGIN, CONFIG, DURABLE, PHASES, WAL, Place, ask, incarnation, put_on, refused, refused_if_there,
                    wait_for_phase, what_became)

# Snapshots and purges often: they are moved as well.
SETS = {"node.swap_storage": "true", "node.snapshot_after_entries": 400, "node.keep_entries": 50}
FILLED, VALUE = 500, "v" * 4000  # what there is to copy from the beginning


class Moves:
    """A cluster under load whose nodes move. `prove` tells whether it is as the clients were told."""

    def __init__(self, cluster, seed, plugins=(WAL, WAL, WAL), sets=None):
        self.cluster, self.chance, self.made = cluster, random.Random(seed), 0
        self.counted = {"moved": 0, "led": 0}
        self.places = {i: self.new_place(i, plugin) for i, plugin in enumerate(plugins, 1)}
        for i, place in self.places.items():
            cluster.start(i, sets={**SETS, **place.sets(), **(sets or {})})
        cluster[1].init([cluster[i] for i in self.places])
        filled = {f"filled-{i}": VALUE for i in range(FILLED)}
        cluster.leader().set_many(filled.items())
        cluster.settle()
        self.load, self.registers = Load(cluster, clients=2), Registers(cluster, clients=2)
        self.load.acknowledged.update(filled)

    def __enter__(self):
        self.load.__enter__()
        self.registers.__enter__()
        self.load.wait_more(20)
        return self

    def __exit__(self, *trouble):
        self.registers.__exit__(*trouble)
        self.load.__exit__(*trouble)

    def new_place(self, node_id, plugin, where=None):
        self.made += 1
        return Place(plugin, (where or self.cluster.folder).resolve() / f"{plugin}-{node_id}-{self.made}")

    # ---- who leads ----

    def lead(self, node):
        def leads():
            leader = who_leads(self.cluster)
            if leader and leader is not node:
                rkvctl("transfer", node.id, at=leader)
            return leader is node
        wait_until(lambda: self.load.failure or leads(), f"node {node.id} leads")

    def follow(self, node):
        """Another one leads."""
        if await_leader(self.cluster, self.load) is node:
            self.lead(self.chance.choice([other for other in self.cluster.alive() if other is not node]))

    # ---- moving ----

    def stands_on(self, node, place):
        """From now on, with another file."""
        self.places[node.id] = place
        put_on(node, place)

    def move(self, node, place, leading=None):
        """Live, by the command, as leader, as follower, or as it is. The old storage is refused from now on."""
        old, before = self.places[node.id], incarnation(node)
        if leading is not None:
            (self.lead if leading else self.follow)(node)
        self.counted["led"] += who_leads(self.cluster) is node
        began = time.monotonic()
        answer = rkvctl("swap-storage", node.id, *place.words(), *(["--yes"] if place.forgets() else []), at=node)
        took = time.monotonic() - began
        if SLOW and "held a write up" in answer.text():  # it is; the node stays where it was
            return self.move(node, self.new_place(node.id, place.plugin), leading)
        assert answer.code == 0, answer.text()
        assert f"it stands on {place.noted()}" in answer.text() and place.lines() in answer.out.decode(), answer.text()
        assert incarnation(node) == before
        self.counted["moved"] += 1
        self.stands_on(node, place)
        if not old.forgets():
            refused(node, old, f"its node goes on in {place.noted()}")
        self.go_on()
        return took

    def copy(self, node, place):
        """Stopped, copied, started."""
        old, before = self.places[node.id], incarnation(node)
        self.counted["led"] += who_leads(self.cluster) is node
        node.signal(15)
        assert node.wait() == 0
        words = (BUILD / "raft-key-value", "storage", "copy", "--id", str(node.id), "--from", old.plugin,
                 *old.set_words("--set-from"), "--to", place.plugin, *place.set_words("--set-to"))
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0 and done.stdout.startswith("copied and compared: "), done.stderr
        refused(node, old, f"its node goes on in {place.noted()}")
        self.stands_on(node, place)
        node.restart()
        wait_until(lambda: self.votes(node), f"node {node.id} votes")
        assert incarnation(node) == before
        self.counted["moved"] += 1
        self.go_on()

    def votes(self, node):
        """Everybody knows this incarnation of the node as a voter that needs nothing."""
        views = self.cluster.views(self.cluster.alive())
        return len(views) == len(self.places) and all(
            not view.membership.nodes[node.id].returning and
            view.membership.nodes[node.id].incarnation == int(views[node.id].pairs["incarnation"], 16)
            for view in views.values())

    def go_on(self):
        self.registers.turn_page()
        self.load.wait_more(10)

    # ---- killed ----

    def come_back(self, node, place):
        """Of a node that ended on its way to `place`: it starts with its old lines, or is refused and starts with the
        new ones; the other storage is refused. Whether it had moved."""
        old = self.places[node.id]
        lines = len(node.log_lines(""))
        node.spawn(node.addr)
        wait_until(lambda: node.is_listening() or node.process.poll() is not None, f"node {node.id} listens or ends")
        if node.is_listening():
            refused_if_there(node, place)
            return False
        told = "\n".join(node.log_lines("")[lines:])
        assert node.wait() == CONFIG and "retired at index " in told and f"its node goes on in {place.noted()} " in told
        self.stands_on(node, place)
        node.restart()
        refused(node, old, f"its node goes on in {place.noted()}")
        return True

    def kill_once(self, number, took):
        """At a random moment of a move, which takes so long as a whole."""
        leader = await_leader(self.cluster, self.load)
        node = self.chance.choice([other for other in self.cluster.alive() if other is not leader])
        node = node if number % 2 else leader
        place = self.new_place(node.id, self.chance.choice(DURABLE))
        call = ask(node, BEGIN, place)
        if number % 4 < 2:
            time.sleep(self.chance.random() * took)
        else:
            wait_for_phase(node, call, self.chance.choice(PHASES))
            time.sleep(self.chance.random() * 0.02)
        node.kill()
        self.load.wait_more(self.chance.choice(AFTER))
        self.count("killed_after" if self.come_back(node, place) else "killed_before")
        wait_until(lambda: self.votes(node), f"node {node.id} votes")
        self.go_on()

    # ---- on a device that fails ----

    def fail_once(self, device, node, of_new):
        """The device of one side fails somewhere in a move. Whatever becomes of the move, the node goes on."""
        place = self.new_place(node.id, self.chance.choice(DURABLE), device.folder if of_new else None)
        if device.folder and not of_new:
            self.move(node, self.new_place(node.id, self.chance.choice(DURABLE), device.folder))
        side = place if of_new else self.places[node.id]
        device.fall(self.chance.randrange(FILLED * len(VALUE) if of_new else 20000), side.folder)
        call = ask(node, BEGIN, place)
        how = wait_until(lambda: what_became(node, call) or device.seconds() > device.lasts, "the move ends")
        device.heal()
        if how is True:
            how = wait_until(lambda: what_became(node, call), "the move ends once there is room")
        if how == "ended":
            how = "ended_after" if self.come_back(node, place) else "ended_before"
        elif how == "moved":
            self.stands_on(node, place)
        self.count(how)
        wait_until(lambda: self.votes(node), f"node {node.id} votes")
        self.go_on()

    def count(self, name):
        self.counted[name] = self.counted.get(name, 0) + 1

    # ---- the end ----

    def prove(self):
        """What was acknowledged is in the storages that the nodes stand on: the durable ones start once more."""
        nodes = [self.cluster[i] for i, place in self.places.items() if not place.forgets()]
        if len(nodes) == len(self.places):
            for node in nodes:
                node.kill()
            for node in nodes:
                node.restart()
        return dict(prove(self.cluster, self.load, self.registers), **self.counted)


# ---- stories ----


def pairs(cluster, seed, walk, leading):
    """One of three nodes goes this walk live: as leader, as follower, or (None) in turns."""
    with Moves(cluster, seed, plugins=(walk[0], WAL, WAL)) as moves:
        node = cluster[1]
        for number, plugin in enumerate(walk[1:]):
            moves.move(node, moves.new_place(1, plugin), number % 2 == 0 if leading is None else leading)
    return moves.prove()


def copies(cluster, seed, walk):
    """One of three nodes goes this walk by offline copy, each second time as the leader."""
    with Moves(cluster, seed, plugins=(walk[0], WAL, WAL)) as moves:
        for number, plugin in enumerate(walk[1:]):
            (moves.lead if number % 2 == 0 else moves.follow)(cluster[1])
            moves.copy(cluster[1], moves.new_place(1, plugin))
    return moves.prove()


def all_in_turn(cluster, seed, rounds=1):
    """All three nodes, live, one after another without pause."""
    with Moves(cluster, seed) as moves:
        for number in range(rounds * 3):
            node = cluster[number % 3 + 1]
            here = moves.places[node.id].plugin
            moves.move(node, moves.new_place(node.id, moves.chance.choice([to for to in DURABLE if to != here] or
                                                                          [here])))
    return moves.prove()


def killed(cluster, count, seed):
    """kill -9 at random moments of live moves."""
    with Moves(cluster, seed) as moves:
        took = moves.move(cluster[1], moves.new_place(1, DURABLE[-1]))
        for number in range(count):
            moves.kill_once(number, took)
    return moves.prove()


def failing(cluster, seed, device, count):
    """Devices that fail, of the new and of the old storage in turns, of the leader and of followers."""
    cluster.retried.add(grpc.StatusCode.INTERNAL)  # so says a node that ends because its device failed
    with Moves(cluster, seed) as moves:
        for number in range(count):
            leader = await_leader(cluster, moves.load)
            others = [node for node in cluster.alive() if node is not leader]
            node = leader if number % 4 < 2 else moves.chance.choice(others)
            moves.fail_once(device, node, number % 2 == 0)
    return moves.prove()
