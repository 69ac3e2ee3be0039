/* sm_queries.c: the law of queries beside apply.
 *
 * A first machine applies the log entry by entry and is asked after each entry: answers[question]
 * is the history from which every answer must come. Then threads ask a second machine while it
 * applies the same log. An answer must be that of a prefix of the log which has everything that was
 * applied before the question, and nothing that was handed in after the answer. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "sm.h"

void sm_law_queries_see_a_prefix(struct contract *c);

enum { KEYS = 6, READERS = 3, ASKED_MAX = 12 };

struct history {
  struct contract *c;
  struct log log;
  struct rkv_buf questions[SM_QUESTIONS_MAX];
  size_t question_count;
  struct rkv_buf *answers; /* [question * (entries + 1) + prefix] */
  size_t changes;          /* how often an answer differs from the one before it */
};

static struct rkv_buf *answer_at(const struct history *h, size_t question, size_t prefix) {
  return &h->answers[question * (h->log.count + 1) + prefix];
}

static struct rkv_buf ask(struct machine *m, struct rkv_buf question) {
  struct rkv_buf answer = rkv_buf_none();
  struct rkv_error error;
  CONTRACT_REQUIRE(m->c, m->ops->query(m->it, question, &answer, &error) == RKV_OK, "query: %s",
                   error.text);
  return answer;
}

/* Evenly chosen, so that every shape that is answered is among them. */
static void choose(struct history *h, const struct commands *k, struct machine *m) {
  struct rkv_buf all[SM_QUESTIONS_MAX];
  size_t count = commands_questions(k, m, KEYS, all);
  h->question_count = count < ASKED_MAX ? count : ASKED_MAX;
  for (size_t i = 0; i < h->question_count; i++)
    h->questions[i] = rkv_buf_share(all[i * count / h->question_count]);
  bufs_free(all, count);
}

static void record(struct history *h, struct machine *m) {
  for (size_t prefix = 0; prefix <= h->log.count; prefix++) {
    machine_apply(m, &h->log, prefix, 1, NULL);
    for (size_t i = 0; i < h->question_count; i++) {
      *answer_at(h, i, prefix) = ask(m, h->questions[i]);
      if (prefix > 0)
        h->changes += !rkv_buf_equal(*answer_at(h, i, prefix), *answer_at(h, i, prefix - 1));
    }
  }
}

struct reader {
  struct history *h;
  struct machine *m;
  atomic_size_t *handed, *applied; /* prefixes: handed to apply, and returned from */
  atomic_bool *over;
  uint64_t seed;
  size_t asked;
  pthread_t thread;
};

/* One question; `since` is what this reader has seen of it before. */
static size_t read_once(struct reader *r, size_t question, size_t since) {
  size_t from = atomic_load(r->applied), prefix, to;
  struct rkv_buf answer = ask(r->m, r->h->questions[question]);
  to = atomic_load(r->handed);
  if (from < since) from = since;
  for (prefix = from; prefix <= to; prefix++)
    if (rkv_buf_equal(answer, *answer_at(r->h, question, prefix))) break;
  CONTRACT_REQUIRE(
      r->h->c, prefix <= to,
      "an answer of %zu bytes is that of no prefix of the log from %zu entries (applied "
      "before, or seen before by the same thread) to %zu (handed in)",
      answer.len, from, to);
  rkv_buf_drop(&answer);
  return prefix;
}

static void *read_on(void *arg) {
  struct reader *r = arg;
  size_t seen[ASKED_MAX] = {0};
  do {
    size_t question = contract_random(&r->seed) % r->h->question_count;
    seen[question] = read_once(r, question, seen[question]);
    r->asked++;
  } while (!atomic_load(r->over));
  return NULL;
}

static size_t race(struct history *h, struct machine *m) {
  struct reader readers[READERS];
  atomic_size_t handed = 0, applied = 0;
  atomic_bool over = false;
  uint64_t seed = h->c->seed;
  size_t asked = 0;
  for (size_t i = 0; i < READERS; i++) {
    readers[i] = (struct reader){
        .h = h, .m = m, .handed = &handed, .applied = &applied, .over = &over, .seed = seed + i};
    CONTRACT_REQUIRE(h->c, pthread_create(&readers[i].thread, NULL, read_on, &readers[i]) == 0,
                     "the suite gets no thread");
  }
  while (m->at < h->log.count) {
    size_t to = m->at + contract_between(&seed, 1, 20);
    if (to > h->log.count) to = h->log.count;
    atomic_store(&handed, to);
    machine_apply(m, &h->log, to, 20, NULL);
    atomic_store(&applied, to);
  }
  atomic_store(&over, true);
  for (size_t i = 0; i < READERS; i++) {
    (void)pthread_join(readers[i].thread, NULL);
    asked += readers[i].asked;
  }
  return asked;
}

void sm_law_queries_see_a_prefix(struct contract *c) {
  size_t count = contract_amount(c, 3000, 3000, 20000), rounds = contract_amount(c, 5, 5, 50);
  size_t asked = 0;
  struct history *h = calloc(1, sizeof *h);
  struct commands k;
  struct machine first, second;
  CONTRACT_REQUIRE(c, h, "the suite has no memory");
  h->c = c;
  machine_open(&first, c, "first");
  commands_find(&k, &first);
  log_make(&h->log, &k, count, KEYS, c->seed);
  choose(h, &k, &first);
  h->answers = calloc((h->question_count + 1) * (count + 1), sizeof *h->answers);
  CONTRACT_REQUIRE(c, h->answers, "the suite has no memory");
  record(h, &first);
  if (h->changes == 0)
    contract_skip(c, "no request that the suite knows is answered differently as the log grows: "
                     "give some with --commands FILE");
  for (size_t i = 0; i < rounds; i++) {
    char name[32];
    (void)snprintf(name, sizeof name, "second%zu", i);
    machine_open(&second, c, name);
    asked += race(h, &second);
    machine_close(&second);
  }
  contract_note(c, "%zu answers beside %zu entries; %zu changes of %zu answers", asked,
                rounds * count, h->changes, h->question_count);
  bufs_free(h->answers, h->question_count * (count + 1));
  bufs_free(h->questions, h->question_count);
  free(h->answers);
  log_free(&h->log);
  free(h);
  commands_free(&k);
  machine_close(&first);
}
