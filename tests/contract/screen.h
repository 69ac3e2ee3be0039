/* screen.h: one line on a terminal that says how far a run is; nothing elsewhere. */
#ifndef CONTRACT_SCREEN_H
#define CONTRACT_SCREEN_H

#include "run.h"

#include <stdio.h>

struct screen {
  FILE *out; /* NULL: no terminal */
  uint64_t began_ms;
  bool shown;
};

/* Shows progress on `out` if it is a terminal. */
void screen_begin(struct screen *screen, FILE *out);
/* Shows how many of the laws are over. `runs` are `places` for laws that run, some without one. The
 * time that is left is a guess by the laws that are over, and how long each may take. */
void screen_show(struct screen *screen, const struct contract_law *const *laws, const bool *over,
                 const struct run_outcome *outcomes, size_t count, const struct run *runs,
                 size_t places);
/* Takes the line away, before another one is printed. */
void screen_clear(struct screen *screen);

#endif
