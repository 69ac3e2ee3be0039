/* sm_damage.c: the law of damage: a snapshot that was changed anywhere is refused.
 *
 * The storage's checksum does not help: bytes are also changed on the way, in memory, and by a
 * storage that finds no damage. A snapshot of few entries is short enough for every byte of it. */
#include <stdio.h>
#include <stdlib.h>

#include "sm.h"

void sm_law_damage_is_refused(struct contract *c);

enum {
  ENTRIES = 60,
  KEYS = 20,
  ENDS = 512,    /* bytes at either end of a snapshot that are all damaged */
  ADDED_MAX = 24 /* bytes that are added behind the end */
};

/* X(NAME, text): what is done at one byte. */
#define DAMAGE_LIST(X)                                                                             \
  X(BIT, "with a bit flipped")                                                                     \
  X(BYTE, "with another value")                                                                    \
  X(REMOVED, "removed")                                                                            \
  X(ADDED, "written twice")                                                                        \
  X(ZERO_ADDED, "behind a zero byte that was added")                                               \
  X(SWAPPED, "exchanged with the next one")                                                        \
  X(CUT, "and all behind it cut off")

enum damage {
#define DAMAGE_ENUM(name, text) DAMAGE_##name,
  DAMAGE_LIST(DAMAGE_ENUM)
#undef DAMAGE_ENUM
      DAMAGES
};

static const char *const damage_texts[DAMAGES] = {
#define DAMAGE_TEXT(name, text) text,
    DAMAGE_LIST(DAMAGE_TEXT)
#undef DAMAGE_TEXT
};

struct scene {
  struct machine m;
  struct state whole, spoilt; /* spoilt.bytes has room for ADDED_MAX more */
  uint64_t seed;
  size_t tried;
};

/* Tries what stands in s->spoilt. */
static void try(struct scene *s, size_t at, const char *what) {
  enum rkv_status status = machine_restore(&s->m, &s->spoilt, s->spoilt.len + 1);
  CONTRACT_REQUIRE(s->m.c, status == RKV_CORRUPT || status == RKV_NO_MEMORY,
                   "a snapshot of %zu bytes, byte %zu %s: a restore ended with %s", s->whole.len,
                   at, what, rkv_status_name(status));
  contract_text_ok(s->m.c, status, &s->m.error, "a refused restore");
  s->tried++;
}

/* Bytes [from, ..) of the whole snapshot to place `to` of the spoilt one, which ends behind. */
static void copy_rest(struct scene *s, size_t to, size_t from) {
  memcpy(s->spoilt.bytes + to, s->whole.bytes + from, s->whole.len - from);
  s->spoilt.len = to + s->whole.len - from;
}

/* False: this would change nothing. */
static bool spoil(struct scene *s, enum damage damage, size_t at, unsigned bit) {
  uint8_t *byte = s->spoilt.bytes + at;
  copy_rest(s, 0, 0);
  switch (damage) {
  case DAMAGE_BIT: *byte ^= (uint8_t)(1u << bit); return true;
  case DAMAGE_BYTE: *byte ^= (uint8_t)contract_between(&s->seed, 1, 255); return true;
  case DAMAGE_REMOVED: copy_rest(s, at, at + 1); return true;
  case DAMAGE_ADDED: copy_rest(s, at + 1, at); return true;
  case DAMAGE_ZERO_ADDED:
    copy_rest(s, at + 1, at);
    *byte = 0;
    return true;
  case DAMAGE_SWAPPED:
    if (at + 1 == s->whole.len || byte[0] == byte[1]) return false;
    byte[0] = s->whole.bytes[at + 1], byte[1] = s->whole.bytes[at];
    return true;
  default: s->spoilt.len = at; return at > 0; /* no byte at all: half_restore_changes_nothing */
  }
}

static void damage_at(struct scene *s, size_t at) {
  for (unsigned bit = 0; bit < 8; bit++)
    if (spoil(s, DAMAGE_BIT, at, bit)) try(s, at, damage_texts[DAMAGE_BIT]);
  for (int damage = DAMAGE_BYTE; damage < DAMAGES; damage++)
    if (spoil(s, (enum damage)damage, at, 0)) try(s, at, damage_texts[damage]);
}

/* More than there was: zeros, bytes by chance, and the snapshot's own beginning once more. */
static void add_behind(struct scene *s) {
  for (size_t n = 1; n <= ADDED_MAX; n++)
    for (int how = 0; how < 3; how++) {
      uint8_t *end = s->spoilt.bytes + s->whole.len;
      copy_rest(s, 0, 0);
      for (size_t i = 0; i < n; i++)
        end[i] = how == 0   ? 0
                 : how == 1 ? (uint8_t)contract_random(&s->seed)
                            : s->whole.bytes[i % s->whole.len];
      s->spoilt.len += n;
      try(s, s->whole.len - 1, "followed by bytes that were added");
    }
}

static void scene_make(struct scene *s, struct contract *c) {
  struct machine other;
  struct commands k;
  struct log log;
  machine_open(&s->m, c, "m");
  machine_open(&other, c, "other");
  commands_find(&k, &other);
  log_make(&log, &k, ENTRIES, KEYS, c->seed);
  machine_apply(&other, &log, ENTRIES, 10, NULL);
  state_take(&other, SM_CHUNK, &s->whole);
  s->seed = c->seed;
  s->spoilt.meta = s->whole.meta;
  s->spoilt.bytes = malloc(s->whole.len + ADDED_MAX);
  CONTRACT_REQUIRE(c, s->spoilt.bytes, "the suite has no memory");
  CONTRACT_REQUIRE(c, s->whole.len > 0, "a snapshot after %d entries has no bytes", ENTRIES);
  log_free(&log);
  commands_free(&k);
  machine_close(&other);
}

void sm_law_damage_is_refused(struct contract *c) {
  size_t most = contract_amount(c, 4000, 4000, 100000) / (c->slow > 1 ? 4 : 1), step = 1;
  struct scene *s = calloc(1, sizeof *s);
  CONTRACT_REQUIRE(c, s, "the suite has no memory");
  scene_make(s, c);
  if (s->whole.len > most) step = s->whole.len / most + 1;
  for (size_t at = 0; at < s->whole.len;) {
    bool near_end = at < ENDS || s->whole.len - at <= ENDS;
    damage_at(s, at);
    at += near_end ? 1 : (size_t)contract_between(&s->seed, 1, 2 * step - 1);
  }
  add_behind(s);
  machine_restore_ok(&s->m, &s->whole, 0); /* what was refused was the damage */
  machine_is(&s->m, &s->whole, "a machine after damaged snapshots and a whole one");
  contract_note(c, "%zu damaged snapshots of %zu bytes", s->tried, s->whole.len);
  free(s->spoilt.bytes);
  state_free(&s->whole);
  machine_close(&s->m);
  free(s);
}
