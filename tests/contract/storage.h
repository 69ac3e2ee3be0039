/* storage.h: the vocabulary of the laws of storages: a storage under test, the steps that change
 * it, and a model of what it must hold after them.
 *
 * An entry's kind and bytes follow from its log id and the longest payload that its step allowed.
 * So every process that knows the steps can judge a storage. */
#ifndef CONTRACT_STORAGE_H
#define CONTRACT_STORAGE_H

#include "contract.h"

#include <host/section.h>

/* ---- the model (storage_model.c) ---- */

struct model_entry {
  rkv_term term;
  uint32_t len, kind;
};

struct model {
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id purged, last;
  rkv_term term;               /* of the next entries, none before was greater: no log id twice */
  uint64_t snapshot;           /* the newest one's number, which is its last index; 0: none */
  uint64_t snapshot_size;      /* bytes */
  struct model_entry *entries; /* entries purged + 1 .. last begin at `head` */
  size_t head, capacity;
};

/* X(NAME): the kinds of steps. */
#define STEP_LIST(X)                                                                               \
  X(VOTE) X(IDENTITY) X(APPEND) X(TRUNCATE) X(PURGE) X(SNAPSHOT) X(ABORT) X(READ) X(REOPEN)

enum step_kind {
#define STEP_ENUM(name) STEP_##name,
  STEP_LIST(STEP_ENUM)
#undef STEP_ENUM
      STEP_KINDS
};

struct step {
  enum step_kind kind;
  struct rkv_identity identity; /* IDENTITY */
  struct rkv_vote vote;         /* VOTE */
  struct rkv_log_id id;         /* TRUNCATE: after (index); PURGE: up to; READ: from (index);
                                   SNAPSHOT, ABORT: last; APPEND: the first */
  uint64_t count;               /* APPEND: entries; READ: capacity */
  uint64_t len;                 /* APPEND: longest payload; SNAPSHOT: size; READ: bytes_max */
  rkv_index to;                 /* READ */
};

struct model *model_new(struct contract *c);
struct model *model_copy(struct contract *c, const struct model *m);
void model_free(struct model *m);
uint64_t model_count(const struct model *m);
const struct model_entry *model_at(const struct model *m, rkv_index index); /* held */
/* Carries a step out in the model. */
void model_step(struct contract *c, struct model *m, const struct step *step);
bool identity_equal(const struct rkv_identity *a, const struct rkv_identity *b);
/* True if vote, identity, purged, last, entries and snapshot are the same. */
bool model_equal(const struct model *a, const struct model *b);
/* Adds an entry that was found in a storage. */
void model_found(struct contract *c, struct model *m, const struct rkv_entry *entry);

/* Steps that fit the model. */
struct step step_vote(rkv_term term, rkv_node_id node, bool committed);
struct step step_identity(uint64_t number, bool settled); /* made of a number */
struct step step_append(const struct model *m, uint64_t count, uint64_t len);
struct step step_truncate(rkv_index after);
struct step step_purge(const struct model *m, rkv_index up_to);
struct step step_snapshot(const struct model *m, uint64_t size);

/* A wish is a random choice of a step. The step that it becomes depends on the model, so that any
 * part of a list of wishes makes sense. */
struct wish {
  uint64_t chance[4];
};
struct wish wish_next(uint64_t *seed);
/* `quiet`: only steps that change something (no READ, ABORT, REOPEN). */
struct step wish_step(const struct model *m, const struct wish *wish, bool quiet);

/* What an entry holds: bytes of any texture (texture.h), with ENTRY_EXACT in len_max exactly so
 * many. */
#define ENTRY_EXACT (UINT64_C(1) << 63)
struct model_entry entry_shape(struct rkv_log_id id, uint64_t len_max);
void entry_fill(struct rkv_log_id id, uint8_t *bytes, size_t len);
bool entry_is(const struct rkv_entry *entry, struct rkv_log_id id, const struct model_entry *shape);
/* The bytes of snapshot `number`, of any texture, from `offset` on. */
void snapshot_fill(uint64_t number, uint64_t offset, uint8_t *bytes, size_t len);
bool snapshot_is_random(uint64_t number);

/* ---- the storage (storage_acts.c) ---- */

enum { STORAGE_BATCH = 256 /* entries read at a time */ };

