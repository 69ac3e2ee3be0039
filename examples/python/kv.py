#!/usr/bin/python3
"""kv.py HOST:PORT,... set KEY VALUE | get KEY [local|lease|linearizable]: keys and values of sm-protobuf.

The messages: protoc -I PROTOS --python_out=. app_types.proto (PROTOS: protos/, installed share/raft-key-value/protos).
"""
import sys

from app_types_pb2 import GetRequest, Response, SetRequest
from ask import Refused, Unknown, ask


def main(endpoints, verb, key, word="local"):
    nodes = endpoints.split(",")
    if verb == "set":
        ask(nodes, "Set", SetRequest(key=key, value=word).SerializeToString())
        return 0
    answer = Response.FromString(ask(nodes, "Get", GetRequest(key=key).SerializeToString(), read=word))
    print(answer.value if answer.HasField("value") else "not found")
    return 0 if answer.HasField("value") else 4


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (Refused, Unknown) as failure:
        print(failure, file=sys.stderr)
        sys.exit(1 if isinstance(failure, Refused) else 3)
