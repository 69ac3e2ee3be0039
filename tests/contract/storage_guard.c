/* storage_guard.c: laws 52 to 54: who may open a directory. */
#include "storage.h"
#include "storage_laws.h"

#include "tree.h"

#include <stdio.h>

STORAGE_LAWS_CRASH(STORAGE_LAW_PROTOTYPE)

static void make(struct contract *c, void *arg) {
  struct storage s;
  struct model *m = arg;
  storage_init(&s, c);
  storage_open(&s);
  storage_append(&s, m, 20, 200);
  storage_do(&s, m, step_vote(3, 1, false));
  storage_close(&s);
}

static struct model *made(struct contract *c) {
  struct model *m = model_new(c);
  struct step append = step_append(m, 20, 200), vote = step_vote(3, 1, false);
  contract_apart(c, make, m, 20);
  model_step(c, m, &append);
  model_step(c, m, &vote);
  return m;
}

/* ---- another process ---- */

struct gate {
  atomic_bool open, tried;
};

static void hold_open(struct contract *c, void *arg) {
  struct gate *gate = arg;
  struct storage s;
  struct model *m = model_new(c);
  storage_init(&s, c);
  storage_open(&s);
  storage_append(&s, m, 3, 50);
  atomic_store(&gate->open, true);
  while (!atomic_load(&gate->tried)) contract_pause_ms(2);
  storage_append(&s, m, 3, 50); /* the refused open has harmed nothing */
  storage_keeps(&s, m);
  storage_close(&s);
  model_free(m);
}

static void try_beside(struct contract *c, void *arg) {
  struct storage s;
  enum rkv_status status;
  (void)arg;
  storage_init(&s, c);
  status = storage_try(&s);
  CONTRACT_REQUIRE(c, status != RKV_OK, "a directory that another process uses was opened");
}

void storage_law_one_process_at_a_time(struct contract *c) {
  struct gate *gate = contract_share(c, sizeof *gate);
  pid_t holder = contract_fork(c, hold_open, gate);
  uint64_t until = contract_now_ms() + UINT64_C(20000) * c->slow;
  while (!atomic_load(&gate->open) && contract_now_ms() < until) contract_pause_ms(2);
  contract_apart(c, try_beside, NULL, 20);
  atomic_store(&gate->tried, true);
  CONTRACT_REQUIRE(c, contract_join(c, holder, 20), "the holder was killed");
}

/* ---- another node ---- */

static void open_as_other(struct contract *c, void *arg) {
  struct storage s;
  enum rkv_status status;
  (void)arg;
  storage_init(&s, c);
  s.node_id = 2;
  status = storage_try(&s);
  CONTRACT_REQUIRE(c, status == RKV_FOREIGN, "another node's directory: open gave %s, not FOREIGN",
                   rkv_status_name(status));
}

static void find(struct contract *c, void *arg) {
  struct storage s;
  char text[RKV_ERROR_TEXT_MAX];
  storage_init(&s, c);
  storage_open(&s);
  CONTRACT_REQUIRE(c, storage_same(&s, arg, text), "%s", text);
  storage_close(&s);
}

void storage_law_foreign_node_is_refused(struct contract *c) {
  struct model *m = made(c);
  contract_apart(c, open_as_other, NULL, 20);
  contract_apart(c, find, m, 20);
  model_free(m);
}

/* Names and bytes of files that hold data; a log for people may grow. */
void storage_law_refusal_changes_nothing(struct contract *c) {
  struct model *m = made(c);
  char data[CONTRACT_PATH_MAX];
  uint64_t before;
  (void)snprintf(data, sizeof data, "%.480s/data", c->dir);
  before = tree_hash(data);
  contract_apart(c, open_as_other, NULL, 20);
  CONTRACT_REQUIRE(c, tree_hash(data) == before,
                   "an open that was refused (another node's directory) changed the directory");
  contract_apart(c, find, m, 20);
  model_free(m);
}
