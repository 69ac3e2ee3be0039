/* role.c: the state of a role (role.h). */
#include <node/kernel/role.h>

#include <assert.h>

void role_init(struct role *role, void (*run)(void *ctx), void *ctx) {
  assert(run);
  atomic_init(&role->state, ROLE_IDLE);
  role->run = run;
  role->ctx = ctx;
}

/* Every step is a read-modify-write, so that the runner reads what the last kick wrote, and with it
 * what the kicking thread wrote before. */
void role_kick(struct role *role) {
  int running = ROLE_RUNNING;
  if (atomic_exchange(&role->state, ROLE_AGAIN) != ROLE_IDLE) return;
  do {
    int before = atomic_exchange(&role->state, ROLE_RUNNING);
    assert(before != ROLE_IDLE); /* (K1) */
    (void)before;
    role->run(role->ctx);
    running = ROLE_RUNNING;
  } while (!atomic_compare_exchange_strong(&role->state, &running, ROLE_IDLE));
}

bool role_is_idle(const struct role *role) {
  return atomic_load(&role->state) == ROLE_IDLE;
}
