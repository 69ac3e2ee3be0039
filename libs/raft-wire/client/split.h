/* split.h: which entries go into which message, so that every message fits the peer's limit and
 * there are as few messages as possible. A leaf: numbers in, numbers out.
 *
 * Taking as many entries as fit into every part from the left gives the fewest parts: a part that
 * starts later may have a longer head, but by less than the entries it no longer holds. While the
 * limit is only a guess, one entry may go alone over it: only the peer knows. */
#ifndef WIRE_SPLIT_H
#define WIRE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

struct split {
  const size_t *heads; /* heads[i]: bytes of a message beside its entries if entry i is its first */
  const size_t *sizes; /* bytes of entry i in a message */
  size_t count;        /* entries */
  size_t limit;        /* bytes of one message */
  bool exact;          /* the peer named the limit; else it is a guess */
};

/* Entries of the part that starts at `from` (< count); *bytes = the message's size. 0: entry `from`
 * can never fit, *bytes = the size of the message with it alone. */
size_t split_take(const struct split *split, size_t from, size_t *bytes);

/* Parts from `from` until the end or before the first entry that can never fit. */
size_t split_parts(const struct split *split, size_t from);

/* Bytes of one message with the entries from `from` to the end. */
size_t split_bytes(const struct split *split, size_t from);

#endif
