/* peer_harness.h: a loaded transport with one peer (id 2), calls to it that a test waits for, and
 * its log. */
#ifndef PEER_HARNESS_H
#define PEER_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "peer_fake.h"
#include "server_harness.h"

#define RIG_LOG_MAX 65536

struct rig {
  struct fake fake; /* first: host and plugin */
  void *peer;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  unsigned done;         /* calls that ended */
  char log[RIG_LOG_MAX]; /* INFO and worse, one line each */
  size_t log_len;
};

/* One call; its done must be called exactly once. */
struct asked {
  union {
    struct rkv_call call;
    struct rkv_append_call append;
    struct rkv_vote_call vote;
    struct rkv_snapshot_call snapshot;
    struct rkv_timeout_now_call timeout_now;
    struct rkv_read_index_call read_index;
    struct rkv_hello_call hello;
  };
  struct rig *rig;
  unsigned ended; /* times done was called */
  enum rkv_status status;
  struct rkv_error error;
};

void rig_start(struct rig *rig, const char *peer_addr);
/* Likewise with option texts changed (fake_open). */
void rig_start_with(struct rig *rig, const char *peer_addr, const char *const *set);
/* Closes the peer, unless that was done already, stops and closes the transport. Every call must
 * have ended. */
void rig_stop(struct rig *rig);

/* A log of `count` sets with values of `value` bytes, from `first` on, all of term 1. */
struct rkv_entry *make_entries(rkv_index first, size_t count, size_t value);
void free_entries(struct rkv_entry *entries, size_t count);

/* A call to be filled and sent. timeout_ms 0: none. */
void ask_prepare(struct rig *rig, struct asked *asked, unsigned timeout_ms);
/* Sends, does not wait. */
void ask_append(struct rig *rig, struct asked *asked, const struct rkv_entry *entries, size_t count,
                rkv_index prev, unsigned timeout_ms);
void ask_vote(struct rig *rig, struct asked *asked, unsigned timeout_ms);
typedef void snapshot_step(void *peer, struct rkv_snapshot_call *call);
void ask_step(struct rig *rig, struct asked *asked, snapshot_step *step, unsigned timeout_ms);
/* Waits for the call's end; returns how it ended. */
enum rkv_status await(struct asked *asked);
/* Likewise; the call must end with `status`. */
void await_end(struct asked *asked, enum rkv_status status);

/* Calls that have ended. */
unsigned ended(struct rig *rig);

/* True if a line of the log has `text` in it. */
bool logged(struct rig *rig, const char *text);
unsigned logged_times(struct rig *rig, const char *text);

#endif
