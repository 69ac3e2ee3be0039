/* storage_random.c: law 41: any sequence of operations, compared with the model. A sequence that
 * fails is made as short as possible and printed as C calls.
 *
 * A sequence is a list of wishes (storage.h), so that any part of it is a sequence too. Each is
 * tried in a process of its own, in a directory of its own. Shrinking is delta debugging (Zeller,
 * Hildebrandt 2002): leave out ever smaller parts as long as it still fails. */
#include "storage.h"
#include "storage_laws.h"

#include "run.h"
#include "tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

STORAGE_LAWS_LIMITS(STORAGE_LAW_PROTOTYPE)

enum {
  WISHES = 400,     /* of a sequence */
  CHECK_EVERY = 16, /* steps, after which all that is held is read */
  TRY_S = 20,       /* for one sequence */
  TRIES_MAX = 300,  /* while shrinking */
};

struct sequence {
  struct wish wishes[WISHES];
  size_t count;
};

/* What the process that tries a sequence tells. */
struct trial {
  struct sequence *sequence;
  atomic_size_t at; /* the wish being carried out */
  char text[RKV_ERROR_TEXT_MAX];
  bool wrong;
};

/* ---- one sequence ---- */

static void try_sequence(struct contract *c, void *arg) {
  struct trial *t = arg;
  struct storage s;
  struct model *m = model_new(c);
  storage_init(&s, c);
  storage_open(&s);
  for (size_t i = 0; i < t->sequence->count && !t->wrong; i++) {
    struct step step = wish_step(m, &t->sequence->wishes[i], false);
    atomic_store(&t->at, i);
    t->wrong = !storage_step(&s, m, &step, t->text);
    if (!t->wrong && (i + 1 == t->sequence->count || i % CHECK_EVERY == 0)) storage_holds(&s, m);
  }
  storage_close(&s);
  model_free(m);
  contract_no_buffers(c);
}

/* True: it fails, and `shared` says how. The process's own failures (contract_fail, a crash, a
 * hang) are told in the same way. */
static bool fails(struct contract *c, struct trial *t, struct sequence *sequence) {
  struct contract own = *c;
  int how = 0;
  pid_t pid;
  own.shared = contract_share(c, sizeof *own.shared);
  t->sequence = sequence;
  t->wrong = false;
  atomic_store(&t->at, 0);
  tree_remove(c->dir);
  CONTRACT_REQUIRE(c, tree_make(c->dir), "the suite cannot make %s", c->dir);
  pid = contract_fork(&own, try_sequence, t);
  if (!run_wait(pid, UINT64_C(1000) * TRY_S * c->slow, &how)) {
    t->wrong = true;
    (void)snprintf(t->text, sizeof t->text, "it hung");
  } else if (!t->wrong && WIFSIGNALED(how)) {
    t->wrong = true;
    (void)snprintf(t->text, sizeof t->text, "it crashed (signal %d)", WTERMSIG(how));
  } else if (!t->wrong && (!WIFEXITED(how) || WEXITSTATUS(how) != RUN_PASSED)) {
    t->wrong = true;
    (void)snprintf(t->text, sizeof t->text, "%.500s", own.shared->text);
  }
  contract_unshare(own.shared, sizeof *own.shared);
  return t->wrong;
}

/* ---- shrinking ---- */

/* `from` without the wishes [at, at + len). */
static void leave_out(const struct sequence *from, size_t at, size_t len, struct sequence *to) {
  to->count = 0;
  for (size_t i = 0; i < from->count; i++)
    if (i < at || i >= at + len) to->wishes[to->count++] = from->wishes[i];
}

static void shrink(struct contract *c, struct trial *t, struct sequence *sequence) {
  struct sequence *shorter = contract_share(c, sizeof *shorter);
  unsigned tries = 0;
  sequence->count = atomic_load(&t->at) + 1; /* steps after the failing one do not matter */
  for (size_t len = sequence->count / 2; len > 0; len /= 2) {
    for (size_t at = 0; at + len <= sequence->count && tries < TRIES_MAX;) {
      tries++;
      leave_out(sequence, at, len, shorter);
      if (shorter->count > 0 && fails(c, t, shorter))
        *sequence = *shorter;
      else
        at += len;
    }
  }
  contract_unshare(shorter, sizeof *shorter);
}

/* ---- the story ---- */

_Noreturn static void tell(struct contract *c, struct trial *t, struct sequence *sequence,
                           uint64_t number) {
  struct model *m = model_new(c);
  char *story = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&story, &len);
  CONTRACT_REQUIRE(c, out, "no memory");
  (void)fails(c, t, sequence); /* fails once more: the last try may have passed */
  (void)fprintf(out, "sequence %" PRIu64 ", made as short as it goes:\n  open(&s)\n", number);
  for (size_t i = 0; i < sequence->count; i++) {
    struct step step = wish_step(m, &sequence->wishes[i], false);
    char line[256];
    step_print(&step, line, sizeof line);
    (void)fprintf(out, "  %s%s\n", line, i == atomic_load(&t->at) ? "   <-- here" : "");
    model_step(c, m, &step);
  }
  (void)fprintf(out, "%s", t->wrong ? t->text : "(and now it passes: it depends on time)");
  (void)fclose(out);
  contract_fail(c, "%s", story);
}

void storage_law_model(struct contract *c) {
  uint64_t operations = contract_amount(c, 6000, 6000, 1000000), done = 0, number = 0;
  struct sequence *sequence = contract_share(c, sizeof *sequence);
  struct trial *t = contract_share(c, sizeof *t);
  for (uint64_t seed = c->seed; done < operations; done += WISHES) {
    number++;
    for (sequence->count = 0; sequence->count < WISHES; sequence->count++)
      sequence->wishes[sequence->count] = wish_next(&seed);
    if (fails(c, t, sequence)) {
      shrink(c, t, sequence);
      tell(c, t, sequence, number);
    }
  }
  contract_note(c, "%" PRIu64 " operations in %" PRIu64 " sequences", done, number);
}
