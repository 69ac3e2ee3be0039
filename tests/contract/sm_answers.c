/* sm_answers.c: answers, to commands and to questions, of machines that must be alike. */
#include <stdlib.h>

#include "sm.h"

struct rkv_buf *answers_new(struct contract *c, size_t count) {
  struct rkv_buf *answers = calloc(count, sizeof *answers);
  CONTRACT_REQUIRE(c, answers, "the suite has no memory");
  return answers;
}

void answers_free(struct rkv_buf *answers, size_t count) {
  bufs_free(answers, count);
  free(answers);
}

void answers_require(struct contract *c, const struct rkv_buf *is, const struct rkv_buf *must,
                     size_t from, size_t to, const char *what) {
  for (size_t i = from; i < to; i++)
    CONTRACT_REQUIRE(c, rkv_buf_equal(is[i], must[i]),
                     "entry %zu was answered differently by %s (%zu bytes instead of %zu)", i + 1,
                     what, is[i].len, must[i].len);
}

size_t questions_require(const struct commands *k, struct machine *is, struct machine *must,
                         uint64_t keys, const char *what) {
  struct rkv_buf questions[SM_QUESTIONS_MAX];
  size_t count = commands_questions(k, must, keys, questions);
  for (size_t i = 0; i < count; i++) {
    struct rkv_buf one = rkv_buf_none(), two = rkv_buf_none();
    enum rkv_status first =
        must->ops->query(must->it, questions[i], &one, contract_ask(&must->error));
    enum rkv_status second = is->ops->query(is->it, questions[i], &two, contract_ask(&is->error));
    CONTRACT_REQUIRE(k->c, first == second, "a question is answered with %s, and by %s with %s",
                     rkv_status_name(first), what, rkv_status_name(second));
    if (first != RKV_OK) contract_text_ok(k->c, first, &must->error, "query");
    CONTRACT_REQUIRE(k->c, rkv_buf_equal(one, two), "a question is answered differently by %s",
                     what);
    rkv_buf_drop(&one);
    rkv_buf_drop(&two);
  }
  bufs_free(questions, count);
  return count;
}
