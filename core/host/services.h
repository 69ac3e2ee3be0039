/* services.h: what the host offers to the node and to each of its plugins: one struct rkv_host
 * each.
 *
 * Each user has a struct of its own, so that metrics and the reason of a fatal stop carry the
 * plugin's name. A fatal report that comes before the node exists is kept, and handed to the node
 * by host_services_bind.
 *
 * (V1) on_fatal is called with the lock held: once host_services_unbind has returned, it is not
 *      running and will not run. At host_services_end there is no on_fatal any more. */
#ifndef HOST_SERVICES_H
#define HOST_SERVICES_H

#include "config.h"
#include "metrics.h"

#include <node/node.h>

#include <stdatomic.h>

struct host_services;

/* The first fatal report. */
struct host_fatal {
  enum rkv_status status; /* RKV_OK: none */
  char text[RKV_ERROR_TEXT_MAX];
};

#define HOST_USER_LABEL_MAX 64 /* "copy." and a plugin's name */

/* One user's services. */
struct host_user {
  struct rkv_host host; /* host.ctx is this struct */
  struct host_services *services;
  const char *name; /* the plugin's, "node" for the node itself */
  bool opening;     /* metric_register and open_under are allowed */
  /* What a stacked plugin may open (host_services_stack); NULL: nothing, or it has opened it. */
  const struct host_part *stack;
  /* The user that it is opened for; NULL: this user is under another one. */
  struct host_user *under;
  struct host_user *above;         /* the user that this one is under; NULL: it is not */
  char label[HOST_USER_LABEL_MAX]; /* of a user under another one: its name */
  /* The node does not stand on this user (yet): its first fatal report is kept here, and is none
   * of the node's. Under the services' lock. */
  bool apart;
  bool left; /* the node has left this user: its reports are only logged. Under the same lock. */
  struct host_fatal fatal;
};

struct host_services {
  int log_fd;
  atomic_uint_fast64_t log_dropped; /* lines for which the log had no room */
  atomic_uint_fast64_t log_told;    /* dropped lines that the log has reported */
  struct host_metrics metrics;
  struct host_user node;
  struct host_user parts[HOST_PART_COUNT];
  struct host_user beside; /* a second storage, while the node moves to it */
  struct host_user under[HOST_PART_COUNT], under_beside; /* of those */
  pthread_mutex_t lock;                                  /* guards what follows */
  struct host_fatal fatal;                               /* of any user that is not apart */
  void (*on_fatal)(void *arg, enum rkv_status status, const char *text);
  void (*on_apart)(void *arg, enum rkv_status status, const char *text);
  void *on_fatal_arg;
};

/* What all users of one node are told about the node. */
struct host_identity {
  rkv_node_id id;
  const char *addr; /* borrowed as long as the services */
  enum rkv_log_level log_level;
};

/* Fills *services, which must stay at its address until host_services_end. `names` are the
 * plugins'. */
void host_services_init(struct host_services *services, const struct host_identity *identity,
                        const char *const names[HOST_PART_COUNT], int log_fd);

/* From now on the user's open_under opens the plugin of `under` (NULL: there is none, and it
 * refuses). Before each open of the user's plugin. */
void host_services_stack(struct host_user *user, const struct host_part *under);

/* Drops the metrics of the user, and of the one under it: none is read while or after it closes. */
void host_services_drop_metrics(struct host_user *user);

/* The user is apart from now on, under this name, which is borrowed. Before its plugin opens. */
void host_services_part(struct host_user *user, const char *name);
/* The node stands on the user from now on: its metrics have that name, and its fatal report
 * counts, also one that it made before. */
void host_services_take(struct host_user *user, const char *name);

/* The node stands on the user no more: its fatal reports are only logged from now on. */
void host_services_leave(struct host_user *user);

/* Sets the level for all users. Any thread. */
void host_services_set_log_level(struct host_services *services, enum rkv_log_level level);

/* From now on a fatal report calls `on_fatal`, on any thread; it must neither block nor report
 * itself. A report that came before is handed on at once. */
void host_services_bind(struct host_services *services,
                        void (*on_fatal)(void *arg, enum rkv_status status, const char *text),
                        void *arg);
/* Likewise for the first report of a user that is apart, if it comes from now on; `on_apart` may
 * report itself. Such a user's plugin is closed before host_services_unbind. */
void host_services_bind_apart(struct host_services *services,
                              void (*on_apart)(void *arg, enum rkv_status status,
                                               const char *text));
/* Whether a user that is apart made a report: *error. */
bool host_services_reported(struct host_user *user, struct rkv_error *error);

void host_services_unbind(struct host_services *services);

/* How many lines were dropped because the log had no room; ctx is the struct host_services. Any
 * thread. */
uint64_t host_services_lines_dropped(void *ctx);

/* Frees what the services hold. No plugin and no node may use them any more. */
void host_services_end(struct host_services *services);

#endif
