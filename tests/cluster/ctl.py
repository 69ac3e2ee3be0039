"""rkvctl as a script calls it."""
import json
import os
import pty
import subprocess

from nodes import BUILD
from pace import SLOW

PATIENCE = 60
TIMEOUT = ("--timeout", "30s") if SLOW else ()  # of a call, where a test names none


class Answer:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def text(self):
        return self.out.decode() + self.err.decode()

    def json(self):
        return json.loads(self.out)


def rkvctl(*words, at=None, stdin=b"", **options):
    """`at`: a node or nodes, the endpoints."""
    nodes = at if isinstance(at, (list, tuple)) else [at] if at else []
    whom = ["--endpoints", ",".join(getattr(node, "addr", node) for node in nodes)] if nodes else []
    timeout = () if "--timeout" in words else TIMEOUT
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return Answer(subprocess.run([BUILD / "rkvctl", *whom, *timeout, *map(str, words)], input=stdin, timeout=PATIENCE,
                                 check=False, **streams))


def on_terminal(*words, at):
    """What a terminal is given."""
    ours, theirs = pty.openpty()
    answer = rkvctl(*words, at=at, stdout=theirs)
    os.close(theirs)
    shown = os.read(ours, 65536)
    os.close(ours)
    return answer.code, shown
