/* outcome.h: how a call of a plugin ended, checked; a leaf.
 *
 * A plugin may break its contract: it may fail and leave the error as it was, write another status
 * into the error than it returns, or return an unknown status. The node relies only on what these
 * functions return.
 *
 * (W1) Of a failure error->status is the status that was returned, a known one, and error->text is
 *      a text that is not empty and ends.
 *
 *   status = outcome_of(ops->load(storage, &state, outcome_clear(&error)), "the storage's load",
 *                       &error); */
#ifndef NODE_OUTCOME_H
#define NODE_OUTCOME_H

#include <rkv/status.h>

/* The status itself; RKV_BROKEN if it is not in RKV_STATUS_LIST. */
static inline enum rkv_status outcome_known(enum rkv_status status) {
  switch (status) {
#define OUTCOME_KNOWN(name, number, meaning) case RKV_##name:
    RKV_STATUS_LIST(OUTCOME_KNOWN)
#undef OUTCOME_KNOWN
    return status;
  }
  return RKV_BROKEN;
}

/* Empties the error; to be used in every call of a plugin that is handed an error. */
static inline struct rkv_error *outcome_clear(struct rkv_error *error) {
  error->status = RKV_OK;
  error->reserved = 0;
  error->leader_id = 0;
  error->leader_addr[0] = '\0';
  error->text[0] = '\0';
  return error;
}

/* Makes (W1) true of a failure. Returns its status, which is never RKV_OK. */
enum rkv_status outcome_of_failure(enum rkv_status status, const char *who,
                                   struct rkv_error *error);

/* How a call of a plugin ended; to be used after every such call. `who` names the plugin and its
 * operation, for an error without a text. With RKV_OK *error means nothing. */
static inline enum rkv_status outcome_of(enum rkv_status status, const char *who,
                                         struct rkv_error *error) {
  return status == RKV_OK ? RKV_OK : outcome_of_failure(status, who, error);
}

/* Likewise for an operation that makes a handle; *given is NULL before the call. One that succeeds
 * and makes none has failed: RKV_BROKEN. */
enum rkv_status outcome_of_gift(enum rkv_status status, void *const *given, const char *who,
                                struct rkv_error *error);

/* Likewise for a call that ended by its done: `said` is the error that done was given, which may be
 * NULL even after a failure. Fills *error. */
enum rkv_status outcome_of_done(enum rkv_status status, const struct rkv_error *said,
                                const char *who, struct rkv_error *error);

#endif
