/* rkv/status.h: every status a call of the ABI can end with, and the error that explains it.
 *
 * A status is the code to decide on; an rkv_error is the text for a person: what was refused,
 * where, what would be right. Functions return the status and, when it is not RKV_OK, fill the
 * caller's rkv_error (if one was given) with the same status and a text that is not empty. */
#ifndef RKV_STATUS_H
#define RKV_STATUS_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, number, meaning). The numbers are part of the ABI: new ones are appended, none is ever
 * reused. */
#define RKV_STATUS_LIST(X)                                                                         \
  X(OK, 0, "done")                                                                                 \
  X(INVALID, 1, "the request itself is wrong; sending it again cannot help")                       \
  X(NOT_LEADER, 2, "this node does not lead; rkv_error.leader_* name who does, if known")          \
  X(NOT_FOUND, 3, "what was asked for is not there")                                               \
  X(TOO_LARGE, 4, "a message is over a named limit of the receiver")                               \
  X(FULL, 5, "a bounded queue or quota is full; try again later")                                  \
  X(PRECONDITION, 6, "the system is not in the state that the request needs")                      \
  X(ABORTED, 7, "given up half way (leadership lost, conflict); the outcome may be unknown")       \
  X(UNAVAILABLE, 8, "the other side cannot be reached")                                            \
  X(TIMEOUT, 9, "no answer before the deadline")                                                   \
  X(CANCELLED, 10, "given up by the caller or by close")                                           \
  X(UNIMPLEMENTED, 11, "the other side does not know this call")                                   \
  X(IO, 12, "a read, write or sync failed; after a failed write nothing may be acknowledged")      \
  X(NO_SPACE, 13, "the device has no room left")                                                   \
  X(CORRUPT, 14, "stored or received bytes contradict their own checks")                           \
  X(FOREIGN, 15, "it belongs to another cluster, node or format version")                          \
  X(NO_MEMORY, 16, "an allocation failed")                                                         \
  X(ADDRESS, 17, "the address is in use or cannot be bound")                                       \
  X(BROKEN, 18, "a contract was broken inside this process")

enum rkv_status {
#define RKV_STATUS_ENUM(name, number, meaning) RKV_##name = number,
  RKV_STATUS_LIST(RKV_STATUS_ENUM)
#undef RKV_STATUS_ENUM
};

/* The status's name without prefix ("NOT_LEADER"), "UNKNOWN" for a number outside the list. Any
 * thread. */
static inline const char *rkv_status_name(enum rkv_status status) {
  switch (status) {
#define RKV_STATUS_NAME(name, number, meaning)                                                     \
  case RKV_##name: return #name;
    RKV_STATUS_LIST(RKV_STATUS_NAME)
#undef RKV_STATUS_NAME
  }
  return "UNKNOWN";
}

#define RKV_ADDR_MAX 256       /* bytes of a HOST:PORT text, its NUL included */
#define RKV_ERROR_TEXT_MAX 512 /* bytes of an error text, its NUL included */

/* Filled by the callee, owned by the caller, plain bytes: copy it to keep it. */
struct rkv_error {
  uint32_t status; /* an enum rkv_status */
  uint32_t reserved;
  uint64_t leader_id;             /* with RKV_NOT_LEADER: who leads, 0 if unknown */
  char leader_addr[RKV_ADDR_MAX]; /* with RKV_NOT_LEADER: where, "" if unknown */
  char text[RKV_ERROR_TEXT_MAX];  /* one line, no newline, always NUL-terminated */
};

/* Fills *error (NULL: nothing to fill) with a formatted line, cut at the limit, and returns
 * `status`. Any thread. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 0)))
#endif
static inline enum rkv_status
rkv_vfail(struct rkv_error *error, enum rkv_status status, const char *format, va_list args) {
  if (error) {
    error->status = (uint32_t)status;
    error->reserved = 0;
    error->leader_id = 0;
    error->leader_addr[0] = '\0';
    (void)vsnprintf(error->text, sizeof error->text, format, args);
  }
  return status;
}

/* Likewise, so that a refusal is one statement. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static inline enum rkv_status
rkv_fail(struct rkv_error *error, enum rkv_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)rkv_vfail(error, status, format, args);
  va_end(args);
  return status;
}

#ifdef __cplusplus
}
#endif
#endif
