/* moved.c: marks a storage and its copy, and refuses to start on what is marked. */
#include <node/moved.h>

#include <node/kernel/outcome.h>

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static bool is_nodes_own(const struct rkv_identity *identity) {
  return identity->incarnation < RKV_INCARNATION_UNFINISHED;
}

/* FNV-1a of the text, and of the token as one more word. */
static uint64_t number_of(const char *to, uint64_t token) {
  const uint64_t prime = UINT64_C(0x100000001b3);
  uint64_t number = UINT64_C(0xcbf29ce484222325);
  for (; *to; to++) number = (number ^ (uint8_t)*to) * prime;
  return (number ^ token) * prime;
}

struct rkv_identity moved_retired(const struct rkv_identity *node, const char *to, uint64_t token) {
  struct rkv_identity retired = *node;
  assert(is_nodes_own(node)); /* (H1) */
  retired.cluster.high = node->incarnation;
  retired.cluster.low = number_of(to, token); /* (H2) */
  retired.incarnation = RKV_INCARNATION_RETIRED;
  return retired;
}

struct rkv_identity moved_unfinished(const struct rkv_identity *node) {
  struct rkv_identity unfinished = *node;
  assert(is_nodes_own(node)); /* (H1) */
  unfinished.incarnation = RKV_INCARNATION_UNFINISHED;
  return unfinished;
}

struct rkv_identity moved_finished(const struct rkv_identity *retired,
                                   const struct rkv_identity *unfinished) {
  struct rkv_identity node = *unfinished;
  assert(retired->incarnation == RKV_INCARNATION_RETIRED &&
         unfinished->incarnation == RKV_INCARNATION_UNFINISHED); /* (H1) */
  node.incarnation = retired->cluster.high;
  return node;
}

bool moved_is_for(const struct rkv_identity *retired, const char *to, uint64_t token) {
  assert(retired->incarnation == RKV_INCARNATION_RETIRED);
  return retired->cluster.low == number_of(to, token);
}

struct rkv_entry moved_note(const struct rkv_storage_state *state, const char *to) {
  struct rkv_entry note = {.id = {state->last.term, state->last.index + 1},
                           .kind = RKV_ENTRY_MOVED,
                           .payload = {.data = (const uint8_t *)to, .len = strlen(to)}};
  assert(note.payload.len <= MOVED_TO_MAX);
  return note;
}

static void take_text(struct rkv_buf payload, char to[MOVED_TO_MAX + 1]) {
  size_t len = payload.len < MOVED_TO_MAX ? payload.len : MOVED_TO_MAX;
  if (len > 0) memcpy(to, payload.data, len);
  to[len] = '\0';
}

enum rkv_status moved_find_note(const struct rkv_storage_ops *ops, void *storage,
                                const struct rkv_storage_state *state, struct rkv_log_id *last,
                                char to[MOVED_TO_MAX + 1], struct rkv_error *error) {
  rkv_index index = state->last.index;
  struct rkv_entry entry;
  size_t count = 0;
  enum rkv_status status;
  *last = state->last;
  to[0] = '\0';
  if (index <= state->purged.index) return RKV_OK;
  status = outcome_of(ops->read(storage, index, index, 0, &entry, 1, &count, outcome_clear(error)),
                      "the storage's read", error);
  if (status != RKV_OK || count == 0) return status;
  if (entry.kind == RKV_ENTRY_MOVED) {
    take_text(entry.payload, to);
    last->index--;
    if (last->index == 0) last->term = 0;
  }
  rkv_buf_drop(&entry.payload);
  return RKV_OK;
}

enum rkv_status moved_forget_note(const struct rkv_storage_ops *ops, void *storage,
                                  struct rkv_storage_state *state, struct rkv_error *error) {
  char to[MOVED_TO_MAX + 1];
  struct rkv_log_id last;
  enum rkv_status status;
  assert(is_nodes_own(&state->identity));
  status = moved_find_note(ops, storage, state, &last, to, error);
  if (status != RKV_OK || rkv_log_id_equal(last, state->last)) return status;
  ops->truncate(storage, last.index);
  state->last = last;
  return RKV_OK;
}

