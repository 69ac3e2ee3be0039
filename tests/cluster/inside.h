/* inside.h: several nodes in this process: the host's own assembly, plugins loaded from the build's
 * folder, the real transport over loopback, and a client that talks to them as any client does.
 *
 * Whatever cannot be done fails the test that asked for it. */
#ifndef CLUSTER_INSIDE_H
#define CLUSTER_INSIDE_H

#include <host/assembly.h>

#include <client.h>

#define INSIDE_NODES_MAX 3
#define INSIDE_WAIT_MS 20000u /* for whatever is waited for, also under a sanitizer */

struct inside_node {
  struct host_config *config; /* NULL: not started */
  struct host_assembly *assembly;
  struct client_channel *channel;
  int log_fd;
  char addr[RKV_ADDR_MAX];
};

struct inside {
  struct inside_node nodes[INSIDE_NODES_MAX + 1]; /* by id; [0] is nobody */
  struct client *client;
};

/* cmocka's set-up and tear-down of one test: *state is a struct inside. */
int inside_setup(void **state);
int inside_teardown(void **state);

/* Starts node `id` on a free port of loopback, with short timers and these `SECTION.KEY=VALUE`
 * beside them (NULL-terminated; NULL: none). */
void inside_start(struct inside *in, rkv_node_id id, const char *const *sets);

/* Lines of a node's log that hold every one of the texts (`other` may be NULL). */
size_t inside_log_lines(struct inside *in, rkv_node_id id, const char *text, const char *other);
/* The n-th of the lines with `text`, from 1; "" if there are fewer. Free it. */
char *inside_log_line(struct inside *in, rkv_node_id id, const char *text, size_t n);

/* Waits until `holds(in, arg)`, else fails with `what` and the nodes' logs. */
void inside_until(struct inside *in, const char *what, bool (*holds)(struct inside *in, void *arg),
                  void *arg);

#endif
