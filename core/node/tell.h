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
  bool told;               /* the role was told before, as `view` */
  struct raft_view view;   /* which was told */
  uint64_t until_ns;       /* end of the time that `lines` is for */
  uint64_t lines, dropped; /* of DEBUG, in this time */
};

/* One line when role, term or known leader changed. */
void tell_role(struct node *n);

/* This node asks `out->peer`; it answers a candidate; a peer answered it. */
void tell_vote_wanted(struct node *n, const struct raft_output *out);
void tell_vote_answer(struct node *n, const struct rkv_vote_call *call, bool pre);
void tell_vote_got(struct node *n, rkv_node_id peer, bool pre, const struct rkv_vote_call *call);

/* An append that this node did not take, with the reason; one that a peer did not take. */
void tell_append_answer(struct node *n, const struct rkv_append_call *call);
void tell_append_refused(struct node *n, const struct rkv_append_call *call, const char *why);
void tell_append_got(struct node *n, rkv_node_id peer, const struct rkv_append_call *call);

/* A call to the peer ended: a line when it answers for the first time or again, or does not any
 * more. */
void tell_peer(struct node *n, rkv_node_id peer, enum rkv_status status);

#endif
