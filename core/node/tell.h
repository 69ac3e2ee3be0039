/* tell.h: what the log says of elections and of the peers: roles at INFO; votes, rejections and
 * connections at DEBUG.
 *
 * Raft does not log: this is read from its inputs and outputs.
 * (E1) At most NODE_TELL_LINES lines of DEBUG in NODE_TELL_NS; how many more there were is said in
 *      the next. */
#ifndef NODE_TELL_H
#define NODE_TELL_H

#include <raft/raft.h>
#include <raft/view.h>

struct node;

struct telling {
  bool logged; /* `view` holds what was logged last */
  struct raft_view view;
  uint64_t until_ns;       /* end of the time that `lines` is for */
  uint64_t lines, dropped; /* of DEBUG, in this time */
};

/* One line when role, term or known leader changed. */
void tell_role(struct node *n);

/* This node asks `out->peer` for its vote. */
void tell_vote_wanted(struct node *n, const struct raft_output *out);
/* This node answers a candidate. */
void tell_vote_answer(struct node *n, const struct rkv_vote_call *call, bool pre);
/* The peer answered this node. */
void tell_vote_got(struct node *n, rkv_node_id peer, bool pre, const struct rkv_vote_call *call);

/* This node answers an append: a line if it did not take it. */
void tell_append_answer(struct node *n, const struct rkv_append_call *call);
/* This node refuses an append that makes no sense. */
void tell_append_refused(struct node *n, const struct rkv_append_call *call, const char *why);
/* The peer answered an append: a line if the peer did not take it. */
void tell_append_got(struct node *n, rkv_node_id peer, const struct rkv_append_call *call);

/* A call to the peer ended: a line when the peer answers for the first time, no longer, or
 * again. */
void tell_peer(struct node *n, rkv_node_id peer, enum rkv_status status);

#endif
