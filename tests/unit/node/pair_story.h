/* pair_story.h: what a node does with a pair (node/pair.h) of two fakes, in every order of ends. */
#ifndef PAIR_STORY_H
#define PAIR_STORY_H

#include <stdbool.h>

/* What the runner does, a letter each, as soon as it may:
 *   v i a t   saves a vote, saves an identity, appends an entry, truncates the last one
 *   b c j     begins a copy, copies the log, joins
 *   r f       retires current, finishes the copy
 *   d x       drops the copy, closes the side that was left
 *   N         lets current end its oldest write whenever it gets one */
struct story {
  const char *script;
  const char *nested; /* NULL, or what the completion of the first write does */
  bool at_once[2];    /* the side ends every write before it returns */
  bool may_stop;      /* the node stops at any moment */
  unsigned fails[2];  /* number of the side's write that fails, from 1; 0: none */
};

/* All orders; how many there were. */
unsigned story_play_all(const struct story *s);

#endif
