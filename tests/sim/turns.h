/* turns.h: the threads of one node's storage (storage-parts/threads.h) in virtual time: fibres that
 * get a turn by an event of the world, and keep it until they wait.
 *
 * The node's loop and its jobs are the thread of the world itself. Where that has to wait for one
 * of the others, which takes no virtual time, the others have turns meanwhile. */
#ifndef SIM_TURNS_H
#define SIM_TURNS_H

#include <storage-parts/threads.h>

#include <support/world_internal.h>

struct turns;

/* `after(arg)` is called behind each turn that an event gave. */
struct turns *turns_new(struct world *w, rkv_node_id id, void (*after)(void *arg), void *arg);
/* None of its threads may be there any more, nor an event of the world's. */
void turns_free(struct turns *t);
const struct threads *turns_table(const struct turns *t);
/* True: the world's own thread asks. */
bool turns_outside(void);
/* True: a thread asks, and `after` follows its turn. */
bool turns_by_event(void);
/* Inside: so much virtual time passes, or less if the world's own thread waits. Outside: nothing
 * happens. */
void turns_sleep(struct turns *t, uint64_t ns);

#endif
