/* scratch.h: the directory in which laws write, and what is left of it.
 *
 * (S1) A file in it is locked as long as a process of the run lives. A directory with such a file
 *      that nobody has locked is of a run that was killed, and goes with the next run. */
#ifndef CONTRACT_SCRATCH_H
#define CONTRACT_SCRATCH_H

#include "contract.h"

#include <stdio.h>

struct scratch {
  char path[CONTRACT_PATH_MAX / 2]; /* absolute and without links: the shim knows files by path */
  bool keep;                        /* it is the user's, and what laws leave in it stays */
  int lock;                         /* -1: none */
};

/* Makes a directory of its own in `base`, and removes there what killed runs left, saying so on
 * `err`. False: `err` says why not. */
bool scratch_make(struct scratch *scratch, const char *base, FILE *err);
/* Takes the user's directory, which is made or must be empty. False: `err` says why not. */
bool scratch_take(struct scratch *scratch, const char *dir, FILE *err);
/* Removes what scratch_make made. */
void scratch_clear(struct scratch *scratch);

#endif
