"""soak.py STORY: the stories of trouble in long form, by real processes; prints what happened. See soak.sh --help."""
import argparse
import pathlib
import shutil
import sys
import tempfile
import time

import churn
import elections
import emptied
import kills
import partitions
import places
import swaps
from links import Links
from nodes import Cluster
from pace import CALM, DEFAULT, TIMERS, timers_of

SLICE = 100  # troubles of one cluster; then it is checked, and a new one is made
PACES = {"fast": TIMERS, "calm": CALM, "default": DEFAULT}


class Soak:
    def __init__(self, options):
        self.options, self.seed, self.failures = options, options.seed, 0

    def within(self, story, links=False):
        """Runs one story on a cluster of its own; its folder stays if it fails."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="rkv-soak-", dir=self.options.dir))
        net = Links() if links else None
        cluster = Cluster(folder, net)
        try:
            result = story(cluster)
            cluster.discard()
        except BaseException:
            print(f"FAILED with seed {self.seed}: logs and data stay in {folder}", flush=True)
            cluster.abandon()
            raise
        finally:
            if net:
                net.close()
        shutil.rmtree(folder)
        return result

    def slices(self, story, links=False):
        """`count` troubles, in slices with a seed each."""
        done, sums, began = 0, {}, time.monotonic()
        while done < self.options.count:
            size = min(SLICE, self.options.count - done)
            result = self.within(lambda cluster: story(cluster, size, self.seed), links)
            done, self.seed = done + size, self.seed + 1
            for name, value in result.items():
                sums[name] = max(value, sums.get(name, 0)) if name == "pause_ms" else sums.get(name, 0) + value
            words = " ".join(f"{name}={value}" for name, value in sums.items())
            print(f"{self.options.story}: {done} done, seconds={time.monotonic() - began:.0f} {words}", flush=True)

    # ---- the stories ----

    def kills(self):
        self.slices(kills.kills)

    def outages(self):
        self.slices(kills.outages)

    def partitions(self):
        nodes, durable = self.options.nodes, self.options.durable
        self.slices(lambda *args: partitions.partitions(*args, nodes=nodes, durable=durable), links=True)

    def restarts(self):
        self.slices(lambda cluster, count, seed: churn.restart_in_turn(cluster, count))

    def replacements(self):
        self.slices(lambda cluster, count, seed: churn.replace_in_turn(cluster, count, self.options.durable))

    def swaps(self):
        """All pairs, all three nodes in turn, then `count` kills."""
        four = places.every_pair((*places.DURABLE, places.MEM))
        stories = {"live, as leader": lambda cluster: swaps.pairs(cluster, self.seed, four, True),
                   "live, as follower": lambda cluster: swaps.pairs(cluster, self.seed, four, False),
                   "by copy": lambda cluster: swaps.copies(cluster, self.seed, places.every_pair(places.DURABLE)),
                   "all three in turn": lambda cluster: swaps.all_in_turn(cluster, self.seed, 5)}
        for name, story in stories.items():
            counted = self.within(story)
            print(f"swaps: {name}: " + " ".join(f"{word}={value}" for word, value in counted.items()), flush=True)
        self.slices(swaps.killed)

    def emptied(self):
        """Where the wait was too short and the node said so, the next cluster goes on."""
        timers, well, told = timers_of(*PACES[self.options.pace]), 0, 0
        while well + told < self.options.count:
            left = min(SLICE, self.options.count - well - told)
            ended = self.within(lambda cluster: emptied.empty_two(cluster, left, self.seed, timers))
            well, told, self.seed = well + ended["well"], told + ended["told"], self.seed + 1
            print(f"emptied: {well} ended with a leader and all data, {told} with a node that said what is lost",
                  flush=True)

    def elections(self):
        timers = PACES[self.options.pace]
        if self.options.durable:
            times = self.within(lambda cluster: elections.leaders_killed(cluster, self.options.count, timers))
        else:
            times = [self.within(lambda cluster: elections.leader_killed_once(cluster, timers))
                     for _ in range(self.options.count)]
        print("ms from kill -9 of the leader to the next acknowledged write:")
        for at in range(0, len(times), 10):
            print(" ".join(f"{took * timers[2]:6.0f}" for took in times[at:at + 10]))
        late = sum(took > elections.REPLACED_WITHIN for took in times)
        print(f"elections: {len(times) - late} of {len(times)} within {elections.REPLACED_WITHIN * timers[2]:.0f} ms "
              f"(least {min(times) * timers[2]:.0f}, most {max(times) * timers[2]:.0f})")
        self.failures += late

    def returns(self):
        count, timers, nodes = self.options.count, PACES[self.options.pace], self.options.nodes
        results, kinds = self.within(lambda cluster: elections.returns(cluster, count, timers, nodes), links=True), {}
        for kind, before, after in results:
            quiet, all_of = kinds.get(kind, (0, 0))
            kinds[kind] = quiet + (before == after), all_of + 1
        for number, (kind, before, after) in enumerate(results):
            if before != after:
                print(f"return {number}, {kind}: leader and term were {before}, are {after}")
        for kind, (quiet, all_of) in sorted(kinds.items()):
            print(f"{kind:28} back without an election: {quiet} of {all_of}")
        quiet = sum(before == after for _, before, after in results)
        print(f"returns: {quiet} of {len(results)} without an election")
        self.failures += len(results) - quiet


STORIES = ("kills", "outages", "partitions", "elections", "returns", "restarts", "replacements", "swaps")


def main():
    parser = argparse.ArgumentParser(prog="soak.sh", description="soak.sh --help tells the stories")
    parser.add_argument("story", choices=STORIES)
    parser.add_argument("--count", type=int, default=100, help="troubles, or rounds over all nodes (100)")
    parser.add_argument("--seed", type=int, default=1, help="the first slice's; each %d troubles take the next" % SLICE)
    parser.add_argument("--nodes", type=int, default=5, help="of partitions and returns (5)")
    parser.add_argument("--durable", action="store_true", help="storage-wal where it is not given by the story")
    parser.add_argument("--pace", choices=PACES, default="fast", help="election timeouts of elections, returns and "
                        "emptied: 150-300 ms (fast), 500-1000, or the product's own of 1500-3000")
    parser.add_argument("--dir", default="/dev/shm", help="data and logs (/dev/shm)")
    options = parser.parse_args()
    soak = Soak(options)
    getattr(soak, options.story)()
    return 1 if soak.failures else 0


sys.exit(main())