struct storage {
  struct contract *c;
  const struct rkv_storage_ops *ops;
  void *it; /* NULL: closed */
  rkv_node_id node_id;
  char dir[CONTRACT_PATH_MAX];
  struct contract_host host;
  struct rkv_value values[HOST_OPTIONS_MAX];
  struct rkv_config config;
  struct rkv_error error;         /* of the last refusal */
  struct rkv_storage_state state; /* as loaded after the last open; its membership is dropped */
  bool trouble;                   /* fatal reports are expected */
  bool unsynced;                  /* opened with the option `sync` off */
};

/* A storage in c->dir/data, which need not exist yet. */
void storage_init(struct storage *s, struct contract *c);
bool storage_durable(const struct contract *c);
/* The position of the plugin's option `sync`, without which nothing is durable; -1: there is
 * none. */
int storage_sync_option(const struct contract *c);

/* Opens and loads. A refusal must have a text. */
enum rkv_status storage_try(struct storage *s);
void storage_open(struct storage *s); /* must succeed */
void storage_close(struct storage *s);
void storage_reopen(struct storage *s);

/* Steps whose completion tells that they are durable: VOTE, IDENTITY, APPEND. */
bool step_asks(const struct step *step);

/* Hands a step in. A step that asks (step_asks) ends by the completion, later or at once; another
 * step has happened when this returns. */
void storage_issue(struct storage *s, const struct step *step, struct rkv_completion *completion);
/* Hands the step in, waits for it, and carries it out in the model. READ: compares the result with
 * the model. */
void storage_do(struct storage *s, struct model *m, struct step step);
/* Likewise, without breaking the law; false: text says what was wrong. */
bool storage_step(struct storage *s, struct model *m, const struct step *step,
                  char text[RKV_ERROR_TEXT_MAX]);

/* Reads everything that the storage holds into `m`. False: text says what cannot be (changed
 * entries, holes). */
bool storage_look(struct storage *s, struct model *m, char text[RKV_ERROR_TEXT_MAX]);
/* Breaks the law unless the storage holds what the model says, by reading; after an open also by
 * what was loaded. */
bool storage_same(struct storage *s, const struct model *m, char text[RKV_ERROR_TEXT_MAX]);
void storage_holds(struct storage *s, const struct model *m);
/* Loads once more (ABI 1.5) and compares what was loaded with the model. */
bool storage_loads(struct storage *s, const struct model *m, char text[RKV_ERROR_TEXT_MAX]);
/* Skips the law for a plugin of an older ABI 1.x, whose author could not know of it. */
void storage_since(const struct storage *s, unsigned minor);
/* storage_holds; if the storage is durable, once more after it was opened again. */
void storage_keeps(struct storage *s, const struct model *m);

/* Reads one range and drops the entries. Returns the status, and in *count how many there were.
 * They must be the model's. */
enum rkv_status storage_read(struct storage *s, const struct model *m, rkv_index from, rkv_index to,
                             uint64_t bytes_max, size_t capacity, size_t *count);

/* Appends `count` entries of at most `len` bytes and waits. */
void storage_append(struct storage *s, struct model *m, uint64_t count, uint64_t len);

/* Begins the step's snapshot and writes its bytes in chunks. After an error no writer is open. */
enum rkv_status storage_snapshot_try(struct storage *s, const struct step *step, size_t chunk,
                                     void **writer, struct rkv_error *error);
/* Writes a snapshot in chunks of `chunk` bytes, but does not commit it. */
void *storage_snapshot_write(struct storage *s, const struct step *step, size_t chunk);
/* Breaks the law unless the newest snapshot is this one (number 0: there is none), with every
 * byte. */
bool storage_snapshot_is(struct storage *s, uint64_t number, uint64_t size,
                         char text[RKV_ERROR_TEXT_MAX]);
/* Reads an open snapshot to its end. */
bool storage_snapshot_reads(struct storage *s, void *reader, uint64_t number, uint64_t size,
                            size_t max, char text[RKV_ERROR_TEXT_MAX]);

/* Carries a READ out; the entries must be the model's. */
bool storage_read_step(struct storage *s, const struct model *m, const struct step *step,
                       size_t *count, enum rkv_status *status, char text[RKV_ERROR_TEXT_MAX]);

/* Formats what is wrong; returns false. */
__attribute__((format(printf, 2, 3))) bool storage_wrong(char text[RKV_ERROR_TEXT_MAX],
                                                         const char *format, ...);

/* Formats the step as a call in C. */
void step_print(const struct step *step, char *out, size_t size);

#endif
