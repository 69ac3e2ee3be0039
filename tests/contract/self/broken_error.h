/* broken_error.h: how plugins broken on purpose say that a call failed. */
#ifndef CONTRACT_BROKEN_ERROR_H
#define CONTRACT_BROKEN_ERROR_H

#include <rkv/rkv.h>

/* Spoils the error of a good plugin that failed with `status`: removes its text, or puts another
 * status into it. Returns `status`. */
#define BROKEN_ERROR(fault, status, error)                                                         \
  broken_error((fault) == FAULT_fails_without_text, (fault) == FAULT_fails_otherwise, status, error)

static inline enum rkv_status broken_error(bool without_text, bool otherwise,
                                           enum rkv_status status, struct rkv_error *error) {
  if (status == RKV_OK) return status;
  if (without_text) error->text[0] = '\0';
  if (otherwise) error->status = RKV_OK;
  return status;
}

#endif
