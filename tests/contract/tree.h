/* tree.h: makes, copies, compares and removes directories with everything below them. */
#ifndef CONTRACT_TREE_H
#define CONTRACT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes a directory with mode 0700. False: it exists already or cannot be made (errno). */
bool tree_make(const char *path);

/* Removes a directory with everything in it; nothing happens if it is not there. */
void tree_remove(const char *path);

/* Makes `to` hold exactly what `from` holds: plain files (holes stay holes) and directories. `from`
 * may be in use: a file that is renamed or removed meanwhile is found under one of its names. False
 * with errno if it fails. */
bool tree_copy(const char *from, const char *to);

/* A checksum of a tree's names, kinds, sizes and bytes, without times. */
uint64_t tree_hash(const char *path);

/* A checksum of one file's bytes. */
uint64_t tree_file_hash(const char *path);

/* True if the file holds these bytes; *at tells where first. */
bool tree_file_finds(const char *path, const void *bytes, size_t len, uint64_t *at);

/* Calls `act` with the path of each plain file, in the order of their names. */
void tree_each(const char *path, void (*act)(const char *file, void *arg), void *arg);

#endif
