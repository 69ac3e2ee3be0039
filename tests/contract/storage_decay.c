/* storage_decay.c: law 78: bytes that decay while the storage is open, and that a read meets.
 *
 * Which bytes are an entry's or the snapshot's is seen by what they are, whatever the format: where
 * nothing of it is found as it was given, any byte of any file decays. */
#include "storage.h"
#include "storage_laws.h"

#include "texture.h"
#include "tree.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

STORAGE_LAWS_DECAY(STORAGE_LAW_PROTOTYPE)

enum {
  ENTRIES = 22, /* the snapshot of so many is of all textures */
  ENTRY = 900,
  SNAPSHOT = 1000 * 1000,
  CHUNK = 7000,
  SAMPLE_BYTES = 64, /* of a payload or snapshot, that are looked for */
  SAMPLES_MAX = 100, /* that are made until one occurs nowhere else */
  HEAD_BYTES = 80,   /* before them, where what describes them may stand */
  FILES_MAX = 64,
  FILE_NAME_MAX = 96,
};

static void leave_both(struct contract *c, void *arg) {
  struct storage s;
  struct model *m = model_new(c);
  (void)arg;
  storage_init(&s, c);
  storage_open(&s);
  for (int i = 0; i < ENTRIES; i++) {
    struct step step = step_append(m, 1, ENTRY | ENTRY_EXACT);
    storage_do(&s, m, step);
  }
  storage_do(&s, m, step_snapshot(m, SNAPSHOT));
  storage_close(&s);
  model_free(m);
}

/* ---- one byte ---- */

struct decay {
  const struct model *m;
  char file[FILE_NAME_MAX];
  uint64_t place;
  unsigned bit;
  atomic_bool *found; /* a read said so */
};

#define DECAY_WHERE "a bit flipped at byte %" PRIu64 " of %s while it is open: "

static void decay_flip(struct contract *c, const struct decay *d, const char *dir) {
  char path[CONTRACT_PATH_MAX];
  uint8_t byte;
  int fd;
  (void)snprintf(path, sizeof path, "%.400s/%s", dir, d->file);
  fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return; /* open has removed the file */
  if (pread(fd, &byte, 1, (off_t)d->place) == 1) {
    byte ^= (uint8_t)(1u << d->bit);
    CONTRACT_REQUIRE(c, pwrite(fd, &byte, 1, (off_t)d->place) == 1, "the suite cannot write %s",
                     path);
  }
  (void)close(fd);
}

/* True: it is there. */
static bool told(struct contract *c, const struct decay *d, enum rkv_status status,
                 const struct rkv_error *error, const char *who) {
  if (status == RKV_OK) return true;
  contract_text_ok(c, status, error, who);
  CONTRACT_REQUIRE(c, status == RKV_CORRUPT, DECAY_WHERE "%s gave %s: %s", d->place, d->file, who,
                   rkv_status_name(status), error->text);
  atomic_store(d->found, true);
  return false;
}

static void read_entry(struct storage *s, const struct decay *d, rkv_index i) {
  const struct model_entry *is = model_at(d->m, i);
  struct rkv_entry entry;
  struct rkv_error error;
  size_t count = 0;
  enum rkv_status status =
      s->ops->read(s->it, i, i, UINT64_MAX, &entry, 1, &count, contract_ask(&error));
  if (!told(s->c, d, status, &error, "read")) return;
  CONTRACT_REQUIRE(s->c, count == 1 && entry_is(&entry, (struct rkv_log_id){is->term, i}, is),
                   DECAY_WHERE "entry %" PRIu64 " was read as other bytes", d->place, d->file, i);
  rkv_buf_drop(&entry.payload);
}

static void read_chunks(struct storage *s, const struct decay *d, void *reader) {
  static uint8_t expected[CHUNK];
  for (uint64_t at = 0; at < SNAPSHOT; at += CHUNK) {
    struct rkv_buf chunk = rkv_buf_none();
    struct rkv_error error;
    enum rkv_status status = s->ops->snapshot_read(reader, at, CHUNK, &chunk, contract_ask(&error));
    if (!told(s->c, d, status, &error, "snapshot_read")) continue;
    snapshot_fill(ENTRIES, at, expected, chunk.len <= CHUNK ? chunk.len : 0);
    CONTRACT_REQUIRE(
        s->c, chunk.len > 0 && chunk.len <= CHUNK && memcmp(expected, chunk.data, chunk.len) == 0,
        DECAY_WHERE "snapshot_read at %" PRIu64 " gave other bytes", d->place, d->file, at);
    rkv_buf_drop(&chunk);
  }
}

static void read_snapshot(struct storage *s, const struct decay *d) {
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  void *reader;
  enum rkv_status status = s->ops->snapshot_open(s->it, &reader, &meta, contract_ask(&error));
  if (!told(s->c, d, status, &error, "snapshot_open")) return;
  CONTRACT_REQUIRE(s->c, meta.last.index == ENTRIES && meta.size == SNAPSHOT,
                   DECAY_WHERE "snapshot_open gave that of %" PRIu64 ", of %" PRIu64 " bytes",
                   d->place, d->file, meta.last.index, meta.size);
  rkv_buf_drop(&meta.membership);
  read_chunks(s, d, reader);
  s->ops->snapshot_close(reader);
}

