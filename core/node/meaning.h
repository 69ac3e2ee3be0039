/* meaning.h: what the numbers of a node mean: the answer of the admin method metrics-help. */
#ifndef NODE_MEANING_H
#define NODE_MEANING_H

#include <stddef.h>

struct node;

enum { MEANING_BYTES_MAX = 64 * 1024 /* of all lines; those that do not fit are left out */ };

/* Writes a line `name=meaning` for each number, the plugins' too; at most `size` bytes with the
 * NUL, MEANING_BYTES_MAX at least. Returns their length. Any thread. */
size_t meaning_lines(const struct node *n, char *out, size_t size);

#endif
