/* fibre.h: threads of control that take turns on one thread: each has a stack, and runs from one
 * turn to the next until it gives the turn back. */
#ifndef SIM_FIBRE_H
#define SIM_FIBRE_H

#include <stdbool.h>

struct fibre;

/* One that will run `run(arg)`, from its first turn on. */
struct fibre *fibre_new(void (*run)(void *arg), void *arg);
/* Gives it a turn: returns when it gives the turn back, or has ended. Not from inside a fibre. */
void fibre_resume(struct fibre *fibre);
/* Gives the turn back, from inside the fibre. */
void fibre_yield(void);
/* Whose turn it is; NULL: nobody's, the thread itself runs. */
struct fibre *fibre_current(void);
bool fibre_has_ended(const struct fibre *fibre);
/* One that has ended, or never had a turn. Its stack is kept for the next one. */
void fibre_free(struct fibre *fibre);

#endif
