/* transport_laws.h: the laws of a transport (rkv/transport.h), by number. */
#ifndef CONTRACT_TRANSPORT_LAWS_H
#define CONTRACT_TRANSPORT_LAWS_H

#define TRANSPORT_LAWS(X)                                                                          \
  X(1, opens_and_closes, BASIC, 0, 10, "It opens with legal options and closes; nothing is left.") \
  X(2, starts_and_stops, BASIC, 0, 20,                                                             \
    "It starts, stops and closes, and its address is free again at once.")                         \
  X(3, address_taken, BASIC, 0, 20,                                                                \
    "An address in use is refused as RKV_ADDRESS, and its owner is not disturbed.")                \
  X(4, bad_addresses, BASIC, 0, 20, "What is not HOST:PORT is refused as RKV_INVALID.")            \
  X(5, serves_from_start, BASIC, 0, 30, "Before start nothing is handed in, after it peers are.")  \
  X(6, vote_arrives, BASIC, 0, 30, "A vote and a pre-vote arrive whole, and so do the answers.")   \
  X(7, append_arrives, BASIC, 0, 30, "An append arrives with every field and kind of entry.")      \
  X(8, append_answers, BASIC, 0, 30,                                                               \
    "Success with its promise, partial success, conflict and rejection arrive as answered.")       \
  X(9, snapshot_arrives, BASIC, 0, 30, "A snapshot arrives with its meta and every byte.")         \
  X(10, snapshot_answers, BASIC, 0, 30,                                                            \
    "`finished`, a greater vote and a refusal at any step reach the sender.")                      \
  X(11, questions_arrive, BASIC, 0, 30,                                                            \
    "Timeout-now, read-index and hello are answered, or UNIMPLEMENTED.")                           \
  X(12, refusals_arrive, BASIC, 0, 30,                                                             \
    "A call that the node refuses ends with an error and a text, and names the leader.")           \
  X(13, envelope_arrives, BASIC, 0, 30,                                                            \
    "Every request carries the cluster, node and incarnation of peer_open, and its sender; hello " \
    "since 1.2.")                                                                                  \
  X(14, answers_match, BASIC, 0, 60,                                                               \
    "With 1,000 calls in flight, answered in any order, each gets its own answer.")                \
  X(15, appends_in_order, BASIC, 0, 60,                                                            \
    "Appends with entries arrive at a peer in the order of the calls; one without may overtake.")  \
  X(16, kicks, BASIC, 0, 30,                                                                       \
    "Who handed in or answered kicks the node; calls may be answered before hand-in returns.")     \
  X(17, both_ways, BASIC, 0, 30, "Two nodes may ask each other at the same time.")                 \
  X(18, connections_are_apart, BASIC, 0, 30,                                                       \
    "Several connections to one peer may be open, and one may be closed.")                         \
  X(19, many_peers, BASIC, 0, 60, "A node talks with 16 peers.")                                   \
  X(20, large_entries, BASIC, 0, 60,                                                               \
    "Entries of 1 MiB, empty ones, and 300 at once arrive, however often the leader must go on.")  \
  X(21, oversized_is_split, BASIC, 0, 60,                                                          \
    "An append over the peer's raft_message_max is split: in order, one answer.")                  \
  X(22, nobody_there, BASIC, 0, 60,                                                                \
    "Calls to an address where nobody listens end by their deadline.")                             \
  X(23, hangs_up, BASIC, 0, 60, "Calls to a peer that hangs up end by their deadline.")            \
  X(24, silent, BASIC, 0, 60, "Calls to a peer that is silent end by their deadline.")             \
  X(25, slow_node, BASIC, 0, 60,                                                                   \
    "Calls that the peer's node does not answer end by their deadline, its late answers are "      \
    "lost.")                                                                                       \
  X(26, restarted_peer, BASIC, 0, 60, "A peer that was away is reached again.")                    \
  X(27, strangers, BASIC, 0, 60, "Whatever bytes come to its address, it goes on serving.")        \
  X(28, peer_close_cancels, BASIC, 0, 60,                                                          \
    "peer_close ends every call in flight once, as RKV_CANCELLED.")                                \
  X(29, stop_cancels, BASIC, 0, 60, "stop ends every outbound call once before it returns.")       \
  X(30, stop_waits, BASIC, 0, 60,                                                                  \
    "stop lets the node answer what was handed in, and awaits it after the grace.")                \
  X(31, hands_off, BASIC, 0, 60, "After done a call is never touched again.")                      \
  X(32, broken_snapshot, BASIC, 0, 60,                                                             \
    "A snapshot that is broken off ends as snapshot_abort at the receiver, once.")                 \
  X(33, idle_snapshots, BASIC, 0, 60,                                                              \
    "Snapshots of a sender that stand still do not keep out its next one.")                        \
  X(34, commands_arrive, BASIC, 0, 60,                                                             \
    "A client's command arrives whole, up to a value of 1 MiB, and so does its answer.")           \
  X(35, reads_arrive, BASIC, 0, 60,                                                                \
    "A client's query arrives whole, with the level of its read, and so does its answer.")         \
  X(36, changes_arrive, BASIC, 0, 60,                                                              \
    "Init and the four changes of members arrive with every field, and so do the answers.")        \
  X(37, operators_arrive, BASIC, 0, 60,                                                            \
    "Transfer, snapshot, metrics and an operator's call arrive with every field, both ways.")      \
  X(38, client_statuses, BASIC, 0, 60,                                                             \
    "A client learns what the node said and who leads; nothing sounds less done than it was.")     \
  X(39, client_answers_match, BASIC, 0, 60,                                                        \
    "With 400 calls of a client over two connections, answered in any order, each gets its own.")  \
  X(40, client_deadlines, BASIC, 0, 90,                                                            \
    "A client's call that is not answered ends by its deadline, and does not sound undone.")       \
  X(41, client_calls_are_given_up, BASIC, 0, 60,                                                   \
    "peer_close and stop end every call of a client once, as RKV_CANCELLED.")

#endif
