/* swap_work.h: what a swap of the storage does on the worker, one piece at a time: open, read,
 * copy, compare, close.
 *
 * (U1) The worker has the struct from swap_work_post until `busy` is false again; then the runner
 *      has it.
 * (U2) Handles stay open between two pieces: swap_work_open tells, and SWAP_RELEASE closes them. */
#ifndef NODE_SWAP_WORK_H
#define NODE_SWAP_WORK_H

#include <node/node.h>
#include <node/pair.h>

#include <stdatomic.h>

/* Reading, checking and storing a small entry takes as long as moving so many bytes. */
#define SWAP_ENTRY_COST 1024u

enum swap_task {
  SWAP_OPEN,             /* the host opens the new storage */
  SWAP_SNAPSHOT,         /* the next chunk of the newest snapshot, into the copy */
  SWAP_READ,             /* the next entries of the log */
  SWAP_COMPARE_SNAPSHOT, /* the next chunk of both */
  SWAP_COMPARE_LOG,      /* the next entries of both */
  SWAP_RELEASE,          /* closes the handles */
  SWAP_DROP,             /* the host closes the copy */
  SWAP_MOVED             /* the host closes the storage that was left */
};

struct swap_work {
  struct node_job job; /* first: what the executor knows */
  struct node *n;
  atomic_bool busy; /* (U1) */
  enum swap_task task;
  enum rkv_status status; /* how the piece ended */
  struct rkv_error error;
  struct node_swap_request request;
  const struct node_storage *opened; /* the copy; NULL: there is none */
  struct pair_side from, to;
  /* a snapshot */
  void *reader, *copy_reader, *writer;
  struct rkv_snapshot_meta meta;
  uint64_t offset;
  bool over; /* the snapshot was copied or compared as a whole, or there is none */
  /* the log: entries first .. last are wanted, `count` of them were read or compared */
  rkv_index first, last;
  struct rkv_entry *entries; /* SWAP_READ: the runner's, until swap_work_drop_entries */
  size_t count;
  uint64_t cost; /* of the piece: bytes that it moved, and SWAP_ENTRY_COST an entry */
};

/* False: no memory for the request. */
bool swap_work_init(struct swap_work *w, struct node *n, const struct rkv_swap_call *call);
/* Not while the worker has it. */
void swap_work_free(struct swap_work *w);
/* Hands the struct to the worker for one piece; the node is kicked at its end. */
void swap_work_post(struct swap_work *w, enum swap_task task);
bool swap_work_is_busy(struct swap_work *w);
bool swap_work_open(const struct swap_work *w); /* (U2) */
/* Drops the entries that SWAP_READ brought. */
void swap_work_drop_entries(struct swap_work *w);

#endif
