/* ledger.c: makes notes and holds them against what is found. */
#include "ledger.h"

#include "active_log.h"

#include <assert.h>
#include <inttypes.h>

void ledger_init(struct ledger *l, const struct log *log) {
  l->log = log;
  (void)pthread_mutex_init(&l->lock, NULL);
}

void ledger_free(struct ledger *l) {
  (void)pthread_mutex_destroy(&l->lock);
}

enum rkv_status ledger_open(struct ledger *l, struct rkv_error *error) {
  return owner_take(&l->owner, l->log, error);
}

/* ---- what is found ---- */

/* The last change in the note's log files. */
static uint64_t sequence_of(const struct tail *tail, const struct owner_note *note) {
  uint64_t sequence = 0;
  for (size_t i = 0; i < tail->count; i++) {
    const struct tail_file *file = &tail->files[i];
    if (file->number >= note->first && file->number <= note->last && file->sequence > sequence)
      sequence = file->sequence;
  }
  return sequence;
}

static bool is_there(const struct tail *tail, uint64_t number) {
  for (size_t i = 0; i < tail->count; i++)
    if (tail->files[i].number == number) return true;
  return false;
}

static enum rkv_status check_note(const struct ledger *l, const struct tail *tail,
                                  const struct owner_note *note, struct rkv_error *error) {
  if (sequence_of(tail, note) >= note->sequence) return RKV_OK;
  if (!is_there(tail, note->last))
    return rkv_fail(error, RKV_CORRUPT,
                    "%s/%06" PRIu64 ".log is missing: it held change %" PRIu64
                    ", which was acknowledged",
                    l->log->folder.path, note->last, note->sequence);
  return rkv_fail(error, RKV_CORRUPT,
                  "%s/%06" PRIu64 ".log does not hold change %" PRIu64 ", which was acknowledged",
                  l->log->folder.path, note->last, note->sequence);
}

enum rkv_status ledger_check(const struct ledger *l, const struct db *db, const struct tail *tail,
                             struct rkv_error *error) {
  uint64_t needed, held = db_sequence(db), sequence = 0;
  enum rkv_status status = db_first_log(db, &needed, error);
  for (size_t i = 0; i < l->owner.count && status == RKV_OK; i++) {
    const struct owner_note *note = &l->owner.notes[i];
    if (note->first >= needed) status = check_note(l, tail, note, error);
    if (note->sequence > sequence) sequence = note->sequence;
  }
  if (status != RKV_OK || held >= sequence) return status;
  return rkv_fail(error, RKV_CORRUPT,
                  "%s: RocksDB holds changes up to %" PRIu64 ", and %" PRIu64
                  " were acknowledged: its manifest is an older one",
                  l->log->folder.path, held, sequence);
}

/* ---- notes ---- */

/* Drops the notes about files that are not needed any more, and one of several files, one of which
 * is `exact`: it needs none besides that file's own. */
static void drop_notes(struct owner *owner, uint64_t needed, uint64_t exact) {
  size_t kept = 0;
  for (size_t i = 0; i < owner->count; i++) {
    const struct owner_note *note = &owner->notes[i];
    if (note->last < needed || (note->first < note->last && note->last <= exact)) continue;
    owner->notes[kept++] = *note;
  }
  owner->count = kept;
  assert(kept == 0 || owner->notes[kept - 1].last >= needed); /* (N2) */
}

static enum rkv_status add_note(struct ledger *l, struct owner_note note, struct rkv_error *error) {
  struct owner *owner = &l->owner;
  if (owner->count == OWNER_NOTES_MAX)
    return rkv_fail(error, RKV_IO, "%s: RocksDB needs more than %d log files", l->log->folder.path,
                    OWNER_NOTES_MAX);
  owner->notes[owner->count++] = note;
  return RKV_OK;
}

