/* sm_commands.c: finds out which commands a machine takes, and makes random ones. */
#include <stdio.h>
#include <stdlib.h>

#include "sm_shapes.h"

enum {
  SAMPLES = 12,      /* commands that are offered before a shape counts as taken */
  GIVEN_SAMPLES = 3, /* ... of each line that is given */
  VALUE_MAX = 96,    /* bytes of a value */
  SPLICE_MAX = 16    /* bytes that some damage adds or takes away */
};

/* Every sample of this shape is taken. */
static bool shape_taken(struct machine *m, enum sm_shape shape) {
  uint64_t seed = m->c->seed;
  bool taken = true;
  for (uint64_t i = 0; i < SAMPLES && taken; i++) {
    size_t len = contract_between(&seed, 0, VALUE_MAX);
    struct rkv_buf sample = shape_command(m->c, shape, i, len, &seed);
    taken = m->ops->validate(m->it, sample, &m->error) == RKV_OK;
    rkv_buf_drop(&sample);
  }
  return taken;
}

static enum rkv_status ask(struct machine *m, struct rkv_buf question) {
  struct rkv_buf answer = rkv_buf_none();
  enum rkv_status status = m->ops->query(m->it, question, &answer, contract_ask(&m->error));
  rkv_buf_drop(&answer);
  return status;
}

/* Some samples of a line are taken, the shortest and the usual ones. That a question ends in
 * another way than the ABI says is the machine's fault, not the line's: laws say it better. */
static void check_line(struct machine *m, const struct given *given, bool is_query) {
  uint64_t seed = m->c->seed;
  for (uint64_t key = 0; key < GIVEN_SAMPLES; key++) {
    struct rkv_buf sample = given_write(m->c, given, key, key ? VALUE_MAX : 0, &seed);
    if (is_query)
      CONTRACT_REQUIRE(m->c, ask(m, sample) != RKV_INVALID,
                       "%s:%u: query refuses a request of this line, of %zu bytes, where nothing "
                       "was applied: %s",
                       m->c->commands, given->line, sample.len, m->error.text);
    else
      CONTRACT_REQUIRE(m->c, m->ops->validate(m->it, sample, &m->error) == RKV_OK,
                       "%s:%u: validate refuses a command of this line, of %zu bytes: %s",
                       m->c->commands, given->line, sample.len, m->error.text);
    rkv_buf_drop(&sample);
  }
}

static void check_given(struct commands *k, struct machine *m) {
  char why[GIVEN_TEXT_MAX];
  CONTRACT_REQUIRE(m->c, given_read(&k->given, m->c->commands, why), "--commands %s", why);
  for (size_t i = 0; i < k->given.command_count; i++) check_line(m, &k->given.commands[i], false);
  for (size_t i = 0; i < k->given.query_count; i++) check_line(m, &k->given.queries[i], true);
}

void commands_find(struct commands *k, struct machine *m) {
  bool any = false;
  *k = (struct commands){.c = m->c, .are_given = m->c->commands != NULL};
  if (k->are_given) {
    check_given(k, m);
    return;
  }
  for (int i = 0; i < SM_SHAPES; i++) {
    k->takes[i] = shape_taken(m, (enum sm_shape)i);
    any = any || k->takes[i];
  }
  CONTRACT_REQUIRE(m->c, any,
                   "its validate takes no command that the suite knows: give some with --commands "
                   "FILE (the last refusal: %s)",
                   m->error.text);
}

void commands_free(struct commands *k) {
  if (k->are_given) given_free(&k->given);
}

void commands_text(const struct commands *k, char out[SM_SOURCE_TEXT_MAX]) {
  int used = snprintf(out, SM_SOURCE_TEXT_MAX, "commands: ");
  const char *comma = "";
  if (k->are_given)
    (void)snprintf(out + used, SM_SOURCE_TEXT_MAX - (size_t)used, "%zu lines given",
                   k->given.command_count);
  for (int i = 0; i < SM_SHAPES && !k->are_given; i++) {
    if (!k->takes[i]) continue;
    used += snprintf(out + used, SM_SOURCE_TEXT_MAX - (size_t)used, "%s%s", comma, shape_names[i]);
    comma = ", ";
  }
}

