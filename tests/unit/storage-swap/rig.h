/* rig.h: storages of node 1, and the node itself, which is opened on them and not started. */
#ifndef STORAGE_SWAP_RIG_H
#define STORAGE_SWAP_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <host/assembly.h>

enum { RIG_PATH_MAX = 600, RIG_TEXT_MAX = 4096, RIG_SETS_MAX = 8 };

/* The directories of one test, below the build folder; only `folder` is there. */
struct rig {
  char folder[RIG_PATH_MAX], config[RIG_PATH_MAX];
  char first[RIG_PATH_MAX], second[RIG_PATH_MAX], third[RIG_PATH_MAX];
  char log[RIG_PATH_MAX]; /* of the node */
};

void rig_begin(struct rig *rig, const char *name);
void rig_end(const struct rig *rig);

/* "storage-wal, dir=DIR" */
const char *rig_wal(const char *dir);

/* ---- a storage by itself ---- */

/* What a node left there. */
struct rig_held {
  struct rkv_vote vote;
  struct rkv_identity identity;
  rkv_index last;   /* entries [1, last] of term 1 */
  const char *note; /* an entry behind them; NULL: none */
};

/* Makes the storage, or goes on with one that was made: entries are appended up to `last`. */
void rig_fill(const char *place, const struct rig_held *held);
struct rkv_storage_state rig_look(const char *place);

/* ---- the node ---- */

struct rig_node {
  struct host_config *config;
  struct host_assembly *assembly;
  struct host_problems problems;
  enum rkv_status status;
  char text[RIG_TEXT_MAX]; /* what the user is told after an open that failed; else "" */
  int log;
};

/* Opens it with node.ini of these lines in section [storage], and `more` of section [node]. */
void rig_open(const struct rig *rig, struct rig_node *node, const char *storage, const char *more);
void rig_close(struct rig_node *node);

/* Opens it, closes it, and returns what the user was told; "" if it would have started. */
const char *rig_start(const struct rig *rig, const char *storage);

/* ---- texts ---- */

void assert_says(const char *text, const char *part);
void assert_says_not(const char *text, const char *part);
bool rig_is_there(const char *path);

#endif
