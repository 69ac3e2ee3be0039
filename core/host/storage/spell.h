/* spell.h: puts into words which storage one is: for notes, and for the lines of a file. */
#ifndef HOST_STORAGE_SPELL_H
#define HOST_STORAGE_SPELL_H

#include <host/storage/subject.h>

#define SPELL_SECRET "(the secret)" /* stands for one that was given word for word */

/* "storage-wal, dir=/path": the plugin and those settings that were given and are no secrets, or
 * name where a secret is (${NAME}, file:/PATH); a path as it is from the root; of a stacked one
 * also "over=PLUGIN", and "under.KEY=VALUE" of the other. Returns the length that it has, like
 * snprintf. */
size_t spell_note(const struct subject *subject, char *out, size_t size);
/* The same for people: a plugin that was given by its path is named by it. (A note never leads to
 * one: whoever writes into a log must not choose what code a node loads.) */
size_t spell_words(const struct subject *subject, char *out, size_t size);
/* "plugin = storage-wal", `between`, "dir = /path": the same as lines of section [storage]. */
size_t spell_lines(const struct subject *subject, const char *between, char *out, size_t size);

#endif
