/* transport_client_back.c: the answers to a client's calls, as they came back. */
#include <inttypes.h>
#include <stdio.h>

#include "transport_client.h"

static void given_same(struct contract *c, struct rkv_buf is, struct rkv_buf must,
                       const char *what) {
  CONTRACT_REQUIRE(c, rkv_buf_equal(is, must), "%s of %zu bytes came back as %zu bytes, or others",
                   what, must.len, is.len);
}

static void metrics_same(struct contract *c, const struct rkv_metrics_call *is,
                         const struct rkv_metrics_call *must) {
  CONTRACT_REQUIRE(c, is->leader == must->leader, "the leader %" PRIu64 " came back as %" PRIu64,
                   must->leader, is->leader);
  CONTRACT_REQUIRE(c, is->state && strcmp(is->state, must->state) == 0,
                   "the state %s came back as %s", must->state, is->state ? is->state : "none");
  vote_same(c, is->vote, must->vote, "the vote of the metrics");
  id_same(c, is->last, must->last, "`last` of the metrics");
  id_same(c, is->committed, must->committed, "`committed` of the metrics");
  id_same(c, is->applied, must->applied, "`applied` of the metrics");
  id_same(c, is->snapshot, must->snapshot, "`snapshot` of the metrics");
  id_same(c, is->purged, must->purged, "`purged` of the metrics");
  given_same(c, is->membership, must->membership, "the membership of the metrics");
  given_same(c, is->text, must->text, "the text of the metrics");
}

void client_answer_drop(enum call_kind kind, union any_call *call) {
  switch (kind) {
  case CALL_PROPOSE: rkv_buf_drop(&call->propose.result); break;
  case CALL_QUERY: rkv_buf_drop(&call->query.response); break;
  case CALL_ADD_LEARNER:
  case CALL_CHANGE_MEMBERSHIP:
  case CALL_REMOVE:
  case CALL_SET_ADDRESS: rkv_buf_drop(&call->membership.membership); break;
  case CALL_METRICS:
    rkv_buf_drop(&call->metrics.membership);
    rkv_buf_drop(&call->metrics.text);
    break;
  case CALL_ADMIN: rkv_buf_drop(&call->admin.answer); break;
  default: break;
  }
}

void client_answer_same(struct contract *c, enum call_kind kind, union any_call *is,
                        const union any_call *must) {
  switch (kind) {
  case CALL_PROPOSE:
    if (is->propose.id.index != 0 || is->propose.id.term != 0)
      id_same(c, is->propose.id, must->propose.id, "the id of a command");
    given_same(c, is->propose.result, must->propose.result, "the answer to a command");
    break;
  case CALL_QUERY:
    given_same(c, is->query.response, must->query.response, "the answer to a query");
    break;
  case CALL_ADD_LEARNER:
  case CALL_CHANGE_MEMBERSHIP:
  case CALL_REMOVE:
  case CALL_SET_ADDRESS:
    id_same(c, is->membership.id, must->membership.id, "the id of a change");
    given_same(c, is->membership.membership, must->membership.membership, "a membership");
    break;
  case CALL_SNAPSHOT_NOW:
    id_same(c, is->snapshot_now.last, must->snapshot_now.last, "`last` of a snapshot");
    break;
  case CALL_METRICS: metrics_same(c, &is->metrics, &must->metrics); break;
  case CALL_ADMIN:
    given_same(c, is->admin.answer, must->admin.answer, "the answer to an operator");
    break;
  default: break;
  }
  client_answer_drop(kind, is);
}

void client_skip_without(struct contract *c, const enum call_kind *kinds, size_t count) {
  const struct side s = {.c = c, .ops = c->plugin->ops};
  for (size_t i = 0; i < count; i++)
    if (ask_carries(&s, kinds[i])) return;
  contract_skip(c, "by its table: it carries no %s to a peer (operation send_%s, since ABI 1.5)",
                call_names[kinds[0]], call_names[kinds[0]]);
}
