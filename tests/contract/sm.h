/* sm.h: the vocabulary of the laws of state machines: commands that a machine takes, logs of
 * commands, machines under test, and their states.
 *
 * The suite knows no command. It offers byte strings of several shapes (SM_SHAPE_LIST) to validate,
 * and uses the shapes that the machine takes; or the commands that the user gives (--commands
 * FILE). A state is the bytes of its snapshot: "the same state gives the same bytes". */
#ifndef CONTRACT_SM_H
#define CONTRACT_SM_H

#include "contract.h"
#include "sm_given.h"

#include <host/section.h>

/* ---- machines (sm_machine.c) ---- */

struct machine {
  struct contract *c;
  const struct rkv_state_machine_ops *ops;
  void *it; /* NULL: closed */
  struct contract_host host;
  struct rkv_value values[HOST_OPTIONS_MAX];
  struct rkv_config config;
  char dir[CONTRACT_PATH_MAX + 32];
  struct rkv_error error; /* of the last refusal */
  size_t at;              /* entries applied by machine_apply */
};

/* Which node a machine belongs to; NULL: node 1 at 127.0.0.1:1, whose clock tells the time. */
struct machine_node {
  rkv_node_id id;
  const char *addr;
  uint64_t later_ns; /* its clock is so far ahead */
};

/* Opens a new machine, which must succeed; `name` distinguishes the machines of one law. */
void machine_open(struct machine *m, struct contract *c, const char *name);
void machine_open_as(struct machine *m, struct contract *c, const char *name,
                     const struct machine_node *node);
/* Closes the machine, which must not have reported fatal. */
void machine_close(struct machine *m);

/* ---- commands (sm_commands.c) ---- */

/* X(NAME, text): shapes of commands. */
#define SM_SHAPE_LIST(X)                                                                           \
  X(PROTOBUF, "protobuf (string 1 = key, string 2 = value)")                                       \
  X(WORDS, "words (set KEY VALUE)")                                                                \
  X(PAIR, "KEY=VALUE")                                                                             \
  X(JSON, "JSON")                                                                                  \
  X(DECIMAL, "decimal numbers")                                                                    \
  X(BYTES, "any bytes")                                                                            \
  X(EMPTY, "the empty command")

enum sm_shape {
#define SM_SHAPE_ENUM(name, text) SM_SHAPE_##name,
  SM_SHAPE_LIST(SM_SHAPE_ENUM)
#undef SM_SHAPE_ENUM
      SM_SHAPES
};

enum {
  SM_QUESTIONS_MAX = 64,   /* requests that a law asks */
  SM_LARGE_MAX = 8,        /* sources of large commands that are tried */
  SM_SOURCE_TEXT_MAX = 256 /* bytes of what commands_text says */
};

struct commands {
  struct contract *c;
  bool takes[SM_SHAPES];   /* what validate takes */
  bool are_given;          /* by the user: then only these are used */
  struct given_file given; /* ... these */
};

/* Finds out what `m` takes. If it takes nothing, the calling law is broken. */
void commands_find(struct commands *k, struct machine *m);
void commands_free(struct commands *k);
/* The source in words, for notes. */
void commands_text(const struct commands *k, char out[SM_SOURCE_TEXT_MAX]);
/* A command that validate takes, about a key of this number, decided by chance. */
struct rkv_buf commands_make(const struct commands *k, uint64_t key, uint64_t *seed);
/* How many sources there are whose commands can be of any size: shapes that are taken, or lines of
 * the user's; at most SM_LARGE_MAX. */
size_t commands_growing(const struct commands *k);
/* A command of one of these sources about a key of this number, with a value of about `len` bytes,
 * which validate may refuse. */
struct rkv_buf commands_large(const struct commands *k, size_t source, uint64_t key, size_t len);
/* Requests about the keys 0 .. keys-1 that `m` answers in its present state, to be freed by
 * bufs_free. */
size_t commands_questions(const struct commands *k, struct machine *m, uint64_t keys,
                          struct rkv_buf *out);
/* A command or a question with some damage. */
struct rkv_buf bytes_mutate(struct contract *c, struct rkv_buf from, uint64_t *seed);
void bufs_free(struct rkv_buf *bufs, size_t count);

/* ---- logs (sm_log.c) ---- */

struct log {
  struct contract *c;
  struct rkv_entry *entries;
  size_t count;
};

/* A log as a cluster writes it: the initial membership, then commands about `keys` keys (0: each
 * about a key of its own), now and then a blank entry of a new term or a membership. */
void log_make(struct log *log, const struct commands *k, size_t count, uint64_t keys,
              uint64_t seed);
void log_free(struct log *log);
/* A random membership, as rkv_membership_encode writes it: incarnations, joint ones, learners, up
 * to 64 nodes with long addresses. */
struct rkv_buf membership_make(struct contract *c, uint64_t *seed);
/* Applies entries [m->at, to) in random batches of 1 to `batch_max`. Drops the answers, or keeps
 * them in results[index of entry] (zeroed by the caller). */
void machine_apply(struct machine *m, const struct log *log, size_t to, size_t batch_max,
                   struct rkv_buf *results);

/* ---- answers (sm_answers.c) ---- */

/* Empty answers of `count` entries, for machine_apply. */
struct rkv_buf *answers_new(struct contract *c, size_t count);
void answers_free(struct rkv_buf *answers, size_t count);
/* Differing answers to entries [from, to) break the law; `what` is who gave `is`. */
void answers_require(struct contract *c, const struct rkv_buf *is, const struct rkv_buf *must,
                     size_t from, size_t to, const char *what);
/* The same questions about the keys 0 .. keys-1 must get the same answers from both machines.
 * Returns how many were asked. */
size_t questions_require(const struct commands *k, struct machine *is, struct machine *must,
                         uint64_t keys, const char *what);

/* ---- states (sm_state.c) ---- */

struct state {
  uint8_t *bytes;
  size_t len;
  struct rkv_snapshot_meta meta; /* as snapshot_begin said; owns its membership */
};

enum { SM_CHUNK = 64 << 10 }; /* bytes of a chunk where its size does not matter */

/* Reads an open view to its end, at most `max` bytes at a time (0: random), and ends it. `meta` is
 * given. */
void state_read(struct machine *m, void *view, const struct rkv_snapshot_meta *meta, size_t max,
                struct state *out);
/* The state that `m` is in now. */
void state_take(struct machine *m, size_t max, struct state *out);
void state_free(struct state *state);
/* Differing last log ids or memberships break the law. */
void meta_require(struct contract *c, const struct rkv_snapshot_meta *is,
                  const struct rkv_snapshot_meta *must, const char *what);
/* Differing states break the law; `what` says which two are compared. */
void state_require(struct contract *c, const struct state *is, const struct state *must,
                   const char *what);
/* Breaks the law unless `m` is in this state now, by its snapshot and by applied(). */
void machine_is(struct machine *m, const struct state *must, const char *what);
/* Restores `state` in chunks of `chunk` bytes (0: random). Returns the status of the first
 * refusal. */
enum rkv_status machine_restore(struct machine *m, const struct state *state, size_t chunk);
/* Begins a restore and writes bytes [0, len) of the state. Returns the restore; NULL after a
 * refusal, which was aborted. */
void *machine_restore_part(struct machine *m, const struct state *state, size_t len, size_t chunk);
/* Ends a restore as a node does: by restore_check, if there is one, then by restore_finish, which
 * must not refuse what was checked. */
enum rkv_status machine_restore_end(struct machine *m, void *restore);
void machine_restore_ok(struct machine *m, const struct state *state, size_t chunk);

#endif
