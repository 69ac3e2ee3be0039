/* look.c: stat and verify. */
#include <host/storage/look.h>

#include <host/json.h>
#include <host/storage/spell.h>
#include <host/storage/walk.h>
#include <node/moved.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- stat ---- */

static const char *standing(const struct rkv_identity *identity) {
  if (identity->incarnation == RKV_INCARNATION_RETIRED) return "retired";
  if (identity->incarnation == RKV_INCARNATION_UNFINISHED) return "unfinished copy";
  return identity->incarnation == 0 ? "new" : "ready";
}

/* Its node's: a retired storage keeps the incarnation, an unfinished copy the cluster. */
static void text_identity(const struct rkv_identity *identity, FILE *out) {
  bool retired = identity->incarnation == RKV_INCARNATION_RETIRED;
  if (!retired)
    (void)fprintf(out, "cluster      %016" PRIx64 "%016" PRIx64 "%s\n", identity->cluster.high,
                  identity->cluster.low, identity->settled ? "" : " (not settled)");
  if (identity->incarnation != RKV_INCARNATION_UNFINISHED)
    (void)fprintf(out, "incarnation  %" PRIx64 "\n",
                  retired ? identity->cluster.high : identity->incarnation);
}

static void stat_text(const struct subject *s, const char *where, struct rkv_log_id last,
                      const char *moved_to, FILE *out) {
  const struct rkv_storage_state *state = &s->state;
  const struct rkv_snapshot_meta *snapshot = &state->snapshot;
  (void)fprintf(out, "storage      %s\n", where);
  (void)fprintf(out, "node         %" PRIu64 "\n", s->id);
  (void)fprintf(out, "state        %s%s%s\n", standing(&state->identity),
                moved_to[0] ? ", its node goes on in " : "", moved_to);
  text_identity(&state->identity, out);
  (void)fprintf(out, "vote         term %" PRIu64 ", node %" PRIu64 "%s\n", state->vote.term,
                state->vote.node_id, state->vote.committed ? ", which led" : "");
  (void)fprintf(out,
                "log          %" PRIu64 " entries, last %" PRIu64 " of term %" PRIu64
                ", purged up to %" PRIu64 "\n",
                last.index - state->purged.index, last.index, last.term, state->purged.index);
  if (!subject_has_snapshot(s))
    (void)fprintf(out, "snapshot     none\n");
  else if (snapshot->last.index == 0)
    (void)fprintf(out, "snapshot     %s, of the empty state, %" PRIu64 " bytes\n", snapshot->id,
                  snapshot->size);
  else
    (void)fprintf(out,
                  "snapshot     %s, up to %" PRIu64 " of term %" PRIu64 ", %" PRIu64 " bytes\n",
                  snapshot->id, snapshot->last.index, snapshot->last.term, snapshot->size);
}

static void json_id(FILE *out, const char *name, struct rkv_log_id id) {
  (void)fprintf(out, ", \"%s\": {\"term\": %" PRIu64 ", \"index\": %" PRIu64 "}", name, id.term,
                id.index);
}

/* Likewise. */
static void json_identity(const struct rkv_identity *identity, FILE *out) {
  bool retired = identity->incarnation == RKV_INCARNATION_RETIRED;
  char cluster[40], incarnation[24];
  (void)snprintf(cluster, sizeof cluster, "%016" PRIx64 "%016" PRIx64, identity->cluster.high,
                 identity->cluster.low);
  (void)snprintf(incarnation, sizeof incarnation, "%" PRIx64,
                 retired ? identity->cluster.high : identity->incarnation);
  host_json_pair(out, ", ", "cluster", retired ? NULL : cluster);
  (void)fprintf(out, ", \"settled\": %s", identity->settled ? "true" : "false");
  host_json_pair(out, ", ", "incarnation",
                 identity->incarnation == RKV_INCARNATION_UNFINISHED ? NULL : incarnation);
}

static void stat_json(const struct subject *s, struct rkv_log_id last, const char *moved_to,
                      FILE *out) {
  const struct rkv_storage_state *state = &s->state;
  host_json_pair(out, "{", "plugin", subject_name(s));
  (void)fprintf(out, ", \"node\": %" PRIu64, s->id);
  host_json_pair(out, ", ", "state", standing(&state->identity));
  host_json_pair(out, ", ", "moved_to", moved_to[0] ? moved_to : NULL);
  json_identity(&state->identity, out);
  (void)fprintf(out,
                ", \"vote\": {\"term\": %" PRIu64 ", \"node\": %" PRIu64 ", \"committed\": %s}",
                state->vote.term, state->vote.node_id, state->vote.committed ? "true" : "false");
  json_id(out, "purged", state->purged);
  json_id(out, "last", last);
  json_id(out, "snapshot", state->snapshot.last);
  host_json_pair(out, ", ", "snapshot_id", subject_has_snapshot(s) ? state->snapshot.id : NULL);
  (void)fprintf(out, ", \"snapshot_bytes\": %" PRIu64 "}\n", state->snapshot.size);
}

