/* owner.h: the file `rkv-owner`: which node the directory belongs to, and in which format. A leaf.
 *
 * It is read before RocksDB is opened, which changes files: so a refusal leaves everything as it
 * was. It says `new` until the database is made: a database that is missing later is never taken
 * for one that was not made yet. It says `closed` from an orderly close to the first write behind
 * the next open: then the log has no tail that a crash could have torn. An open that is refused
 * leaves that as it was. */
#ifndef ROCKS_OWNER_H
#define ROCKS_OWNER_H

#include <rkv/status.h>
#include <rkv/types.h>

#include <stdbool.h>

#define OWNER_FORMAT 1u /* what this version writes; greater ones are refused */

enum owner_state { OWNER_NEW, OWNER_MADE, OWNER_CLOSED };

/* Makes the directory (0700), takes it for this process alone, makes durable what is found in it
 * (sync), and claims it if nobody has. *lock is
 * a descriptor that holds it until it is closed, also after an error (-1: none).
 * Errors: RKV_UNAVAILABLE if another process has it; RKV_FOREIGN for another node, a newer format,
 * or a RocksDB of somebody else; RKV_CORRUPT; RKV_IO; RKV_NO_SPACE. */
enum rkv_status owner_claim(const char *dir, rkv_node_id node_id, bool sync, int *lock,
                            enum owner_state *state, struct rkv_error *error);

/* Makes the state durable, in a directory that was claimed. Errors: RKV_IO, RKV_NO_SPACE. */
enum rkv_status owner_write(const char *dir, int lock, rkv_node_id node_id, enum owner_state state,
                            struct rkv_error *error);

#endif
