/* role.h: the role of running something, which one thread at a time takes; a leaf.
 *
 * A thread that has work puts it where `run` looks, then kicks. If no thread is inside `run`, the
 * kicking thread enters; if another one is, that thread looks again before it leaves. What a thread
 * wrote before it kicked is seen by a run that begins after the kick.
 *
 * (K1) `run` is inside one thread at a time. */
#ifndef NODE_ROLE_H
#define NODE_ROLE_H

#include <stdatomic.h>
#include <stdbool.h>

enum role_state { ROLE_IDLE, ROLE_RUNNING, ROLE_AGAIN };

struct role {
  atomic_int state;       /* an enum role_state */
  void (*run)(void *ctx); /* works until nothing is left that it sees */
  void *ctx;
};

void role_init(struct role *role, void (*run)(void *ctx), void *ctx);
/* Enters `run` on this thread. If another thread is inside, makes that thread look again instead.
 * Any thread. */
void role_kick(struct role *role);
/* True if no thread is inside. Any thread. Once nobody kicks any more, true is final. */
bool role_is_idle(const struct role *role);

#endif
