/* progress.h: shows on a terminal how far a long command has come. */
#ifndef HOST_STORAGE_PROGRESS_H
#define HOST_STORAGE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum progress_unit { PROGRESS_ENTRIES, PROGRESS_BYTES };

struct progress {
  FILE *out;
  bool shown; /* `out` is a terminal */
  const char *what;
  enum progress_unit unit;
  uint64_t total, done, from; /* `from` of `done`: before anybody looked */
  uint64_t began_ns, next_ns; /* when this part began; when it is shown again */
};

/* Nothing is shown where `out` is no terminal. */
void progress_init(struct progress *p, FILE *out);
/* A new part, in a word or two: so many are to be done. */
void progress_begin(struct progress *p, const char *what, enum progress_unit unit, uint64_t total);
/* The part was at `done` already when somebody began to look: the rate does not count that. */
void progress_join(struct progress *p, uint64_t done);
/* So many more are done. */
void progress_add(struct progress *p, uint64_t more);
/* Clears the line. */
void progress_end(struct progress *p);

#endif
