/* role.c: the state of a role (role.h). */
#include <node/kernel/role.h>

#include <assert.h>

void role_init(struct role *role, void (*run)(void *ctx), void *ctx) {
  assert(run);
  atomic_init(&role->state, ROLE_IDLE);
  role->run = run;
  role->ctx = ctx;
}

/* True if the role was free: this thread has it now. Else its runner looks again. If the runner
 * leaves between the two steps, this thread enters with AGAIN, and looks once more than it needs
 * to. */
static bool enter(struct role *role) {
  int state = ROLE_IDLE;
  if (role_is_idle(role) && atomic_compare_exchange_strong(&role->state, &state, ROLE_RUNNING))
    return true;
  return atomic_exchange(&role->state, ROLE_AGAIN) == ROLE_IDLE;
}

static bool leave(struct role *role) {
  int state = ROLE_RUNNING;
  return atomic_compare_exchange_strong(&role->state, &state, ROLE_IDLE);
}

/* Every step that changes the state is a read-modify-write, so that the runner reads what the last
 * kick wrote, and with it what the kicking thread wrote before. */
void role_kick(struct role *role) {
  if (!enter(role)) return;
  role->run(role->ctx);
  while (!leave(role)) {
    int before = atomic_exchange(&role->state, ROLE_RUNNING);
    assert(before != ROLE_IDLE); /* (K1) */
    (void)before;
    role->run(role->ctx);
  }
}

bool role_is_idle(const struct role *role) {
  return atomic_load(&role->state) == ROLE_IDLE;
}
