"""ask.py: one question to a raft-key-value cluster, from node to node, to the leader (docs/clients.md)."""
import time

import grpc

SECONDS = 10  # for all of it
READ_SECONDS = 2  # for one node that is asked to read: another can answer as well
NOT_DONE = ("x-openraft-leader-endpoint", "rkv-refused")  # with UNAVAILABLE or CANCELLED: the node did nothing
OPEN = {grpc.StatusCode[name] for name in ("UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "INTERNAL",
                                           "UNKNOWN", "DATA_LOSS")}  # a write may have happened all the same
OPTIONS = [("grpc.enable_retries", 0), ("grpc.max_receive_message_length", -1)]


class Refused(Exception):
    """A node said no: nothing was done."""


class Unknown(Exception):
    """No answer; a write may or may not have happened."""


def ask(nodes, method, request, read=None):
    """Bytes to AppService/`method`, bytes back. `read`: a level, and the question may be asked twice."""
    end, turn, leader, why = time.monotonic() + SECONDS, 0, None, "no node answers"
    while (left := end - time.monotonic()) > 0:
        node, leader, turn = leader or nodes[turn % len(nodes)], None, turn + 1
        with grpc.insecure_channel(node, options=OPTIONS) as channel:
            try:
                grpc.channel_ready_future(channel).result(timeout=min(left, 1))
                call = channel.unary_unary(f"/openraftpb.AppService/{method}")
                return call(request, timeout=min(left, READ_SECONDS) if read else left,
                            metadata=(("rkv-read", read),) if read else None)
            except grpc.FutureTimeoutError:  # no connection: nothing was sent
                continue
            except grpc.RpcError as error:
                told, code, why = dict(error.trailing_metadata() or ()), error.code(), f"{node}: {error.details()}"
        leader = told.get("x-openraft-leader-endpoint")
        nothing_done = code is grpc.StatusCode.RESOURCE_EXHAUSTED or any(key in told for key in NOT_DONE)
        if not nothing_done and code not in OPEN:
            raise Refused(f"{why} ({code.name})")
        if not nothing_done and not read:
            raise Unknown(f"{why} ({code.name}): the write may have happened, look before you repeat it")
        if not leader:
            time.sleep(0.1)  # an election, a full queue
    raise Refused(why)
