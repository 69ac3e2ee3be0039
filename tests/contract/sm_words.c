/* sm_words.c: the law of describe: any bytes in words, by any thread, without an instance. */
#include "sm.h"
#include "sm_shapes.h"

#include <host/utf8.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sm_law_words_are_a_line(struct contract *c);

enum { SAMPLES = 600, KEYS = 8, LINE = 1024, GUARD = 64, THREADS = 4 };

static const size_t sizes[] = {1, 2, 3, 7, 16, 33, 64, 200, LINE}; /* of the room for a line */

/* Bytes, and what was said about them first. */
struct sample {
  struct rkv_buf bytes;
  enum rkv_status status;
  char line[LINE];
};

struct samples {
  struct contract *c;
  const struct rkv_state_machine_ops *ops;
  struct sample list[SAMPLES];
  size_t count;
};

/* ---- one call ---- */

static void check_line(struct contract *c, const char *line, size_t len) {
  const unsigned char *at = (const unsigned char *)line;
  for (size_t step; len > 0; at += step, len -= step) {
    step = host_utf8_length(at, len);
    CONTRACT_REQUIRE(c, step > 0, "a line is not UTF-8: \"%.80s\"", line);
    CONTRACT_REQUIRE(c, *at >= ' ' && *at != 0x7f && !(at[0] == 0xc2 && step == 2 && at[1] < 0xa0),
                     "a line has a control character, at byte %zu",
                     (size_t)((const char *)at - line));
  }
}

/* Into a room of `size` bytes, behind which nothing may be written. */
static enum rkv_status ask(const struct samples *s, const struct sample *sample, size_t size,
                           char line[LINE]) {
  struct contract *c = s->c;
  char room[LINE + GUARD];
  struct rkv_error error;
  enum rkv_status status;
  const char *end;
  memset(room, 0xa5, sizeof room);
  status = s->ops->describe(sample->bytes, room, size, contract_ask(&error));
  for (size_t i = size; i < sizeof room; i++)
    CONTRACT_REQUIRE(c, (unsigned char)room[i] == 0xa5, "describe wrote byte %zu of a room of %zu",
                     i, size);
  line[0] = '\0';
  if (status != RKV_OK) {
    CONTRACT_REQUIRE(c, status == RKV_INVALID,
                     "describe refused bytes with %s (only INVALID is possible)",
                     rkv_status_name(status));
    contract_text_ok(c, status, &error, "describe");
    return status;
  }
  end = memchr(room, '\0', size);
  CONTRACT_REQUIRE(c, end, "a line of %zu bytes has no end", size);
  check_line(c, room, (size_t)(end - room));
  memcpy(line, room, (size_t)(end - room) + 1);
  return status;
}

/* As it was the first time. */
static void ask_again(const struct samples *s, const struct sample *sample) {
  char line[LINE];
  CONTRACT_REQUIRE(
      s->c, ask(s, sample, LINE, line) == sample->status && strcmp(line, sample->line) == 0,
      "describe says \"%.80s\" where it said \"%.80s\" of the same bytes", line, sample->line);
}

/* In less room it says the beginning of the same. */
static void ask_briefly(const struct samples *s, const struct sample *sample) {
  char line[LINE];
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    CONTRACT_REQUIRE(s->c,
                     ask(s, sample, sizes[i], line) == sample->status &&
                         strncmp(line, sample->line, strlen(line)) == 0,
                     "describe says \"%.80s\" in %zu bytes, and \"%.80s\" in %d", line, sizes[i],
                     sample->line, LINE);
}

/* ---- many ---- */

/* Takes the bytes. */
static struct sample *add(struct samples *s, struct rkv_buf bytes) {
  struct sample *sample = &s->list[s->count++];
  sample->bytes = bytes;
  sample->status = ask(s, sample, LINE, sample->line);
  ask_briefly(s, sample);
  return sample;
}

/* Of every shape, whole and damaged. No machine exists yet. */
static void add_any(struct samples *s, uint64_t *seed) {
  while (s->count < SAMPLES / 2) {
    struct rkv_buf whole =
        shape_command(s->c, (enum sm_shape)(contract_random(seed) % SM_SHAPES),
                      contract_random(seed) % KEYS, contract_between(seed, 0, 2000), seed);
    struct rkv_buf spoilt = bytes_mutate(s->c, whole, seed);
    (void)add(s, whole);
    (void)add(s, spoilt);
  }
}

/* What validate takes. */
static void add_commands(struct samples *s, const struct commands *k, uint64_t *seed) {
  while (s->count < SAMPLES) {
    struct sample *sample = add(s, commands_make(k, contract_random(seed) % KEYS, seed));
    CONTRACT_REQUIRE(s->c, sample->status == RKV_OK,
                     "describe refuses a command of %zu bytes that validate takes",
                     sample->bytes.len);
  }
}

static void *ask_all(void *arg) {
  const struct samples *s = arg;
  for (size_t i = 0; i < s->count; i++) ask_again(s, &s->list[i]);
  return NULL;
}

static void ask_by_threads(struct samples *s) {
  pthread_t threads[THREADS];
  uint64_t rounds = contract_amount(s->c, 20, 20, 400);
  for (uint64_t round = 0; round < rounds; round++) {
    for (size_t i = 0; i < THREADS; i++)
      CONTRACT_REQUIRE(s->c, pthread_create(&threads[i], NULL, ask_all, s) == 0,
                       "the suite gets no thread");
    for (size_t i = 0; i < THREADS; i++) (void)pthread_join(threads[i], NULL);
  }
}

void sm_law_words_are_a_line(struct contract *c) {
  struct samples *s = calloc(1, sizeof *s);
  uint64_t seed = c->seed;
  struct commands k;
  struct machine m;
  size_t described = 0;
  CONTRACT_REQUIRE(c, s, "the suite has no memory");
  s->c = c;
  s->ops = c->plugin->ops;
  if (!s->ops->describe) contract_skip(c, "it has no describe");
  add_any(s, &seed);
  machine_open(&m, c, "a");
  commands_find(&k, &m);
  add_commands(s, &k, &seed);
  ask_by_threads(s);
  commands_free(&k);
  machine_close(&m);
  (void)ask_all(s);
  for (size_t i = 0; i < s->count; i++) {
    described += s->list[i].status == RKV_OK;
    rkv_buf_drop(&s->list[i].bytes);
  }
  contract_note(c, "%zu in words, %zu refused", described, s->count - described);
  free(s);
}
