"""Ports of this machine that nobody listens on, and that the kernel gives to no connection by itself."""
import os
import random
import socket

FIRST, LAST = 10000, 32000  # below the kernel's own range: a node that is dead for a while finds its port again
WORKERS = 4  # of scripts/test.sh, each with a part of the range
PART = (LAST - FIRST) // WORKERS


def free_port():
    first = FIRST + int(os.environ.get("RKV_WORKER") or 0) % WORKERS * PART
    while True:
        port = random.randrange(first, first + PART)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