enum rkv_status look_stat(const struct subject *s, bool json, FILE *out, struct rkv_error *error) {
  char moved_to[MOVED_TO_MAX + 1], where[MOVED_TO_MAX + 1];
  struct rkv_log_id last;
  enum rkv_status status = moved_find_note(s->ops, s->storage, &s->state, &last, moved_to, error);
  if (status != RKV_OK) return subject_said(s, status, "read", error);
  if (s->state.identity.incarnation != RKV_INCARNATION_RETIRED) moved_to[0] = '\0';
  (void)spell_note(s, where, sizeof where);
  if (json)
    stat_json(s, last, moved_to, out);
  else
    stat_text(s, where, last, moved_to, out);
  return RKV_OK;
}

/* ---- verify ---- */

struct found {
  uint64_t entries, bytes;
  struct rkv_log_id before; /* the entry before the one at hand */
};

static enum rkv_status check_membership(const struct subject *s, struct rkv_buf bytes,
                                        const char *where, struct rkv_error *error) {
  struct rkv_membership *membership = malloc(sizeof *membership);
  enum rkv_status status;
  struct rkv_error why;
  if (!membership) return rkv_fail(error, RKV_NO_MEMORY, "out of memory");
  status = rkv_membership_decode(bytes.data, bytes.len, membership, &why);
  free(membership);
  if (status == RKV_OK) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s: %s: %.200s", subject_name(s), where, why.text);
}

static enum rkv_status verify_entry(const struct subject *s, const struct rkv_entry *e,
                                    struct found *found, struct rkv_error *error) {
  char where[48];
  (void)snprintf(where, sizeof where, "entry %" PRIu64, e->id.index);
  if (e->id.term < found->before.term)
    return rkv_fail(error, RKV_CORRUPT, "%s: %s is of term %" PRIu64 ", behind one of %" PRIu64,
                    subject_name(s), where, e->id.term, found->before.term);
  if (e->kind > RKV_ENTRY_MOVED ||
      (e->kind == RKV_ENTRY_MOVED && e->id.index != s->state.last.index))
    return rkv_fail(error, RKV_CORRUPT, "%s: %s is of kind %" PRIu32, subject_name(s), where,
                    e->kind);
  found->before = e->id;
  if (e->kind == RKV_ENTRY_MOVED) return RKV_OK; /* the note is none of the node's entries */
  found->entries++;
  found->bytes += e->payload.len;
  return e->kind == RKV_ENTRY_MEMBERSHIP ? check_membership(s, e->payload, where, error) : RKV_OK;
}

static enum rkv_status verify_log(const struct subject *s, struct found *found,
                                  struct progress *progress, struct rkv_error *error) {
  struct walk walk = {0};
  const struct rkv_entry *entry = NULL;
  enum rkv_status status = walk_begin(&walk, s, s->state.last.index, error);
  found->before = s->state.purged;
  progress_begin(progress, "reading the log", PROGRESS_ENTRIES,
                 s->state.last.index - s->state.purged.index);
  while (status == RKV_OK) {
    status = walk_entry(&walk, &entry, error);
    if (status != RKV_OK || !entry) break;
    status = verify_entry(s, entry, found, error);
    progress_add(progress, 1);
  }
  walk_end(&walk);
  if (status == RKV_OK && !rkv_log_id_equal(found->before, s->state.last))
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: the last entry is of term %" PRIu64 ", the storage says %" PRIu64,
                    subject_name(s), found->before.term, s->state.last.term);
  return status;
}

static enum rkv_status verify_snapshot(const struct subject *s, struct progress *progress,
                                       struct rkv_error *error) {
  struct snapshot_walk walk = {0};
  enum rkv_status status;
  if (s->state.purged.index > s->state.snapshot.last.index)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: entries are purged up to %" PRIu64 ", the snapshot ends at %" PRIu64,
                    subject_name(s), s->state.purged.index, s->state.snapshot.last.index);
  if (!subject_has_snapshot(s)) return RKV_OK;
  status = snapshot_walk_begin(&walk, s, error);
  if (status == RKV_OK && walk.meta.membership.len > 0)
    status = check_membership(s, walk.meta.membership, "the snapshot's membership", error);
  progress_begin(progress, "reading the snapshot", PROGRESS_BYTES, walk.meta.size);
  while (status == RKV_OK) {
    status = snapshot_walk_next(&walk, WALK_BYTES, error);
    if (status != RKV_OK || walk.chunk.len == 0) break;
    progress_add(progress, walk.chunk.len);
  }
  snapshot_walk_end(&walk);
  return status;
}

enum rkv_status look_verify(const struct subject *s, bool json, FILE *out,
                            struct progress *progress, struct rkv_error *error) {
  struct found found = {0};
  enum rkv_status status = verify_snapshot(s, progress, error);
  if (status == RKV_OK) status = verify_log(s, &found, progress, error);
  progress_end(progress);
  if (status != RKV_OK) return status;
  (void)fprintf(
      out,
      json ? "{\"entries\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"snapshot_bytes\": %" PRIu64 "}\n"
           : "ok: %" PRIu64 " entries of %" PRIu64 " bytes, a snapshot of %" PRIu64 " bytes\n",
      found.entries, found.bytes, s->state.snapshot.size);
  return RKV_OK;
}
