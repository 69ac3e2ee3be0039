/* liar.h: plugins that report a failure wrongly and so break their contract. One call lies; all
 * other calls go to the world's own plugins. */
#ifndef NODE_LIAR_H
#define NODE_LIAR_H

#include <support/world.h>

/* X(NAME): the operations that may lie. An operation that lies is not carried out. */
#define LIAR_LIST(X)                                                                               \
  X(VALIDATE)                                                                                      \
  X(APPLY)                                                                                         \
  X(QUERY)                                                                                         \
  X(APPLIED)                                                                                       \
  X(VIEW_BEGIN)                                                                                    \
  X(VIEW_READ)                                                                                     \
  X(RESTORE_BEGIN)                                                                                 \
  X(RESTORE_WRITE)                                                                                 \
  X(RESTORE_CHECK)                                                                                 \
  X(RESTORE_FINISH)                                                                                \
  X(LOAD)                                                                                          \
  X(SAVE_VOTE)                                                                                     \
  X(SAVE_IDENTITY)                                                                                 \
  X(APPEND)                                                                                        \
  X(READ)                                                                                          \
  X(SNAPSHOT_BEGIN)                                                                                \
  X(SNAPSHOT_WRITE)                                                                                \
  X(SNAPSHOT_COMMIT)                                                                               \
  X(SNAPSHOT_OPEN)                                                                                 \
  X(SNAPSHOT_READ)                                                                                 \
  X(PEER_OPEN)                                                                                     \
  X(SEND_VOTE)                                                                                     \
  X(SEND_PRE_VOTE)                                                                                 \
  X(SEND_APPEND)                                                                                   \
  X(SEND_BEGIN)                                                                                    \
  X(SEND_WRITE)                                                                                    \
  X(SEND_FINISH)                                                                                   \
  X(SEND_TIMEOUT_NOW)                                                                              \
  X(SEND_READ_INDEX)                                                                               \
  X(SEND_HELLO)

enum liar_op {
#define LIAR_ENUM(name) LIAR_##name,
  LIAR_LIST(LIAR_ENUM)
#undef LIAR_ENUM
      LIAR_COUNT
};

const char *liar_name(enum liar_op op);

enum liar_way {
  LIAR_SILENT,    /* the error is left as it was; in a done it is NULL */
  LIAR_WORDLESS,  /* the status is there, the text is empty */
  LIAR_FINE,      /* the error says RKV_OK */
  LIAR_OTHERWISE, /* the error says another failure */
  LIAR_ENDLESS,   /* the texts have no end */
  LIAR_WAYS
};

/* As the status of an operation that gives a handle: it says that it succeeded, and gives none. */
#define LIAR_NOTHING RKV_OK

#define LIAR_TEXT "the liar's reason"
#define LIAR_UNKNOWN ((enum rkv_status)77) /* an unknown status */

/* Gives the world's nodes such plugins; to be called before any node is started. */
void liar_begin(struct world *w);
/* Makes the nth call of `op` from now on return `status`, with a wrong error. 0:
 * none. */
void liar_arm(enum liar_op op, unsigned nth, enum rkv_status status, enum liar_way way);
/* True if that call has lied. */
bool liar_lied(void);

#endif
