/* sm_elsewhere.c: the law of another place: what a machine says and keeps follows from its log, not
 * from the node, the process and the machine that it runs in.
 *
 * Every place is a process of its own that makes the same log, applies it, restores a second
 * machine from the first one's snapshot in its midst, and writes down what came of it. All must
 * write the same as the first place, where nothing is changed. */
#define _GNU_SOURCE /* clearenv */
#include "shim.h"
#include "sm.h"

#include <locale.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void sm_law_same_elsewhere(struct contract *c);

/* X(NAME, text): what is another one than in the first place. */
#define PLACE_LIST(X)                                                                              \
  X(PROCESS, "in another process, with other random numbers")                                      \
  X(NODE_ID, "on a node with another id")                                                          \
  X(ADDRESS, "on a node with another address")                                                     \
  X(CLOCK, "by a host whose clock tells another time")                                             \
  X(DATE, "on another date")                                                                       \
  X(ENVIRONMENT, "in another environment and time zone, by another umask")                         \
  X(LOCALE, "in another locale")                                                                   \
  X(MEMORY, "where memory is given in another order and holds other bytes")                        \
  X(ALL, "where everything of that is another")

enum place {
#define PLACE_ENUM(name, text) PLACE_##name,
  PLACE_LIST(PLACE_ENUM)
#undef PLACE_ENUM
      PLACE_HERE
};

static const char *const place_texts[] = {
#define PLACE_TEXT(name, text) text,
    PLACE_LIST(PLACE_TEXT)
#undef PLACE_TEXT
        "here"};

enum {
  ENTRIES = 800,
  HALF = ENTRIES / 2,
  KEYS = 24,
  STATE_MAX = 4 << 20, /* bytes of a state that are written down; of more, its length and hash */
  BLOCKS = 3000,
  BLOCK_MAX = 600, /* bytes */
  OTHER_MMAP_THRESHOLD = 8192,
  PLACE_S = 20 /* seconds for one place */
};

static const rkv_node_id other_id = UINT64_C(0x123456789abcdef);
static const long long other_date_s = -40000007; /* back: nobody waits for a later date */
static const uint64_t other_clock_ns = UINT64_C(987654321) * 1000000;

/* A state as it is written down. */
struct noted {
  struct rkv_log_id last, membership_id;
  uint64_t membership, hash;
  size_t len;
  uint8_t bytes[STATE_MAX];
};

/* What came of the log in one place. */
struct notes {
  uint64_t log, answers[ENTRIES];
  size_t question_count;
  struct {
    uint64_t status, answer;
  } questions[SM_QUESTIONS_MAX];
  struct noted half, end;
};

struct visit {
  enum place place;
  struct notes *notes;
};

/* ---- being in a place ---- */

/* Half of the blocks are free again, so that the next ones come from anywhere. */
static void stir_memory(void **blocks) {
  uint64_t seed = UINT64_C(0xfeed);
  (void)mallopt(M_PERTURB, 0x5a);
  (void)mallopt(M_MMAP_THRESHOLD, OTHER_MMAP_THRESHOLD);
  for (size_t i = 0; i < BLOCKS; i++) blocks[i] = malloc(contract_between(&seed, 1, BLOCK_MAX));
  for (size_t i = 0; i < BLOCKS; i++)
    if (contract_random(&seed) % 2) free(blocks[i]), blocks[i] = NULL;
}

static void settle_memory(void **blocks) {
  for (size_t i = 0; i < BLOCKS; i++) free(blocks[i]);
}

/* The directory stays: paths that were given may be relative. */
static void other_environment(struct contract *c) {
  (void)clearenv();
  CONTRACT_REQUIRE(c,
                   setenv("HOME", "/elsewhere", 1) == 0 && setenv("USER", "someone", 1) == 0 &&
                       setenv("HOSTNAME", "elsewhere", 1) == 0 && setenv("TZ", "XST-9:30", 1) == 0,
                   "the suite cannot change its environment");
  (void)umask(0027);
  tzset();
}

static void other_locale(struct contract *c) {
  static const char *const names[] = {"tr_TR.UTF-8", "de_DE.UTF-8", "C.UTF-8"};
  const char *now = NULL;
  for (size_t i = 0; i < sizeof names / sizeof names[0] && !now; i++)
    now = setlocale(LC_ALL, names[i]);
  CONTRACT_REQUIRE(c, now, "the suite finds no second locale (not even C.UTF-8)");
}

static bool differs(enum place place, enum place in) {
  return place == in || place == PLACE_ALL;
}

static void enter(struct contract *c, enum place place, struct machine_node *node, void **blocks) {
  *node = (struct machine_node){1, "127.0.0.1:1", 0};
  if (place != PLACE_HERE) {
    srand((unsigned)getpid());
    srand48((long)getpid());
  }
  if (differs(place, PLACE_NODE_ID)) node->id = other_id;
  if (differs(place, PLACE_ADDRESS)) node->addr = "node-7.another.example:65000";
  if (differs(place, PLACE_CLOCK)) node->later_ns = other_clock_ns;
  if (differs(place, PLACE_DATE)) shim_shift_date(other_date_s);
  if (differs(place, PLACE_ENVIRONMENT)) other_environment(c);
  if (differs(place, PLACE_LOCALE)) other_locale(c);
  if (differs(place, PLACE_MEMORY)) stir_memory(blocks);
}

/* ---- what is written down ---- */

/* FNV-1a (Fowler, Noll, Vo 1991), over the length too. */
static uint64_t hash_of(uint64_t hash, struct rkv_buf bytes) {
  hash = (hash ^ bytes.len) * UINT64_C(0x100000001b3);
  for (size_t i = 0; i < bytes.len; i++) hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
  return hash;
}

