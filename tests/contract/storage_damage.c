/* storage_damage.c: laws 55 to 57: files that a crash or a device has damaged.
 *
 * The log's bytes are found without knowing its format: by what differs between copies of the
 * directory, made after one acknowledgement and after the next, and by where payloads stand. */
#define _GNU_SOURCE /* memmem */
#include "storage.h"
#include "storage_laws.h"

#include "tree.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

STORAGE_LAWS_CRASH(STORAGE_LAW_PROTOTYPE)

enum {
  BASE = 3,     /* entries in the first copy of a torn log */
  TAIL = 3,     /* entries behind it, one copy each */
  ENTRIES = 14, /* of a damaged log */
  MARK = 24,    /* bytes of a payload by which it is found */
  SPARED = 4,   /* last entries of a damaged log: damage there cannot be told from a crash */
};

/* ---- files as bytes ---- */

struct bytes {
  uint8_t *at;
  size_t len;
};

static struct bytes bytes_of(struct contract *c, const char *path) {
  struct bytes b = {NULL, 0};
  struct stat info;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &info) != 0) {
    if (fd >= 0) (void)close(fd);
    return b; /* not there: no bytes */
  }
  b.len = (size_t)info.st_size;
  b.at = malloc(b.len + 1);
  CONTRACT_REQUIRE(c, b.at && read(fd, b.at, b.len) == (ssize_t)b.len, "the suite cannot read %s",
                   path);
  (void)close(fd);
  return b;
}

static void write_file(struct contract *c, const char *path, const uint8_t *bytes, size_t len) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CONTRACT_REQUIRE(c, fd >= 0 && write(fd, bytes, len) == (ssize_t)len, "the suite cannot write %s",
                   path);
  (void)close(fd);
}

static void path_in(const struct contract *c, const char *name, char path[CONTRACT_PATH_MAX]) {
  (void)snprintf(path, CONTRACT_PATH_MAX, "%.400s/%.100s", c->dir, name);
}

static void copy(struct contract *c, const char *from, const char *to) {
  char a[CONTRACT_PATH_MAX], b[CONTRACT_PATH_MAX];
  path_in(c, from, a);
  path_in(c, to, b);
  CONTRACT_REQUIRE(c, tree_copy(a, b), "the suite cannot copy %s", a);
}

/* ---- opening what was damaged ---- */

struct question {
  struct model *m;  /* what was acknowledged */
  uint64_t least;   /* entries that must be there */
  bool corrupt;     /* they may be refused as CORRUPT instead, by open or by a read */
  const char *what; /* for the reason */
  char file[CONTRACT_PATH_MAX];
  uint64_t place;
};

/* It goes on: one more entry, kept with the others. */
static void go_on(struct storage *s, struct model *m) {
  m->term += 10;
  m->last.index = s->state.last.index;
  storage_append(s, m, 1, 100);
  storage_keeps(s, m);
}

/* Every read gives what was appended, or says CORRUPT. */
static void look_corrupt(struct storage *s, const struct question *q) {
  struct contract *c = s->c;
  CONTRACT_REQUIRE(c, s->state.last.index == q->m->last.index,
                   "%s at byte %" PRIu64 " of %s: open said nothing, and the log ends at entry "
                   "%" PRIu64 " instead of %" PRIu64,
                   q->what, q->place, q->file, s->state.last.index, q->m->last.index);
  for (rkv_index i = 1; i <= q->m->last.index; i++) {
    struct rkv_entry entry;
    struct rkv_error error;
    size_t count = 0;
    enum rkv_status status =
        s->ops->read(s->it, i, i, UINT64_MAX, &entry, 1, &count, contract_ask(&error));
    const struct model_entry *is = model_at(q->m, i);
    bool ok = status == RKV_OK;
    bool same = ok && count == 1 && entry_is(&entry, (struct rkv_log_id){is->term, i}, is);
    if (!ok) contract_text_ok(c, status, &error, "read");
    CONTRACT_REQUIRE(c, same || status == RKV_CORRUPT,
                     "%s at byte %" PRIu64 " of %s: entry %" PRIu64 " was read as %s", q->what,
                     q->place, q->file, i, ok ? "other bytes" : rkv_status_name(status));
    if (same) rkv_buf_drop(&entry.payload);
  }
}

