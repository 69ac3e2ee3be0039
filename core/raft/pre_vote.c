/* pre_vote.c: asking before campaigning, so that a node that was cut off disturbs nobody
 * (dissertation 9.6). */
#include <raft/raft_internal.h>

void raft_on_pre_vote_request(struct raft *r, struct raft_now now, struct rkv_vote vote,
                              struct rkv_log_id last, void *cookie) {
  struct raft_output *out = raft_push(r, RAFT_OUT_ANSWER_PRE_VOTE);
  (void)now;
  (void)vote;
  (void)last;
  out->cookie = cookie;
  out->vote = r->vote;
  out->id = r->log.last;
}

void raft_on_pre_vote_answer(struct raft *r, struct raft_now now, rkv_node_id from,
                             struct rkv_vote asked, bool unknown, bool granted,
                             struct rkv_vote vote, struct rkv_log_id last) {
  (void)r;
  (void)now;
  (void)from;
  (void)asked;
  (void)unknown;
  (void)granted;
  (void)vote;
  (void)last;
}
