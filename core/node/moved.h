/* moved.h: a storage that was copied into another one, and that copy; a leaf.
 *
 * A node that moves from one storage to another must never start on both: it would vote twice. So
 * the identities that the two hold say which of them counts, at every moment of a copy:
 *
 *   source   copy         who starts
 *   node's   UNFINISHED   the node, on its source; the copy may be stale by then
 *   RETIRED  UNFINISHED   nobody: the copy is whole, and to be finished: by the same command, or by
 *                         a start on the source (moved_settle)
 *   RETIRED  node's       the node, on its copy
 *
 * Each step saves one identity and waits until it is durable.
 *
 * (H1) The node's identity can be told from each row: the copy keeps cluster and `settled`, the
 *      retired source the incarnation.
 * (H2) At most one copy is ever finished: a retired source says for which one it was retired, and
 *      what other copies were begun of it stay unfinished. */
#ifndef NODE_MOVED_H
#define NODE_MOVED_H

#include <rkv/storage.h>

/* What the identities become. `node` is the node's own; `to` is the note below; `token` tells the
 * copy from every other one that was ever begun at that place (0: nothing does). */
struct rkv_identity moved_retired(const struct rkv_identity *node, const char *to, uint64_t token);
struct rkv_identity moved_unfinished(const struct rkv_identity *node);
/* The node's own again, by a retired source and its unfinished copy. */
struct rkv_identity moved_finished(const struct rkv_identity *retired,
                                   const struct rkv_identity *unfinished);
/* Whether a source was retired for the storage that `to` names, and that has this token. */
bool moved_is_for(const struct rkv_identity *retired, const char *to, uint64_t token);

/* The note: an entry that tells where the node of a retired storage went, to be appended to it.
 * `to` is a text of at most MOVED_TO_MAX bytes, borrowed until the storage is closed. */
enum { MOVED_TO_MAX = 512 };
struct rkv_entry moved_note(const struct rkv_storage_state *state, const char *to);

/* What a storage that is the node's own ends with if a crash came between the note and the
 * retirement: a note of a move that did not happen. Drops it, and takes it out of *state. May
 * block. Errors: those of the storage's read. */
enum rkv_status moved_forget_note(const struct rkv_storage_ops *ops, void *storage,
                                  struct rkv_storage_state *state, struct rkv_error *error);

/* The last entry of the node's own log, without the note behind it. *to is empty if no note is
 * there. May block. Errors: those of the storage's read. */
enum rkv_status moved_find_note(const struct rkv_storage_ops *ops, void *storage,
                                const struct rkv_storage_state *state, struct rkv_log_id *last,
                                char to[MOVED_TO_MAX + 1], struct rkv_error *error);

/* Whether a node may start on a storage. May block. Errors: RKV_FOREIGN with the reason and what to
 * do; those of the storage's read. */
enum rkv_status moved_check(const struct rkv_storage_ops *ops, void *storage,
                            const struct rkv_storage_state *state, struct rkv_error *error);

/* Whether a copy has what its source has. */
bool moved_is_same_meta(const struct rkv_snapshot_meta *a, const struct rkv_snapshot_meta *b);
bool moved_is_same_entry(const struct rkv_entry *a, const struct rkv_entry *b);

/* What is left to do where a node was to start on a retired storage. */
enum moved_left {
  MOVED_LEFT_NOTHING, /* the copy is the node's, or was, and is retired itself */
  MOVED_LEFT_FINISH   /* the node ended before it could finish the copy: save *finished in it */
};

/* A node was to start on a storage that holds *retired, and `copy` is what the storage holds that
 * is called `to` and has this token. Nothing is read or written: the caller saves *finished
 * (MOVED_LEFT_FINISH), and waits until it is durable. Errors: RKV_FOREIGN: that is not the copy for
 * which the storage at hand was retired; RKV_CORRUPT: it is, but has not what a copy must have. */
enum rkv_status moved_settle(const struct rkv_storage_state *retired,
                             const struct rkv_storage_state *copy, const char *to, uint64_t token,
                             enum moved_left *left, struct rkv_identity *finished,
                             struct rkv_error *error);

#endif