enum rkv_status moved_check(const struct rkv_storage_ops *ops, void *storage,
                            const struct rkv_storage_state *state, struct rkv_error *error) {
  char to[MOVED_TO_MAX + 1];
  struct rkv_log_id last;
  enum rkv_status status;
  if (state->identity.incarnation == RKV_INCARNATION_UNFINISHED)
    return rkv_fail(error, RKV_FOREIGN,
                    "an unfinished copy of another storage (start the node on that one: either it "
                    "serves there, and this copy is to be removed, or it finishes this copy and "
                    "says so; a `storage copy` that was ended is to be given again)");
  if (state->identity.incarnation != RKV_INCARNATION_RETIRED) return RKV_OK;
  status = moved_find_note(ops, storage, state, &last, to, error);
  if (status != RKV_OK) return status;
  return rkv_fail(error, RKV_FOREIGN,
                  "retired at index %" PRIu64 ", its node goes on in %s (name that one in the "
                  "section [storage])",
                  last.index, to[0] ? to : "the storage that it was copied to");
}

/* The copy was made while the node ran, and may have got further since: what it must have is the
 * vote, for an older one would be given twice. Its last entry may be a smaller one: a leader may
 * have taken back what was not committed. */
static bool has_the_vote(const struct rkv_storage_state *copy,
                         const struct rkv_storage_state *retired) {
  return rkv_vote_accepts(retired->vote, copy->vote);
}

enum rkv_status moved_settle(const struct rkv_storage_state *retired,
                             const struct rkv_storage_state *copy, const char *to, uint64_t token,
                             enum moved_left *left, struct rkv_identity *finished,
                             struct rkv_error *error) {
  const uint64_t incarnation = retired->identity.cluster.high;
  const bool unfinished = copy->identity.incarnation == RKV_INCARNATION_UNFINISHED;
  const bool went_on = copy->identity.incarnation == RKV_INCARNATION_RETIRED &&
                       copy->identity.cluster.high == incarnation;
  assert(retired->identity.incarnation == RKV_INCARNATION_RETIRED);
  *left = MOVED_LEFT_NOTHING;
  if (!moved_is_for(&retired->identity, to, token))
    return rkv_fail(error, RKV_FOREIGN,
                    "the storage at hand was retired for another one than is there");
  if (!unfinished && !went_on && copy->identity.incarnation != incarnation)
    return rkv_fail(error, RKV_FOREIGN, "%s there",
                    copy->identity.incarnation == 0 ? "an empty storage stands"
                                                    : "the storage of another life of the node is");
  if (!has_the_vote(copy, retired))
    return rkv_fail(error, RKV_CORRUPT,
                    "its vote is of term %" PRIu64
                    ", the one that was left behind of term %" PRIu64,
                    copy->vote.term, retired->vote.term);
  if (!unfinished) return RKV_OK;
  *left = MOVED_LEFT_FINISH;
  *finished = moved_finished(&retired->identity, &copy->identity);
  return RKV_OK;
}

bool moved_is_same_meta(const struct rkv_snapshot_meta *a, const struct rkv_snapshot_meta *b) {
  return rkv_log_id_equal(a->last, b->last) && a->size == b->size &&
         rkv_log_id_equal(a->membership_id, b->membership_id) &&
         rkv_buf_equal(a->membership, b->membership) && strncmp(a->id, b->id, sizeof a->id) == 0;
}

bool moved_is_same_entry(const struct rkv_entry *a, const struct rkv_entry *b) {
  return rkv_log_id_equal(a->id, b->id) && a->kind == b->kind &&
         rkv_buf_equal(a->payload, b->payload);
}
