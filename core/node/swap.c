/* swap.c: the node moves to another storage while it serves. */
#include <node/swap.h>

#include <node/kernel/answer.h>
#include <node/kernel/fatal.h>
#include <node/kernel/gate.h>

#include <inttypes.h>

void swap_on_call(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  if (node_fatal_status(n, &error) == RKV_OK)
    (void)rkv_fail(&error, RKV_UNIMPLEMENTED, "node %" PRIu64 " cannot swap its storage",
                   n->plugins.host->node_id);
  gate_refuse(n, call, &error);
}
