/* depart.h: a node that stops while a voter is on its way back (tend.c). If no majority of the
 * voters would hold its log without this node, it waits for the other one to get its vote: gone
 * now, and with its storage emptied too, it would end the cluster although two copies of the data
 * exist. The host decides how long it waits at most. */
#ifndef NODE_DEPART_H
#define NODE_DEPART_H

#include <rkv/types.h>

struct node;

/* X(NAME, meaning). */
#define DEPART_STATE_LIST(X)                                                                       \
  X(STAYS, "the node does not stop")                                                               \
  X(ASKS, "it has asked the other voters who they are")                                            \
  X(ASKS_AGAIN, "it asks those that did not answer once more, by new connections")                 \
  X(WAITS, "a voter on its way back needs it")                                                     \
  X(GOES, "nobody needs it, or it goes all the same")

enum depart_state {
#define DEPART_STATE_ENUM(name, meaning) DEPART_##name,
  DEPART_STATE_LIST(DEPART_STATE_ENUM)
#undef DEPART_STATE_ENUM
};

struct departing {
  enum depart_state state;
  rkv_node_id waits_for; /* WAITS: a voter on its way back; else 0 */
  uint64_t ask_ns;       /* WAITS: when the others are asked again */
  uint64_t heard_ns;     /* when a voter on its way back was heard of last */
  uint64_t asked_ns;     /* when the others were asked first */
};

/* Once the node drains: looks whether it is needed. After each batch. */
void depart_run(struct node *n);
/* The node ends: if it still waited, says what is lost with it. */
void depart_end(struct node *n);

#endif
