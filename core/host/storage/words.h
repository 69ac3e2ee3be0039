/* words.h: entries in words, for people. */
#ifndef HOST_STORAGE_WORDS_H
#define HOST_STORAGE_WORDS_H

#include <host/config.h>

enum { WORDS_MAX = 4096 }; /* bytes of a line, its NUL included: a membership has 64 nodes */

/* Who puts commands into words. */
struct words {
  struct host_plugin machine;
  const struct rkv_state_machine_ops *ops; /* NULL: nobody */
};

/* Loads the state machine: `named`, else the one of the configuration, else sm-protobuf if it is
 * there. False after a problem: the one that was named does not load, or knows no words. */
bool words_find(struct words *words, const char *named, struct host_place *place,
                struct host_problems *problems);

/* What an entry says, in `text`. False: its bytes say all that is known. */
bool words_of(const struct words *words, const struct rkv_entry *entry, char text[WORDS_MAX]);

#endif
