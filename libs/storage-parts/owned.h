/* owned.h: whose a directory is, by the file that each storage of ours keeps in it. A leaf.
 *
 * The file begins with the line "raft-key-value PLUGIN"; what follows is the plugin's own. */
#ifndef STORAGE_PARTS_OWNED_H
#define STORAGE_PARTS_OWNED_H

#include <rkv/status.h>
#include <rkv/types.h>

#include <stddef.h>

#define OWNED_FILE "rkv-owner"
#define OWNED_FILE_NEW OWNED_FILE ".new" /* unfinished */

/* Checks that `plugin` wrote the first line of the file, which is called `where`. Errors:
 * RKV_FOREIGN if another plugin did; RKV_CORRUPT if it is no such line. */
enum rkv_status owned_check_plugin(const char *where, const char *plugin, const void *bytes,
                                   size_t len, struct rkv_error *error);

/* Checks that this version, which knows formats up to `known`, knows it. Errors: RKV_FOREIGN. */
enum rkv_status owned_check_format(const char *where, unsigned format, unsigned known,
                                   struct rkv_error *error);

/* Checks that the directory is this node's. Errors: RKV_FOREIGN. */
enum rkv_status owned_check_node(const char *where, rkv_node_id found, rkv_node_id self,
                                 struct rkv_error *error);

#endif
