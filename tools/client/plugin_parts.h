/* plugin_parts.h: a client over a plugin and one call of it; for the plugin_*.c files only.
 *
 * (W1) One thread uses the client (C1 of client.h); the plugin's threads only put ended calls into
 *      `ended`, under the lock.
 * (W2) A channel's peer is closed once no call of it is with the plugin. */
#ifndef CLIENT_PLUGIN_PARTS_H
#define CLIENT_PLUGIN_PARTS_H

#include "plugin_way.h"
#include "way.h"

#include <host/section.h>

#include <grpc/slice.h>
#include <rkv/rkv.h>

#include <pthread.h>

struct plugin_call;

struct plugin_channel {
  struct client_channel head; /* first */
  struct plugin_channel *next, *previous;
  void *peer;
  size_t calls; /* with the plugin, or ended and not worked yet */
  bool left;    /* client_disconnect was called */
  bool reached; /* a node answered */
};

struct plugin_client {
  struct client head; /* first */
  struct client_way way;
  struct host_plugin plugin;
  struct host_settings settings; /* the plugin's, which it borrows */
  struct rkv_value values[HOST_OPTIONS_MAX];
  struct rkv_config config;
  struct rkv_host host;
  struct rkv_node_api node;
  char addr[RKV_ADDR_MAX];
  void *it;
  struct plugin_channel *channels;
  size_t live; /* calls of the user */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct plugin_call *ended, **ended_end; /* under lock */
};

/* How a request becomes a call, and a call's answer a message; plugin_rows.c. */
struct plugin_row {
  const char *path, *operation;
  bool (*is_carried)(const struct rkv_transport_ops *ops);
  enum rkv_status (*read)(struct plugin_call *c, struct rkv_buf message, struct client_pair pair,
                          struct rkv_error *error);
  void (*send)(const struct rkv_transport_ops *ops, void *peer, struct plugin_call *c);
  enum rkv_status (*answer)(struct plugin_call *c, grpc_slice *out, struct rkv_error *error);
};
/* NULL: no row has this path. */
const struct plugin_row *plugin_row_find(const char *path);

struct plugin_call {
  union {
    struct rkv_call call; /* common head of all */
    struct rkv_propose_call propose;
    struct rkv_query_call query;
    struct rkv_init_call init;
    struct rkv_membership_call membership;
    struct rkv_transfer_call transfer;
    struct rkv_snapshot_now_call snapshot_now;
    struct rkv_metrics_call metrics;
    struct rkv_admin_call admin;
    struct rkv_hello_call hello;
  } as; /* first */
  struct plugin_channel *channel;
  const struct plugin_row *row; /* NULL: a hello of client_wait_ready */
  struct plugin_call *next;
  client_done done;
  void *ctx;
  enum rkv_status status;
  struct rkv_error error;
  struct rkv_swap_call swap; /* what travels as an operator's call */
  struct rkv_membership members;
  void *space;       /* what fields point to; freed with the call */
  uint8_t request[]; /* the message, which fields may point into */
};

/* plugin_load.c: loads the plugin, reads its settings, opens and starts it. Errors as
 * plugin_way_open. */
enum rkv_status plugin_load(struct plugin_client *p, const struct plugin_way_wish *wish,
                            struct rkv_error *error);

/* plugin_host.c: fills what the plugin is offered: a host, and a node that refuses everything. */
void plugin_host_make(struct plugin_client *p);

#endif
