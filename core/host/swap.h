/* swap.h: the storages that a running node goes to (node_storages, node/node.h).
 *
 * (M1) At most two storages are open: the one that the node stands on, and one beside it.
 *
 * A directory that is not empty is refused before a plugin sees it, whatever is in it: nothing that
 * was there is ever removed. What open's storage left is removed by drop, or by open if it fails;
 * not when the process ends in the middle, for the copy may be the node's by then.
 *
 * What came over the wire is no path of a plugin and no name of an environment variable, but for
 * secrets; the report that [storage] asks for (require_contract) is asked for here, too.
 *
 * node_storages is called on the worker; everything else while no worker runs, if nothing is said
 * of it. */
#ifndef HOST_SWAP_H
#define HOST_SWAP_H

#include <host/storage/footprint.h>
#include <host/storage/subject.h>

#include <node/moved.h>

#include <pthread.h>

/* Storages opened for moves in one process: their settings stay in memory (rkv_value). */
enum { HOST_SWAP_OPENED_MAX = 500 };

/* A storage that is open. */
struct host_seat {
  const struct rkv_storage_ops *ops;
  void *storage; /* NULL: none is */
  struct host_user *user;
  const struct host_part *part;
  struct subject *subject; /* NULL: it was opened by the configuration */
  struct footprint footprint;
  bool shown;                           /* the plugin has seen the subject's settings */
  char label[HOST_PLUGIN_NAME_MAX + 8]; /* the user's name while the node does not stand on it */
  char place[MOVED_TO_MAX + 1], lines[2 * MOVED_TO_MAX];
  uint64_t token; /* moved.h */
  struct node_storage given;
};

struct host_swap {
  struct node_storages storages; /* for the node; ctx is this struct */
  const struct host_config *config;
  struct host_services *services;
  struct host_seat seats[2];
  pthread_mutex_t lock;    /* of `now` where others than the worker read it */
  unsigned now;            /* of the seats, the one that the node stands on */
  unsigned opened;         /* storages, whether they were taken or not */
  struct host_texts texts; /* of those that are closed (rkv_value) */
};

/* The node stands on the storage of the configuration, which is open; *swap stays at its address
 * until host_swap_end. */
void host_swap_init(struct host_swap *swap, const struct host_config *config,
                    struct host_services *services, void *storage);

/* Any thread, until host_swap_end. The lines of section [storage] that name the storage to which
 * the node moved since it started. False: it stands on that of the configuration. */
bool host_swap_moved(struct host_swap *swap, char lines[2 * MOVED_TO_MAX]);

/* Closes what is open. The node has ended. */
void host_swap_end(struct host_swap *swap);

#endif