static void note_state(struct noted *noted, const struct state *state) {
  noted->last = state->meta.last;
  noted->membership_id = state->meta.membership_id;
  noted->membership = hash_of(0, state->meta.membership);
  noted->hash = hash_of(0, rkv_buf_static(state->bytes, state->len));
  noted->len = state->len;
  if (state->len > 0)
    memcpy(noted->bytes, state->bytes, state->len < STATE_MAX ? state->len : STATE_MAX);
}

static void note_answers(struct notes *notes, struct rkv_buf *answers, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    notes->answers[i] = hash_of(0, answers[i]);
    rkv_buf_drop(&answers[i]);
  }
}

static void note_questions(struct notes *notes, const struct commands *k, struct machine *m) {
  struct rkv_buf questions[SM_QUESTIONS_MAX];
  size_t count = commands_questions(k, m, KEYS, questions);
  notes->question_count = count;
  for (size_t i = 0; i < count; i++) {
    struct rkv_buf answer = rkv_buf_none();
    notes->questions[i].status =
        (uint64_t)m->ops->query(m->it, questions[i], &answer, contract_ask(&m->error));
    notes->questions[i].answer = hash_of(0, answer);
    rkv_buf_drop(&answer);
  }
  bufs_free(questions, count);
}

/* One machine applies half of the log; a second one, restored from it, the rest. */
static void live(struct contract *c, const struct visit *visit, const struct machine_node *node) {
  struct notes *notes = visit->notes;
  struct rkv_buf *answers = answers_new(c, ENTRIES);
  struct commands k;
  struct machine a, b;
  struct state state;
  struct log log;
  char name[2][16];
  (void)snprintf(name[0], sizeof name[0], "a%d", visit->place);
  (void)snprintf(name[1], sizeof name[1], "b%d", visit->place);
  machine_open_as(&a, c, name[0], node);
  machine_open_as(&b, c, name[1], node);
  commands_find(&k, &a);
  log_make(&log, &k, ENTRIES, KEYS, c->seed);
  for (size_t i = 0; i < ENTRIES; i++) notes->log = hash_of(notes->log, log.entries[i].payload);
  machine_apply(&a, &log, HALF, 20, answers);
  note_answers(notes, answers, 0, HALF);
  state_take(&a, SM_CHUNK, &state);
  note_state(&notes->half, &state);
  machine_restore_ok(&b, &state, SM_CHUNK);
  state_free(&state);
  machine_apply(&b, &log, ENTRIES, 20, answers);
  note_answers(notes, answers, HALF, ENTRIES);
  note_questions(notes, &k, &b);
  state_take(&b, SM_CHUNK, &state);
  note_state(&notes->end, &state);
  state_free(&state);
  answers_free(answers, ENTRIES);
  log_free(&log);
  commands_free(&k);
  machine_close(&a);
  machine_close(&b);
}

static void go(struct contract *c, void *arg) {
  const struct visit *visit = arg;
  struct machine_node node;
  void *blocks[BLOCKS] = {NULL};
  enter(c, visit->place, &node, blocks);
  live(c, visit, &node);
  settle_memory(blocks);
}

/* ---- what must be the same ---- */

static void noted_require(struct contract *c, const struct noted *is, const struct noted *must,
                          const char *when, const char *where) {
  size_t at = 0, most = is->len < must->len ? is->len : must->len;
  if (most > STATE_MAX) most = STATE_MAX;
  while (at < most && is->bytes[at] == must->bytes[at]) at++;
  CONTRACT_REQUIRE(c, is->len == must->len && is->hash == must->hash,
                   "%s the snapshot %s differs from byte %zu on (%zu bytes instead of %zu)", where,
                   when, at, is->len, must->len);
  CONTRACT_REQUIRE(c,
                   rkv_log_id_equal(is->last, must->last) &&
                       rkv_log_id_equal(is->membership_id, must->membership_id) &&
                       is->membership == must->membership,
                   "%s the snapshot %s has another last entry or membership", where, when);
}

static void notes_require(struct contract *c, const struct notes *is, const struct notes *must,
                          const char *where) {
  CONTRACT_REQUIRE(c, is->log == must->log, "%s validate takes other commands", where);
  for (size_t i = 0; i < ENTRIES; i++)
    CONTRACT_REQUIRE(c, is->answers[i] == must->answers[i], "%s entry %zu is answered differently",
                     where, i + 1);
  noted_require(c, &is->half, &must->half, "in the log's midst", where);
  noted_require(c, &is->end, &must->end, "at the log's end", where);
  CONTRACT_REQUIRE(c, is->question_count == must->question_count,
                   "%s it answers %zu questions instead of %zu", where, is->question_count,
                   must->question_count);
  for (size_t i = 0; i < must->question_count; i++)
    CONTRACT_REQUIRE(c,
                     is->questions[i].status == must->questions[i].status &&
                         is->questions[i].answer == must->questions[i].answer,
                     "%s a question is answered differently", where);
}

static struct notes *notes_of(struct contract *c, enum place place) {
  struct visit visit = {place, contract_share(c, sizeof *visit.notes)};
  contract_apart(c, go, &visit, PLACE_S);
  return visit.notes;
}

void sm_law_same_elsewhere(struct contract *c) {
  struct notes *here = notes_of(c, PLACE_HERE);
  for (int place = 0; place < PLACE_HERE; place++) {
    struct notes *there = notes_of(c, (enum place)place);
    notes_require(c, there, here, place_texts[place]);
    contract_unshare(there, sizeof *there);
  }
  contract_note(c, "%d entries and %zu questions in %d places", ENTRIES, here->question_count,
                PLACE_HERE + 1);
  contract_unshare(here, sizeof *here);
}