/* Under the lock. */
static enum rkv_status ledger_look(struct ledger *l, const struct db *db, struct rkv_error *error) {
  uint64_t active = active_log(db->rocks);
  enum rkv_status status = RKV_OK;
  if (active == 0) status = folder_check_place(&l->log->folder, error);
  if (status != RKV_OK) return status;
  if (active == 0)
    return rkv_fail(error, RKV_IO, "%s: RocksDB does not tell which log file it writes to",
                    l->log->folder.path);
  l->active = active;
  return RKV_OK;
}

enum rkv_status ledger_begin(struct ledger *l, const struct db *db, const struct tail *tail,
                             struct rkv_error *error) {
  bool changed = l->owner.state != CLAIM_MADE || l->owner.count > 0;
  uint64_t needed;
  enum rkv_status status = db_first_log(db, &needed, error);
  l->owner.state = CLAIM_MADE;
  l->owner.count = 0;
  for (size_t i = 0; i < tail->count && status == RKV_OK; i++) {
    const struct tail_file *file = &tail->files[i];
    if (file->number < needed || file->sequence == 0) continue;
    status = add_note(l, (struct owner_note){file->number, file->number, file->sequence}, error);
    changed = true;
  }
  if (status == RKV_OK) status = ledger_look(l, db, error);
  return status == RKV_OK && changed ? owner_write(&l->owner, error) : status;
}

/* The note about this file alone. */
static struct owner_note *note_of(struct owner *owner, uint64_t file) {
  for (size_t i = owner->count; i > 0; i--)
    if (owner->notes[i - 1].first == file && owner->notes[i - 1].last == file)
      return &owner->notes[i - 1];
  return NULL;
}

/* A note names the present log file and a change up to `sequence`. */
static bool is_noted(const struct ledger *l, uint64_t sequence) {
  for (size_t i = l->owner.count; i > 0; i--) {
    const struct owner_note *note = &l->owner.notes[i - 1];
    if (note->last == l->active && note->sequence >= sequence) return true;
  }
  return false;
}

/* A change was written, into a log file from `before` to the present one: which of them is only
 * known if they are the same. Under the lock. */
static enum rkv_status take_note(struct ledger *l, const struct db *db, uint64_t before,
                                 uint64_t sequence, struct rkv_error *error) {
  struct owner_note *there;
  uint64_t needed;
  enum rkv_status status = ledger_look(l, db, error);
  if (status != RKV_OK) return status;
  there = before == l->active ? note_of(&l->owner, before) : NULL;
  if (there) {
    if (there->sequence < sequence) there->sequence = sequence;
    return RKV_OK;
  }
  status = db_first_log(db, &needed, error);
  if (status != RKV_OK) return status;
  drop_notes(&l->owner, needed, before == l->active ? before : 0);
  status = add_note(l, (struct owner_note){before, l->active, sequence}, error);
  return status == RKV_OK ? owner_write(&l->owner, error) : status;
}

enum rkv_status ledger_write(struct ledger *l, const struct db *db, rocksdb_writebatch_t *batch,
                             struct rkv_error *error) {
  enum rkv_status status;
  uint64_t before;
  (void)pthread_mutex_lock(&l->lock);
  before = l->active;
  (void)pthread_mutex_unlock(&l->lock);
  status = db_write(db, batch, error);
  if (status != RKV_OK) return status;
  (void)pthread_mutex_lock(&l->lock);
  status = take_note(l, db, before, db_last_change(batch), error);
  assert(status != RKV_OK || is_noted(l, db_last_change(batch))); /* (N1) */
  (void)pthread_mutex_unlock(&l->lock);
  if (status == RKV_OK) return RKV_OK;
  if (error) error->status = RKV_IO; /* final, and never NO_SPACE: the change has been written */
  return RKV_IO;
}

enum rkv_status ledger_close(struct ledger *l, struct rkv_error *error) {
  l->owner.state = CLAIM_CLOSED;
  return owner_write(&l->owner, error);
}
