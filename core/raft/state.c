/* state.c: a raft's output list, and the names of roles and outputs (raft.h). */
#include <raft/state.h>

#include <stdlib.h>
#include <string.h>

const char *raft_role_name(enum raft_role role) {
  switch (role) {
#define NAME(name, text)                                                                           \
  case RAFT_##name: return text;
    RAFT_ROLE_LIST(NAME)
#undef NAME
  }
  return "unknown";
}

const char *raft_output_name(enum raft_output_type type) {
  switch (type) {
#define NAME(name, wait, text)                                                                     \
  case RAFT_OUT_##name: return #name;
    RAFT_OUTPUT_LIST(NAME)
#undef NAME
  }
  return "UNKNOWN";
}

bool raft_output_waits(enum raft_output_type type) {
  enum { NOW, SAVED };
  switch (type) {
#define WAITS(name, wait, text)                                                                    \
  case RAFT_OUT_##name: return wait == SAVED;
    RAFT_OUTPUT_LIST(WAITS)
#undef WAITS
  }
  return true;
}

/* ---- outputs ---- */

/* An output that answers a peer's request: each request has one, and it is never lost. */
static bool is_answer(enum raft_output_type type) {
  return type == RAFT_OUT_ANSWER_VOTE || type == RAFT_OUT_ANSWER_PRE_VOTE ||
         type == RAFT_OUT_ANSWER_APPEND;
}

struct raft_output *raft_push(struct raft *r, enum raft_output_type type) {
  struct raft_queue *q = &r->queue;
  struct raft_output *out;
  if (q->head == q->count) {
    q->head = 0;
    q->count = 0;
  }
  if (q->count == q->capacity) {
    size_t capacity = 2 * q->capacity;
    struct raft_output *list = realloc(q->list, capacity * sizeof *list);
    if (list) {
      q->list = list;
      q->capacity = capacity;
    } else {
      r->failed = true; /* nobody may rely on any output from now on */
      if (!is_answer(type)) return &r->nowhere;
      q->count--; /* the answer takes the place of the last one, which is not one */
    }
  }
  assert(q->count < q->capacity);
  out = &q->list[q->count++];
  memset(out, 0, sizeof *out);
  out->type = type;
  return out;
}

bool raft_take(struct raft *r, struct raft_output *out) {
  struct raft_queue *q = &r->queue;
  assert(q->head <= q->count);
  if (q->head == q->count) {
    q->head = 0;
    q->count = 0;
    return false;
  }
  *out = q->list[q->head++];
  return true;
}

bool raft_failed(const struct raft *r) {
  return r->failed;
}
