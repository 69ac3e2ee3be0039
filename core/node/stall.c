/* stall.c: a storage that takes no writes: its device is full, file descriptors lack, or it is far
 * too slow. The node cannot tell which: the storage's own lines do.
 *
 * Saves that were begun go on waiting. But a node that cannot save hands leadership over if another
 * node can lead; as long as it leads nevertheless, it refuses proposals instead of gathering them.
 * Calls of peers that wait for a save are refused at once, not once there is room. Reads are not
 * affected. */
#include <node/stall.h>

#include <node/kernel/defer.h>
#include <node/kernel/post.h>
#include <node/kernel/state.h>

#include <inttypes.h>

#define WHY "no room, no file descriptor, or too slow: the log of that node says which"

static void set_stalled(struct node *n, bool stalled) {
  if (n->stall.now == stalled) return;
  n->stall.now = stalled;
  if (stalled)
    rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
            "the storage takes no writes waiting=%" PRIu64
            ": this node refuses them and does not lead, if "
            "another one can",
            (n->save.issued - n->save.done));
  else
    rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG, "the storage takes writes again");
}

static void watch_saves(struct node *n) {
  struct rkv_error ignored; /* no peer can lead, or another transfer runs: tried again */
  if (n->save.done == n->save.issued || n->save.done != n->stall.done) {
    n->stall.done = n->save.done;
    n->stall.ns = n->save.done == n->save.issued ? 0 : n->now_ns + NODE_STALL_NS;
    set_stalled(n, false);
    return;
  }
  if (n->stall.ns == 0) n->stall.ns = n->now_ns + NODE_STALL_NS;
  if (n->now_ns < n->stall.ns) return;
  n->stall.ns = n->now_ns + NODE_STALL_NS;
  set_stalled(n, true);
  if (!raft_leads(n->raft)) return;
  (void)raft_transfer(n->raft, node_now(n), 0, &n->stall.now, &ignored);
}

void stall_run(struct node *n) {
  struct rkv_error error;
  watch_saves(n);
  if (!n->stall.now) return;
  (void)rkv_fail(&error, RKV_ABORTED,
                 "the storage of node %" PRIu64 " takes no writes (" WHY "): nothing is promised",
                 n->plugins.host->node_id);
  defer_fail(n, &error);
}

bool stall_refuses(struct node *n, struct rkv_error *error) {
  if (!n->stall.now || !raft_leads(n->raft)) return false;
  (void)rkv_fail(error, RKV_UNAVAILABLE,
                 "the storage of node %" PRIu64 " takes no writes (" WHY "): nothing was written",
                 n->plugins.host->node_id);
  return true;
}