struct rkv_buf commands_make(const struct commands *k, uint64_t key, uint64_t *seed) {
  uint64_t chance = contract_random(seed);
  int shape = (int)(chance % SM_SHAPES);
  if (k->are_given)
    return given_write(k->c, &k->given.commands[chance % k->given.command_count], key,
                       contract_between(seed, 0, VALUE_MAX), seed);
  while (!k->takes[shape]) shape = (shape + 1) % SM_SHAPES;
  return shape_command(k->c, (enum sm_shape)shape, key, contract_between(seed, 0, VALUE_MAX), seed);
}

/* ---- large ones ---- */

static bool shape_grows(const struct commands *k, size_t shape) {
  return k->takes[shape] && shape != SM_SHAPE_DECIMAL && shape != SM_SHAPE_EMPTY;
}

/* The shape or line that is number `source` of those that grow; their number if there is none. */
static size_t growing(const struct commands *k, size_t source, size_t *count) {
  size_t all = k->are_given ? k->given.command_count : SM_SHAPES;
  *count = 0;
  for (size_t i = 0; i < all; i++) {
    if (!(k->are_given ? pattern_grows(&k->given.commands[i].pattern) : shape_grows(k, i)))
      continue;
    if ((*count)++ == source) return i;
  }
  return all;
}

size_t commands_growing(const struct commands *k) {
  size_t count;
  (void)growing(k, SIZE_MAX, &count);
  return count < SM_LARGE_MAX ? count : SM_LARGE_MAX;
}

struct rkv_buf commands_large(const struct commands *k, size_t source, uint64_t key, size_t len) {
  uint64_t seed = k->c->seed ^ key;
  size_t count, which = growing(k, source, &count);
  if (k->are_given) return given_write(k->c, &k->given.commands[which], key, len, &seed);
  return shape_command(k->c, (enum sm_shape)which, key, len, &seed);
}

/* ---- questions ---- */

static size_t given_questions(const struct commands *k, uint64_t keys, struct rkv_buf *out) {
  uint64_t seed = k->c->seed;
  size_t count = 0;
  for (size_t i = 0; i < k->given.query_count; i++)
    for (uint64_t key = 0; key < keys && count < SM_QUESTIONS_MAX; key++) {
      const struct given *query = &k->given.queries[i];
      out[count] = given_write(k->c, query, key, VALUE_MAX, &seed);
      if (key > 0 && rkv_buf_equal(out[count], out[count - 1])) { /* it names no key */
        rkv_buf_drop(&out[count]);
        break;
      }
      count++;
    }
  return count;
}

size_t commands_questions(const struct commands *k, struct machine *m, uint64_t keys,
                          struct rkv_buf *out) {
  size_t count = k->are_given ? given_questions(k, keys, out) : 0;
  for (int shape = 0; shape < SM_SHAPES; shape++)
    for (uint64_t key = 0; key < keys && count < SM_QUESTIONS_MAX; key++) {
      struct rkv_buf question, answer = rkv_buf_none();
      if (shape == SM_SHAPE_EMPTY && key > 0) break;
      question = shape_question(m->c, (enum sm_shape)shape, key);
      if (m->ops->query(m->it, question, &answer, &m->error) == RKV_OK)
        out[count++] = rkv_buf_share(question);
      rkv_buf_drop(&answer);
      rkv_buf_drop(&question);
    }
  return count;
}

struct rkv_buf bytes_mutate(struct contract *c, struct rkv_buf from, uint64_t *seed) {
  uint8_t *bytes = malloc(from.len + SPLICE_MAX);
  size_t len = from.len, n = contract_between(seed, 1, SPLICE_MAX), at;
  struct rkv_buf out;
  CONTRACT_REQUIRE(c, bytes, "the suite has no memory");
  if (len > 0) memcpy(bytes, from.data, len);
  at = contract_between(seed, 0, len);
  switch (contract_random(seed) % 4) {
  case 0: /* cut */ len = at; break;
  case 1: /* a bit */
    if (at < len) bytes[at] ^= (uint8_t)(1u << contract_random(seed) % 8);
    break;
  case 2: /* some more */
    memmove(bytes + at + n, bytes + at, len - at);
    for (size_t i = 0; i < n; i++) bytes[at + i] = (uint8_t)contract_random(seed);
    len += n;
    break;
  default: /* some less */
    if (n > len - at) n = len - at;
    memmove(bytes + at, bytes + at + n, len - at - n);
    len -= n;
    break;
  }
  out = contract_bytes(c, bytes, len);
  free(bytes);
  return out;
}

void bufs_free(struct rkv_buf *bufs, size_t count) {
  for (size_t i = 0; i < count; i++) rkv_buf_drop(&bufs[i]);
}
