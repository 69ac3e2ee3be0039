/* tree.h: directories that a plugin fills: made, copied, compared, removed, with all that is
 * below. */
#ifndef CONTRACT_TREE_H
#define CONTRACT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: it was there or cannot be made (errno). Mode 0700. */
bool tree_make(const char *path);

/* Removes a directory with everything in it; nothing happens if it is not there. */
void tree_remove(const char *path);

/* Makes `to` hold exactly what `from` holds: plain files (holes stay holes) and directories. `from`
 * may be in use: what is renamed or removed meanwhile is under one of its names. False with errno
 * if it cannot. */
bool tree_copy(const char *from, const char *to);

/* One number that tells names, kinds, sizes and bytes of a tree; not times. */
uint64_t tree_hash(const char *path);

/* The same of one file's bytes. */
uint64_t tree_file_hash(const char *path);

/* Calls `act` with the path of each plain file, in the order of their names. */
void tree_each(const char *path, void (*act)(const char *file, void *arg), void *arg);

#endif
