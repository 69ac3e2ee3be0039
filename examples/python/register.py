#!/usr/bin/python3
"""register.py HOST:PORT,... write FILE | read: a state machine of one's own (here the skeleton, sm-register).

The bytes of a command are the message of Set, those of a query the message of Get: there is nothing around them.
"""
import pathlib
import sys

from ask import ask


def main(endpoints, verb, file=None):
    nodes = endpoints.split(",")
    if verb == "write":
        before = ask(nodes, "Set", pathlib.Path(file).read_bytes())  # what apply gave as the entry's result
        sys.stdout.buffer.write(b"before: %d bytes\n" % len(before))
    else:
        sys.stdout.buffer.write(ask(nodes, "Get", b"", read="linearizable"))


if __name__ == "__main__":
    main(*sys.argv[1:])
