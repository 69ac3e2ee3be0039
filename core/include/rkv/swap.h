/* rkv/swap.h: the call that moves a node to another log storage while it serves; since 1.4. A call
 * as those of rkv/call.h. */
#ifndef RKV_SWAP_H
#define RKV_SWAP_H

#include <rkv/call.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, number, meaning): what a rkv_swap_call asks for. */
#define RKV_SWAP_ACTION_LIST(X)                                                                    \
  X(LOOK, 0, "how is the swap that runs, or ended last?")                                          \
  X(CHECK, 1, "would a swap begin? Nothing is changed, nothing is left behind")                    \
  X(BEGIN, 2, "begin")                                                                             \
  X(CANCEL, 3, "give the swap up that runs: the node stays on its storage")

enum rkv_swap_action {
#define RKV_SWAP_ACTION_ENUM(name, number, meaning) RKV_SWAP_##name = number,
  RKV_SWAP_ACTION_LIST(RKV_SWAP_ACTION_ENUM)
#undef RKV_SWAP_ACTION_ENUM
};

/* X(NAME, number, text): where a swap is. `done` of `total`: bytes of the
 * snapshot (SNAPSHOT), entries of the log (LOG, COMPARING). */
#define RKV_SWAP_PHASE_LIST(X)                                                                     \
  X(NONE, 0, "none")                                                                               \
  X(OPENING, 1, "opening")                                                                         \
  X(SNAPSHOT, 2, "copying the snapshot")                                                           \
  X(LOG, 3, "copying the log")                                                                     \
  X(COMPARING, 4, "comparing")                                                                     \
  X(SWITCHING, 5, "switching")                                                                     \
  X(MOVED, 6, "moved")                                                                             \
  X(FAILED, 7, "given up")                                                                         \
  X(CLEARING, 8, "given up, clearing the copy away") /* since 1.5; the next swap has to wait */

enum rkv_swap_phase {
#define RKV_SWAP_PHASE_ENUM(name, number, text) RKV_SWAP_PHASE_##name = number,
  RKV_SWAP_PHASE_LIST(RKV_SWAP_PHASE_ENUM)
#undef RKV_SWAP_PHASE_ENUM
};

enum {
  RKV_SWAP_SETTINGS_MAX = 32,       /* settings in one call */
  RKV_SWAP_SETTING_BYTES_MAX = 4096 /* bytes of one, and of the plugin's name */
};

/* Moves the node that is asked to another log storage while it serves; since 1.4. BEGIN is answered
 * once the storage is open and empty and the copy has begun; LOOK tells the rest. Errors:
 * RKV_PRECONDITION: swapping is not allowed there, a swap runs (BEGIN), none runs (CANCEL), or the
 * storage is not empty, not durable without `forgetful`, or in use; RKV_INVALID: no such plugin or
 * setting; those of the storage's open. After any error the node goes on as before. */
struct rkv_swap_call {
  struct rkv_call call;
  /* request */
  uint32_t action;             /* an enum rkv_swap_action */
  uint32_t forgetful;          /* 1: also from a durable storage to one that is not */
  const char *plugin;          /* its name in the node's plugin_dir, never a path */
  const char *const *settings; /* KEY=VALUE each, as in section [storage] */
  size_t setting_count;        /* at most RKV_SWAP_SETTINGS_MAX */
  /* answer */
  uint32_t phase; /* an enum rkv_swap_phase */
  uint32_t reserved;
  uint64_t done, total;
  struct rkv_buf text; /* where the node moves or moved to, which lines of its INI to change, or why
                          the swap was given up; given to the caller */
};

#ifdef __cplusplus
}
#endif
#endif
