/* disk_found.c: what storage-wal has opened, held against what it promised and was asked for.
 *
 * (K3) What was promised is there, or the storage refuses to open.
 * (K4) It refuses nothing that was not damaged, and accepts nothing that was.
 * (K5) What is there beyond the promise is what the calls since, up to some moment, come to. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "disk_internal.h"
#include "sim.h"

enum { READ_ENTRIES = 64, READ_BYTES = 1024 * 1024 };

/* ---- reading ---- */

static enum rkv_status read_entries(struct disk *d, struct disk_state *found, rkv_index last,
                                    struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  while (status == RKV_OK && found->last.index < last) {
    struct rkv_entry entries[READ_ENTRIES];
    size_t count = 0;
    status = wal_ops.read(d->inner, found->last.index + 1, last, READ_BYTES, entries, READ_ENTRIES,
                          &count, error);
    if (status == RKV_OK && count == 0)
      status = rkv_fail(error, RKV_BROKEN, "no entry %" PRIu64, found->last.index + 1);
    for (size_t i = 0; i < count; i++) {
      state_append(found, &entries[i]);
      rkv_buf_drop(&entries[i].payload);
    }
  }
  return status;
}

/* The log is checked when it is opened: what cannot be read then fails the seed. */
static void read_log(struct disk *d, struct disk_state *found) {
  struct rkv_storage_state state = {0};
  struct rkv_error error = {0};
  enum rkv_status status = wal_ops.load(d->inner, &state, &error);
  found->vote = state.vote;
  found->identity = state.identity;
  found->purged = found->last = state.purged;
  found->meta = state.snapshot;
  if (status == RKV_OK) status = read_entries(d, found, state.last.index, &error);
  if (status != RKV_OK)
    sim_fail(sim_of(d->world), "node %" PRIu64 ": its disk opened and cannot be read: %s", d->id,
             error.text);
  else if (!rkv_log_id_equal(found->last, state.last))
    sim_fail(sim_of(d->world), "node %" PRIu64 ": its disk's last entry is another", d->id);
}

/* ---- (K3), (K5) ---- */

static bool same_entry(const struct rkv_entry *a, const struct rkv_entry *b) {
  return rkv_log_id_equal(a->id, b->id) && a->kind == b->kind &&
         rkv_buf_equal(a->payload, b->payload);
}

static bool same_identity(const struct rkv_identity *a, const struct rkv_identity *b) {
  return rkv_cluster_id_equal(a->cluster, b->cluster) && a->incarnation == b->incarnation &&
         a->settled == b->settled;
}

/* A later call cut off what this call appended: the log that is held now need not have it. */
static bool was_cut(const struct disk_op *op) {
  for (const struct disk_op *later = op->next; later; later = later->next)
    if (later->last.index < op->last.index) return true;
  return false;
}

/* All that is found is what the model has there, as far as that goes. */
static bool same_entries(const struct disk *d, const struct disk_state *found) {
  for (size_t i = 0; i < found->count; i++) {
    const struct rkv_entry *is = &found->entries[i], *was = state_find(&d->state, is->id.index);
    if (was && !same_entry(is, was)) return false;
  }
  return true;
}

/* What is found is what this call came to, or a part of it. */
static bool is_at(const struct disk *d, const struct disk_state *found, const struct disk_op *op) {
  rkv_index last = found->last.index;
  if (rkv_vote_compare(found->vote, op->vote) != RKV_EQUAL ||
      !same_identity(&found->identity, &op->identity))
    return false;
  if (last != op->last.index && (last <= op->first || last > op->last.index)) return false;
  if (last == op->last.index && found->last.term != op->last.term) return false;
  return was_cut(op) || same_entries(d, found);
}

static bool is_somewhere(const struct disk *d, const struct disk_state *found) {
  struct disk_op base = d->synced;
  base.next = d->first;
  base.first = base.last.index;
  for (const struct disk_op *op = &base; op; op = op->next)
    if (is_at(d, found, op)) return true;
  return false;
}

