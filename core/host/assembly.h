/* assembly.h: one node with its three plugins, from open to close.
 *
 * (A1) The parts are opened in the order storage, state machine, node, transport, executor. They
 *      are closed so that none is called after its end: the storage may call completions of the
 *      node until it is closed, so the node goes last. The node may have moved to another storage
 *      meanwhile (swap.h).
 *
 * host_assembly_close may follow whatever open and start reached. */
#ifndef HOST_ASSEMBLY_H
#define HOST_ASSEMBLY_H

#include "services.h"
#include "settle.h"
#include "swap.h"

#include <node/kernel/executor.h>

struct host_assembly {
  const struct host_config *config;
  struct host_services services;
  const struct rkv_storage_ops *storage_ops;
  const struct rkv_state_machine_ops *sm_ops;
  const struct rkv_transport_ops *transport_ops;
  void *storage, *sm, *transport; /* NULL: not open */
  struct host_swap swap;          /* from when the storage is open; it closes it */
  struct node_executor *executor;
  struct node *node;
  bool executor_runs, transport_runs;
  /* What to say behind the error of an open that failed: which lines of the configuration to
   * change. "": nothing. */
  char remedy[SETTLE_REMEDY_MAX];
};

/* Opens everything; nothing runs yet. The log is written to `log_fd`. `notify` is called once, from
 * any thread, when the node has to stop for a reason of its own; it must not block. The assembly is
 * all zero before, and stays at its address until host_assembly_close. Errors: the plugin's, with
 * its name before the text. */
enum rkv_status host_assembly_open(struct host_assembly *a, const struct host_config *config,
                                   int log_fd, void (*notify)(void *arg), void *arg,
                                   struct rkv_error *error);

/* The node serves when it returns RKV_OK. */
enum rkv_status host_assembly_start(struct host_assembly *a, struct rkv_error *error);

/* Ends service: every call that still waits is answered. Blocks at most `grace_ns` + 1 s. */
void host_assembly_stop(struct host_assembly *a, uint64_t grace_ns);

void host_assembly_close(struct host_assembly *a);

#endif
