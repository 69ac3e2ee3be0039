/* server_harness.h: a host and a node that a test controls, around one loaded transport-grpc.
 *
 * The fake node only collects the calls that it is handed; kick answers all of them, unless the
 * test parked them. So a transport that does not kick gets no answers. */
#ifndef SERVER_HARNESS_H
#define SERVER_HARNESS_H

#include <pthread.h>
#include <rkv/rkv.h>
#include <stdatomic.h>

#define FAKE_BYTES_MAX 65536
#define PATIENCE_MS 10000 /* a condition that takes longer has failed */

/* The calls that the fake node was handed last, and how many. */
struct fake_seen {
  unsigned vote, append, propose, query, init, learner, change, metrics;
  unsigned begin, write, finish, abort, kick;
  unsigned pre_vote, timeout_now, read_index, transfer, snapshot_now, hello;
  uint8_t bytes[FAKE_BYTES_MAX]; /* command, query, or all chunks one after the other */
  size_t len;
  size_t write_max; /* longest chunk */
  uint32_t read;
  uint64_t deadline_ns;
  bool enveloped; /* the last request of a peer had an envelope: ... */
  struct rkv_envelope envelope;
  struct rkv_sender sender; /* its sender; zeros: not told */
  struct rkv_vote vote_in;
  struct rkv_log_id last, prev, commit;
  bool handed_over, retain;
  rkv_node_id target;
  size_t entries;
  struct rkv_entry entry; /* the last one; payload NONE */
  struct rkv_membership membership;
  struct rkv_member learner_in;
  struct rkv_config_set voters;
  struct rkv_snapshot_meta meta; /* membership NONE */
};

struct fake {
  struct rkv_host host;
  struct rkv_node_api api;
  struct rkv_option const *options;
  char addr[64];
  /* under mutex */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  struct rkv_call *first, *last; /* collected, not answered */
  bool parked;
  bool held, waits; /* the thread that kicks is to wait; it waits */
  struct fake_seen seen;
  char log[512]; /* the last line of WARN or worse */
  unsigned fatals;
  struct rkv_metric metrics[32];
  size_t metric_count;
  /* how the node answers; to be set while no call is under way */
  enum rkv_status status;
  struct rkv_error error;
  struct rkv_buf result;
  bool granted, finished;
  uint32_t append_result;
  bool echo;               /* an append is stored as a whole: `matched` is its last id ... */
  rkv_index conflict_from; /* ... unless its prev has at least this index; 0: off */
  struct rkv_log_id id, matched;
  struct rkv_log_id newest; /* what hello answers, and whether that membership names the asker */
  bool names;
  uint64_t lease_ns;
  struct rkv_vote vote;
  struct rkv_buf membership, text;
  size_t chunk_max;
  /* the plugin */
  void *library;
  const struct rkv_plugin *plugin;
  const struct rkv_transport_ops *ops;
  void *instance;
};

/* server_node.c: fills f->api. */
void fake_node_make(struct fake *f);
/* Before fake_serve: the table that fake_node_make makes; struct_size 0: a whole one. */
void fake_node_table(void (*swap_storage)(void *ctx, struct rkv_swap_call *call),
                     uint32_t struct_size);

/* Loads the plugin and makes the host on a free port; nothing is opened. */
void fake_make(struct fake *f);
/* Opens with other option texts: "name=number" pairs up to a NULL. */
enum rkv_status fake_open(struct fake *f, const char *const *set, struct rkv_error *error);
/* fake_make + open + start. */
void fake_serve(struct fake *f, const char *const *set);
void fake_stop(struct fake *f, uint64_t grace_ns);
void fake_free(struct fake *f);

/* Parks calls from now on; release answers them on this thread and ends the parking. */
void fake_park(struct fake *f);
void fake_release(struct fake *f);
/* Likewise, but answers the last call first. */
void fake_release_reversed(struct fake *f);
/* Holds the transport's own thread until go: it then finds at once everything that has happened
 * meanwhile. */
void fake_hold(struct fake *f);
void fake_go(struct fake *f);
/* A copy of what the fake node has seen. */
struct fake_seen fake_look(struct fake *f);
/* Waits until *counter of `seen` is at least n; fails the test after PATIENCE_MS. */
void fake_await(struct fake *f, const unsigned *counter, unsigned n);
/* The value of one of the plugin's metrics. */
uint64_t fake_metric(struct fake *f, const char *name);

/* A counter that is raised before anything is sent, and read by the fake node: so ThreadSanitizer,
 * which does not follow a socket, sees that what the test wrote before is visible to the node. */
extern atomic_uint client_asked;

uint64_t now_ns(void);
/* "0a03..." to bytes; returns their count. */
size_t from_hex(const char *hex, uint8_t *out);

#endif
