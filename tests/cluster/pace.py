"""How fast the nodes of a test live: heartbeat, shortest and longest election timeout."""
import os

SLOW = os.environ.get("RKV_SLOW") == "1"  # a sanitizer's build
# all in ms
TIMERS = (200, 1000, 2000) if SLOW else (50, 150, 300)
ELECTION = TIMERS[2] / 1000
CALM = (100, 500, 1000)  # where a machine that halts for a moment must not be taken for a leader that is gone
DEFAULT = (500, 1500, 3000)  # the product's own


def timers_of(heartbeat, shortest, longest):
    return {"node.heartbeat_interval": f"{heartbeat}ms", "node.election_timeout_min": f"{shortest}ms",
            "node.election_timeout_max": f"{longest}ms"}


FAST = timers_of(*TIMERS)
