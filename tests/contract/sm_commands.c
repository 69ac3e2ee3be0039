/* sm_commands.c: finds out which commands a machine takes, and makes random ones. */
#include <stdio.h>
#include <stdlib.h>

#include "sm_shapes.h"

enum {
  SAMPLES = 12,   /* commands that are offered before a shape counts as taken */
  VALUE_MAX = 96, /* bytes of a value */
  SPLICE_MAX = 16 /* bytes that some damage adds or takes away */
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

void commands_find(struct commands *k, struct machine *m) {
  bool any = false;
  *k = (struct commands){.c = m->c};
  if (m->c->commands) {
    given_read(k, m->c->commands);
    for (size_t i = 0; i < k->given_count; i++)
      CONTRACT_REQUIRE(m->c, m->ops->validate(m->it, k->given[i], &m->error) == RKV_OK,
                       "command %zu of %s is refused: %s", i + 1, m->c->commands, m->error.text);
    any = k->given_count > 0;
  } else {
    for (int i = 0; i < SM_SHAPES; i++) {
      k->takes[i] = shape_taken(m, (enum sm_shape)i);
      any = any || k->takes[i];
    }
  }
  CONTRACT_REQUIRE(m->c, any,
                   "its validate takes no command that the suite knows: give some with --commands "
                   "FILE (the last refusal: %s)",
                   m->error.text);
}

void commands_free(struct commands *k) {
  bufs_free(k->given, k->given_count);
  bufs_free(k->questions, k->question_count);
  free(k->given);
  free(k->questions);
}

void commands_text(const struct commands *k, char out[SM_SOURCE_TEXT_MAX]) {
  int used = snprintf(out, SM_SOURCE_TEXT_MAX, "commands: ");
  const char *comma = "";
  if (k->given)
    (void)snprintf(out + used, SM_SOURCE_TEXT_MAX - (size_t)used, "%zu given", k->given_count);
  for (int i = 0; i < SM_SHAPES && !k->given; i++) {
    if (!k->takes[i]) continue;
    used += snprintf(out + used, SM_SOURCE_TEXT_MAX - (size_t)used, "%s%s", comma, shape_names[i]);
    comma = ", ";
  }
}

struct rkv_buf commands_make(const struct commands *k, uint64_t key, uint64_t *seed) {
  int shape = (int)(contract_random(seed) % SM_SHAPES);
  if (k->given) return rkv_buf_share(k->given[contract_random(seed) % k->given_count]);
  while (!k->takes[shape]) shape = (shape + 1) % SM_SHAPES;
  return shape_command(k->c, (enum sm_shape)shape, key, contract_between(seed, 0, VALUE_MAX), seed);
}

struct rkv_buf commands_large(const struct commands *k, enum sm_shape shape, size_t len) {
  uint64_t seed = k->c->seed;
  return shape_command(k->c, shape, 1, len, &seed);
}

size_t commands_questions(const struct commands *k, struct machine *m, uint64_t keys,
                          struct rkv_buf *out) {
  size_t count = 0;
  for (size_t i = 0; i < k->question_count; i++) out[count++] = rkv_buf_share(k->questions[i]);
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
