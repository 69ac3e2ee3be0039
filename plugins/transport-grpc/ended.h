/* ended.h: what this node ended by itself, connections and calls: counted, and told without filling
 * the log: at once, and then every ENDED_TELL_NS what has come since. */
#ifndef TRANSPORT_ENDED_H
#define TRANSPORT_ENDED_H

#include "server.h"

#define ENDED_TELL_NS (10 * SECOND)

struct ended;

/* Inside open. NULL without memory. */
struct ended *ended_new(struct transport *t);
void ended_free(struct ended *e);

/* How many connections are allowed, for the text; before anything is refused. */
void ended_set_max(struct ended *e, size_t connections_max);

/* One more. Any thread. */
void ended_add(struct ended *e, enum ended_kind why);

#endif
