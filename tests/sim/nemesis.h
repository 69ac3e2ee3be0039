/* nemesis.h: the acts of SIM_FAULT_LIST (sim.h): each begins a trouble, marks how long it lasts,
 * and sees to its end. */
#ifndef SIM_NEMESIS_H
#define SIM_NEMESIS_H

#include "sim.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define NEMESIS_LOST_NS (10 * SECOND) /* about what the way back from a lost disk takes */

#define NEMESIS_JOB_NS (2 * SECOND) /* a slow job of a worker takes so long at most */

typedef void nemesis_act(struct sim *s, enum sim_fault fault);

#define NEMESIS_ACT(name, text, act) nemesis_act act;
SIM_FAULT_LIST(NEMESIS_ACT)
#undef NEMESIS_ACT

/* At least `least`, less than `spread` more. */
uint64_t nemesis_some(struct sim *s, uint64_t least, uint64_t spread);
rkv_node_id nemesis_id(struct sim *s);
/* A node that leads, else any. */
rkv_node_id nemesis_leader(struct sim *s);

/* Acts as soon as a node leads three voters or more; gives up after a while. */
typedef void nemesis_at_leader(struct sim *s, enum sim_fault fault, rkv_node_id leader);
void nemesis_await_leader(struct sim *s, enum sim_fault fault, nemesis_at_leader *act);

/* What nemesis_heal repairs. */
void nemesis_calm_network(struct sim *s);
void nemesis_heal_cuts(struct world *w, void *arg);
void nemesis_calm_queues(struct sim *s);
void nemesis_calm_disks(struct sim *s);

#endif