static void ask(struct contract *c, void *arg) {
  struct question *q = arg;
  struct storage s;
  struct model *found = model_new(c);
  char text[RKV_ERROR_TEXT_MAX];
  enum rkv_status status;
  storage_init(&s, c);
  s.trouble = q->corrupt;
  status = storage_try(&s);
  if (status == RKV_CORRUPT && q->corrupt) return;
  CONTRACT_REQUIRE(c, status == RKV_OK, "%s at byte %" PRIu64 " of %s: open: %s: %s", q->what,
                   q->place, q->file, rkv_status_name(status), s.error.text);
  if (q->corrupt) {
    look_corrupt(&s, q);
    storage_close(&s);
    return;
  }
  CONTRACT_REQUIRE(c, storage_look(&s, found, text), "%s at byte %" PRIu64 " of %s: %s", q->what,
                   q->place, q->file, text);
  CONTRACT_REQUIRE(c, found->last.index >= q->least && found->last.index <= q->m->last.index,
                   "%s at byte %" PRIu64 " of %s: the log ends at entry %" PRIu64
                   ", of which at least %" PRIu64 " and at most %" PRIu64 " are whole",
                   q->what, q->place, q->file, found->last.index, q->least, q->m->last.index);
  go_on(&s, found);
  storage_close(&s);
  model_free(found);
}

/* ---- a tail that was cut ---- */

/* Entries one by one, a copy of the directory behind each of the last; it ends without a close. */
static void leave_torn(struct contract *c, void *arg) {
  struct storage s;
  struct model *m = model_new(c);
  char name[16];
  (void)arg;
  storage_init(&s, c);
  storage_open(&s);
  for (int i = 0; i < BASE; i++) storage_append(&s, m, 1, 90);
  for (int i = 0; i <= TAIL; i++) {
    (void)snprintf(name, sizeof name, "copy%d", i);
    copy(c, "data", name);
    if (i < TAIL) storage_append(&s, m, 1, 90);
  }
}

struct tail {
  struct contract *c;
  struct question q;
  uint64_t seed, tried;
  size_t places; /* tried in a file; about twice as many */
};

/* One past the last byte in which a file differs between two copies; 0: it does not. *first: the
 * first one. */
static size_t differs(const struct bytes *a, const struct bytes *b, size_t *first) {
  size_t both = a->len < b->len ? a->len : b->len, end = a->len > b->len ? a->len : b->len;
  *first = 0;
  while (*first < both && a->at[*first] == b->at[*first]) (*first)++;
  if (a->len == b->len) {
    while (end > *first && a->at[end - 1] == b->at[end - 1]) end--;
    if (end == *first) return 0;
  }
  return end;
}

/* The file as it is if everything from `place` on did not reach the device. */
static void cut_at(struct tail *t, const char *name, size_t place, const struct bytes *old,
                   const struct bytes *now) {
  char path[CONTRACT_PATH_MAX];
  size_t len = old->len > place ? old->len : place;
  uint8_t *bytes = malloc(len + 1);
  CONTRACT_REQUIRE(t->c, bytes, "the suite has no memory");
  if (old->len > 0) memcpy(bytes, old->at, old->len);
  if (place > 0) memcpy(bytes, now->at, place < now->len ? place : now->len);
  copy(t->c, "copy3", "data");
  (void)snprintf(path, sizeof path, "%.300s/data/%.150s", t->c->dir, name);
  write_file(t->c, path, bytes, len);
  free(bytes);
}

static void cut_file(const char *file, void *arg) {
  struct tail *t = arg;
  const char *name = strrchr(file, '/') + 1;
  struct bytes copies[TAIL + 1];
  size_t first, end, step, ends[TAIL + 1] = {0};
  for (int i = 0; i <= TAIL; i++) {
    char path[CONTRACT_PATH_MAX];
    (void)snprintf(path, sizeof path, "%.300s/copy%d/%.150s", t->c->dir, i, name);
    copies[i] = bytes_of(t->c, path);
    ends[i] = differs(&copies[0], &copies[i], &first);
  }
  end = differs(&copies[0], &copies[TAIL], &first);
  step = (end - first) / t->places + 1;
  for (size_t place = first; place < end; place += 1 + contract_random(&t->seed) % step) {
    t->q.least = BASE;
    for (int i = 1; i <= TAIL; i++)
      if (ends[i] <= place) t->q.least = BASE + (uint64_t)i;
    t->q.place = place;
    (void)snprintf(t->q.file, sizeof t->q.file, "%s", name);
    cut_at(t, name, place, &copies[0], &copies[TAIL]);
    contract_apart(t->c, ask, &t->q, 20);
    t->tried++;
  }
  for (int i = 0; i <= TAIL; i++) free(copies[i].at);
}

void storage_law_torn_tail_is_cut(struct contract *c) {
  struct tail t = {.c = c, .seed = c->seed};
  struct model *m = model_new(c);
  struct step all = step_append(m, BASE + TAIL, 90);
  char copied[CONTRACT_PATH_MAX];
  model_step(c, m, &all);
  t.q = (struct question){.m = m, .what = "a tail cut"};
  t.places = (size_t)contract_amount(c, 40, 40, 2000);
  contract_apart(c, leave_torn, NULL, 20);
  path_in(c, "copy3", copied);
  tree_each(copied, cut_file, &t);
  contract_note(c, "cut at %" PRIu64 " places", t.tried);
  model_free(m);
}

/* ---- bits that flipped ---- */

