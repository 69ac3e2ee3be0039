/* meaning.c: what the numbers of a node mean. */
#include <node/meaning.h>

#include <node/kernel/state.h>

#include <assert.h>
#include <string.h>

/* X(name, what it is): what a client sees of struct rkv_metrics_call, then what metrics.c
 * writes. */
#define MEANING_LIST(X)                                                                            \
  X(state, "what the node is: learner, follower, candidate, leader; removed: no member any more")  \
  X(term, "the newest term that it knows")                                                         \
  X(leader, "id of the node that leads, as far as it knows")                                       \
  X(vote, "term / id of whom it voted for / committed once that node was elected")                 \
  X(last_log, "index of the last entry of its log")                                                \
  X(last_applied, "term.index of the last entry that its state machine applied")                   \
  X(committed, "term.index of the last entry that it knows to be committed")                       \
  X(snapshot, "term.index of the last entry in its newest snapshot")                               \
  X(purged, "term.index of the last entry that is dropped from its log")                           \
  X(id, "its id")                                                                                  \
  X(peers, "members that it has a connection for")                                                 \
  X(proposals, "commands that it took as leader, since it started")                                \
  X(applied_entries, "entries that it applied, since it started")                                  \
  X(in_flight, "clients' calls that wait now")                                                     \
  X(hot_tail_bytes, "bytes of the newest entries that it keeps in memory")                         \
  X(snapshots_built, "snapshots that it built, since it started")                                  \
  X(snapshots_sent, "snapshots that it sent to others, since it started")                          \
  X(snapshots_installed, "snapshots that it took from a leader, since it started")                 \
  X(bad_peer_calls, "requests of peers that made no sense")                                        \
  X(foreign_calls, "requests meant for another node or of another cluster")                        \
  X(losses, "times that it saw a member without entries which that one had acknowledged")          \
  X(addr_differs, "1 if its members know it by another address than it serves on")                 \
  X(not_durable, "1 if it has peers and a storage that forgets")                                   \
  X(waits_for, "id of the voter that it waits for before it stops; 0: none")                       \
  X(lost_storage, "1 if it came back without its storage and cannot vote yet")                     \
  X(id_clashes, "times that another node spoke under its id")                                      \
  X(odd_memberships, "memberships in its log with addresses that cannot be right")                 \
  X(states_compared, "times that it compared its state's digest with the leader's")                \
  X(states_differed, "times that they differed: the state machines went apart")                    \
  X(equal_at, "index of the last entry after which they were equal")                               \
  X(differs_at, "index after which this node's state is known to differ; 0: it is not")            \
  X(peers_differ, "leader: members whose state differs from its own, each with the index")         \
  X(cluster, "id of its cluster, hex digits")                                                      \
  X(incarnation, "which one under its id it is, hex digits: another one with an empty storage")    \
  X(swap, "while it moves to another storage: how far that is, see rkvctl swap-storage")           \
  X(swap_done, "likewise, bytes or entries that are copied")                                       \
  X(swap_total, "likewise, of so many")

size_t meaning_lines(const struct node *n, char *out, size_t size) {
#define MEANING_LINE(name, help) #name "=" help "\n"
  static const char own[] = MEANING_LIST(MEANING_LINE);
#undef MEANING_LINE
  size_t used = sizeof own - 1;
  assert(size > used);
  memcpy(out, own, sizeof own);
  if (n->plugins.metrics_help)
    used += n->plugins.metrics_help(n->plugins.metrics_ctx, out + used, size - used);
  return used;
}