static bool somebody_appended(const struct disk *d, const struct disk_state *found) {
  for (size_t i = 0; i < found->count; i++) {
    const struct rkv_entry *e = &found->entries[i];
    if (e->kind == RKV_ENTRY_MOVED) continue; /* the last one, where the node left this disk */
    if (e->id.term > 0 && check_appended_hash(sim_of(d->world), e->id) != check_hash(e))
      return false;
  }
  return true;
}

/* (K3), the log: NULL if all is there. */
static const char *missing_entry(const struct disk *d, const struct disk_state *found) {
  rkv_index from =
      found->purged.index > d->state.purged.index ? found->purged.index : d->state.purged.index;
  for (rkv_index i = from + 1; i <= d->synced.promises; i++) {
    const struct rkv_entry *was = state_find(&d->state, i), *is = state_find(found, i);
    if (was && (!is || !same_entry(was, is))) return "an entry is gone";
  }
  return NULL;
}

/* It was given this incarnation since, as when the node leaves it. */
static bool was_asked(const struct disk *d, uint64_t incarnation) {
  const struct disk_op *op = d->first;
  while (op && op->identity.incarnation != incarnation) op = op->next;
  return op != NULL;
}

static const char *missing(const struct disk *d, const struct disk_state *found) {
  const struct disk_op *p = &d->synced;
  enum rkv_order order = rkv_vote_compare(found->vote, p->vote);
  if (order == RKV_LESS || order == RKV_INCOMPARABLE) return "the vote is gone";
  if (p->identity.incarnation != 0 && found->identity.incarnation != p->identity.incarnation &&
      !was_asked(d, found->identity.incarnation))
    return "the incarnation is another one";
  if (p->identity.settled && !found->identity.settled) return "the cluster id is gone";
  if (found->meta.last.index < d->state.meta.last.index) return "the snapshot is gone";
  if (found->purged.index > found->meta.last.index) return "purged above the snapshot";
  return missing_entry(d, found);
}

static bool is_snapshot(const struct disk_state *found, const struct rkv_snapshot_meta *meta,
                        struct rkv_buf content) {
  return rkv_log_id_equal(found->meta.last, meta->last) &&
         memcmp(found->meta.id, meta->id, sizeof meta->id) == 0 && found->meta.size == meta->size &&
         rkv_buf_equal(found->content, content);
}

static const char *added(const struct disk *d, const struct disk_state *found) {
  if (!is_snapshot(found, &d->state.meta, d->state.content) &&
      !is_snapshot(found, &d->attempt.meta, d->attempt.content))
    return "a snapshot that nobody wrote";
  if (found->purged.index > d->state.purged.index) return "purged what nobody purged";
  if (!somebody_appended(d, found)) return "an entry that nobody appended";
  if (!is_somewhere(d, found)) return "what no calls up to any moment come to";
  return NULL;
}

static void judge(struct disk *d, const struct disk_state *found) {
  struct sim *s = sim_of(d->world);
  if (disk_is_damaged(d)) {
    sim_fail(s, "node %" PRIu64 ": its damaged disk opened", d->id);
    return;
  }
  const char *what = missing(d, found);
  if (what) sim_fail(s, "node %" PRIu64 ": its disk lost what was durable: %s", d->id, what);
  what = added(d, found);
  if (what) sim_fail(s, "node %" PRIu64 ": its disk holds %s", d->id, what);
}

static void take(struct disk *d, const struct disk_state *found) {
  state_free(&d->state);
  d->state = *found;
  disk_forget_ops(d);
  disk_attempt_free(&d->attempt);
  d->synced = (struct disk_op){.vote = found->vote,
                               .identity = found->identity,
                               .last = found->last,
                               .promises = found->last.index};
}

/* A snapshot's bytes are checked when they are read: here, as by somebody who verifies a disk
 * before each start. */
enum rkv_status disk_look(struct disk *d, struct rkv_error *error) {
  bool (*alloc_fails)(struct world * w) = d->world->alloc_fails;
  struct disk_state found = {0};
  d->world->alloc_fails = NULL;
  device_look(d->device, true);
  read_log(d, &found);
  enum rkv_status status = disk_read_snapshot(d->inner, &found.content, error);
  device_look(d->device, false);
  d->world->alloc_fails = alloc_fails;
  if (status == RKV_OK) {
    judge(d, &found);
    take(d, &found);
  } else {
    state_free(&found);
  }
  return status;
}
