/* digest_story.h: clusters whose state machines may go astray, and how they are looked at. */
#ifndef DIGEST_STORY_H
#define DIGEST_STORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <node/digest.h>
#include <node/kernel/state.h>
#include <support/world_internal.h>

#define SECOND UINT64_C(1000000000)

struct machines {
  struct world *w;
  const struct rkv_state_machine_ops *real;
  struct rkv_state_machine_ops ops;
  rkv_index astray_at[WORLD_NODES_MAX + 1]; /* from here on its state is another; 0: never */
  bool fails;
  rkv_index asked_at[WORLD_NODES_MAX + 1]; /* its digest was asked here last */
  size_t asked[WORLD_NODES_MAX + 1];
  size_t agreed[WORLD_NODES_MAX + 1]; /* ... how often at multiples of NODE_DIGEST_EVERY */
};
extern struct machines machines; /* of the world made last */

struct world *world_of_three(uint64_t seed);
/* A cluster that node 1 leads, which has asked its peers who they are. */
void begin(struct world *w);
/* All of them are applied everywhere. */
void write_some(struct world *w, size_t count);
void astray_from_now_on(struct world *w, rkv_node_id id);

const struct digesting *digest_of(struct world *w, rkv_node_id id);
rkv_index applied(struct world *w, rkv_node_id id);
/* What leader `id` knows of a peer. */
rkv_index said_by(struct world *w, rkv_node_id id, rkv_node_id peer);
/* The metrics of the node have these words. */
bool metrics_say(struct world *w, rkv_node_id id, const char *words);

#endif