static void leave_log(struct contract *c, void *arg) {
  struct storage s;
  struct model *m = model_new(c);
  (void)arg;
  storage_init(&s, c);
  storage_open(&s);
  for (int i = 0; i < ENTRIES; i++) storage_append(&s, m, 1, 200);
}

struct search {
  struct contract *c;
  struct model *m;
  char file[CONTRACT_PATH_MAX]; /* where the last payload found stands */
  size_t first, last;           /* places of the first payload, and of the one that is spared */
  size_t end;                   /* behind the last payload of all */
  bool found;
};

/* The payload of an entry in some bytes; SIZE_MAX: it is not there. */
static size_t place_of(const struct search *f, rkv_index index, const struct bytes *b) {
  const struct model_entry *shape = model_at(f->m, index);
  uint8_t mark[MARK];
  const uint8_t *at;
  if (shape->len < MARK) return SIZE_MAX;
  entry_fill((struct rkv_log_id){shape->term, index}, mark, MARK);
  at = memmem(b->at, b->len, mark, MARK);
  return at ? (size_t)(at - b->at) : SIZE_MAX;
}

static void search_file(const char *file, void *arg) {
  struct search *f = arg;
  struct bytes b = bytes_of(f->c, file);
  size_t first = SIZE_MAX, last = 0;
  for (rkv_index i = 1; b.at && i <= ENTRIES; i++) {
    size_t place = place_of(f, i, &b);
    if (place == SIZE_MAX) continue;
    if (i <= ENTRIES - SPARED) last = place;
    if (first == SIZE_MAX) first = place;
    f->end = place + model_at(f->m, i)->len;
  }
  if (first != SIZE_MAX && last > first) {
    f->found = true;
    f->first = first, f->last = last;
    (void)snprintf(f->file, sizeof f->file, "%s", strrchr(file, '/') + 1);
  }
  free(b.at);
}

/* Makes a log and finds where it stands. */
static struct search find_log(struct contract *c) {
  struct search f = {.c = c, .m = model_new(c)};
  char data[CONTRACT_PATH_MAX];
  for (int i = 0; i < ENTRIES; i++) {
    struct step step = step_append(f.m, 1, 200);
    model_step(c, f.m, &step);
  }
  contract_apart(c, leave_log, NULL, 20);
  copy(c, "data", "copy");
  path_in(c, "copy", data);
  tree_each(data, search_file, &f);
  if (!f.found) contract_skip(c, "the bytes of its entries are not found in its files");
  return f;
}

/* The log's file, changed by the caller, in a fresh copy of the directory. */
static struct bytes fresh(const struct search *f, char path[CONTRACT_PATH_MAX]) {
  copy(f->c, "copy", "data");
  (void)snprintf(path, CONTRACT_PATH_MAX, "%.300s/data/%.150s", f->c->dir, f->file);
  return bytes_of(f->c, path);
}

void storage_law_damage_is_found(struct contract *c) {
  struct search f = find_log(c);
  uint64_t seed = c->seed, flips = contract_amount(c, 60, 60, 4000);
  struct question q = {.m = f.m, .corrupt = true, .what = "a bit flipped"};
  (void)snprintf(q.file, sizeof q.file, "%s", f.file);
  for (uint64_t i = 0; i < flips; i++) {
    char path[CONTRACT_PATH_MAX];
    struct bytes b = fresh(&f, path);
    q.place = contract_between(&seed, f.first, f.last);
    b.at[q.place] ^= (uint8_t)(1u << contract_random(&seed) % 8);
    write_file(c, path, b.at, b.len);
    free(b.at);
    contract_apart(c, ask, &q, 20);
  }
  contract_note(c, "%" PRIu64 " bits flipped in %" PRIu64 " bytes", flips,
                (uint64_t)(f.last - f.first));
  model_free(f.m);
}

/* ---- garbage behind the end ---- */

void storage_law_garbage_is_no_entry(struct contract *c) {
  struct search f = find_log(c);
  uint64_t seed = c->seed, times = contract_amount(c, 10, 10, 200);
  struct question q = {.m = f.m, .least = ENTRIES, .what = "garbage"};
  (void)snprintf(q.file, sizeof q.file, "%s", f.file);
  for (uint64_t i = 0; i < times; i++) {
    char path[CONTRACT_PATH_MAX];
    struct bytes b = fresh(&f, path);
    size_t used = b.len, len = 1 + contract_random(&seed) % 3000, room;
    while (used > f.end && b.at[used - 1] == 0) used--; /* zeros made ahead are no log */
    used = (used + 7) / 8 * 8;
    room = used + len > b.len ? used + len : b.len;
    b.at = realloc(b.at, room + 1);
    CONTRACT_REQUIRE(c, b.at, "the suite has no memory");
    for (size_t k = 0; k < len; k++) b.at[used + k] = (uint8_t)contract_random(&seed);
    write_file(c, path, b.at, room);
    free(b.at);
    q.place = used;
    contract_apart(c, ask, &q, 20);
  }
  model_free(f.m);
}