static void decay_meet(struct contract *c, void *arg) {
  const struct decay *d = arg;
  struct storage s;
  storage_init(&s, c);
  s.trouble = true; /* it may take damage for a reason to stop */
  storage_open(&s);
  decay_flip(c, d, s.dir);
  for (rkv_index i = 1; i <= ENTRIES; i++) read_entry(&s, d, i);
  read_snapshot(&s, d);
  storage_close(&s);
}

/* ---- the law ---- */

static void decay_copy(struct contract *c, const char *from, const char *to) {
  char a[CONTRACT_PATH_MAX], b[CONTRACT_PATH_MAX];
  (void)snprintf(a, sizeof a, "%.400s/%s", c->dir, from);
  (void)snprintf(b, sizeof b, "%.400s/%s", c->dir, to);
  CONTRACT_REQUIRE(c, tree_copy(a, b), "the suite cannot copy %s", a);
}

struct finder {
  struct decay *d;
  uint8_t sample[SAMPLE_BYTES];
  bool found;
};

static void find_sample(const char *file, void *arg) {
  struct finder *f = arg;
  uint64_t at;
  if (f->found || !tree_file_finds(file, f->sample, sizeof f->sample, &at)) return;
  f->found = true;
  f->d->place = at;
  (void)snprintf(f->d->file, FILE_NAME_MAX, "%s", strrchr(file, '/') + 1);
}

struct sizes {
  size_t count;
  char files[FILES_MAX][FILE_NAME_MAX];
  uint64_t bytes[FILES_MAX];
};

static void note_size(const char *file, void *arg) {
  struct sizes *sizes = arg;
  struct stat info;
  if (sizes->count == FILES_MAX || stat(file, &info) != 0 || info.st_size == 0) return;
  sizes->bytes[sizes->count] = (uint64_t)info.st_size;
  (void)snprintf(sizes->files[sizes->count++], FILE_NAME_MAX, "%s", strrchr(file, '/') + 1);
}

static void choose_anywhere(struct contract *c, struct decay *d, const char *copy, uint64_t *seed) {
  struct sizes sizes = {.count = 0};
  size_t i;
  tree_each(copy, note_size, &sizes);
  CONTRACT_REQUIRE(c, sizes.count > 0, "a durable storage left no file with bytes");
  i = contract_random(seed) % sizes.count;
  (void)snprintf(d->file, FILE_NAME_MAX, "%s", sizes.files[i]);
  d->place = contract_between(seed, 0, sizes.bytes[i] - 1);
}

/* Random bytes of an entry or of the snapshot. */
static void choose_sample(bool of_snapshot, uint64_t *seed, uint8_t sample[SAMPLE_BYTES]) {
  for (int i = 0; i < SAMPLES_MAX; i++) {
    if (of_snapshot)
      snapshot_fill(ENTRIES, contract_between(seed, 0, SNAPSHOT - SAMPLE_BYTES), sample,
                    SAMPLE_BYTES);
    else
      entry_fill((struct rkv_log_id){1, contract_between(seed, 1, ENTRIES)}, sample, SAMPLE_BYTES);
    if (texture_tells(sample, SAMPLE_BYTES)) return;
  }
}

/* A byte of an entry or of the snapshot, or of what stands before it. */
static void choose_decay(struct contract *c, struct decay *d, bool of_snapshot, uint64_t *seed) {
  struct finder f = {.d = d};
  char copy[CONTRACT_PATH_MAX];
  (void)snprintf(copy, sizeof copy, "%.400s/copy", c->dir);
  choose_sample(of_snapshot, seed, f.sample);
  tree_each(copy, find_sample, &f);
  if (f.found)
    d->place += contract_between(seed, 0, SAMPLE_BYTES + HEAD_BYTES - 1);
  else
    choose_anywhere(c, d, copy, seed);
  if (f.found) d->place -= d->place < HEAD_BYTES ? 0 : HEAD_BYTES;
}

/* Returns how many were found. */
static uint64_t decay_some(struct contract *c, struct decay *d, bool of_snapshot, uint64_t flips,
                           uint64_t *seed) {
  uint64_t found = 0;
  for (uint64_t i = 0; i < flips; i++) {
    choose_decay(c, d, of_snapshot, seed);
    d->bit = (unsigned)(contract_random(seed) % 8);
    decay_copy(c, "copy", "data");
    atomic_store(d->found, false);
    contract_apart(c, decay_meet, d, 20);
    found += atomic_load(d->found);
  }
  return found;
}

void storage_law_reads_meet_decay(struct contract *c) {
  struct model *m = model_new(c);
  struct decay d = {.m = m, .found = contract_share(c, sizeof *d.found)};
  uint64_t seed = c->seed, flips = contract_amount(c, 40, 40, 1000), entries, snapshot;
  for (int i = 0; i < ENTRIES; i++) {
    struct step step = step_append(m, 1, ENTRY | ENTRY_EXACT);
    model_step(c, m, &step);
  }
  contract_apart(c, leave_both, NULL, 20);
  decay_copy(c, "data", "copy");
  entries = decay_some(c, &d, false, flips, &seed);
  snapshot = decay_some(c, &d, true, flips, &seed);
  contract_note(c,
                "%" PRIu64 " bits flipped in each; found in entries: %" PRIu64
                ", in the snapshot: %" PRIu64,
                flips, entries, snapshot);
  model_free(m);
}
