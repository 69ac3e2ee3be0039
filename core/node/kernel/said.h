/* said.h: how a plugin says that a call ended, made sure; a leaf.
 *
 * A plugin may break its contract: it fails and leaves the error as it was, it fills in another
 * status than it returns, it ends with a status that nobody knows. The node goes on from what these
 * functions return.
 *
 * (W1) Of a failure error->status is the status that was returned, a known one, and error->text is
 *      a text that is not empty and ends.
 *
 *   status = node_said(ops->load(storage, &state, node_ask(&error)), "the storage's load", &error);
 */
#ifndef NODE_SAID_H
#define NODE_SAID_H

#include <rkv/status.h>

/* The status itself; RKV_BROKEN for a number outside the list. */
static inline enum rkv_status node_known(enum rkv_status status) {
  switch (status) {
#define NODE_KNOWN(name, number, meaning) case RKV_##name:
    RKV_STATUS_LIST(NODE_KNOWN)
#undef NODE_KNOWN
    return status;
  }
  return RKV_BROKEN;
}

/* Before every call of a plugin that is handed an error: the error says nothing yet. */
static inline struct rkv_error *node_ask(struct rkv_error *error) {
  error->status = RKV_OK;
  error->reserved = 0;
  error->leader_id = 0;
  error->leader_addr[0] = '\0';
  error->text[0] = '\0';
  return error;
}

/* Makes (W1) true of a failure and returns its status, which is never RKV_OK. */
enum rkv_status node_said_no(enum rkv_status status, const char *who, struct rkv_error *error);

/* After every such call: how it ended. `who` names the plugin and its operation in a text that the
 * plugin owes. With RKV_OK the error means nothing. */
static inline enum rkv_status node_said(enum rkv_status status, const char *who,
                                        struct rkv_error *error) {
  return status == RKV_OK ? RKV_OK : node_said_no(status, who, error);
}

/* Likewise of an operation that gives a handle; *given is NULL before the call. Whoever says that
 * it succeeded and gave none has failed: RKV_BROKEN. */
enum rkv_status node_gave(enum rkv_status status, void *const *given, const char *who,
                          struct rkv_error *error);

/* Likewise inside a done: `said` is what done was told, NULL even of a failure; *error is filled.
 */
enum rkv_status node_told(enum rkv_status status, const struct rkv_error *said, const char *who,
                          struct rkv_error *error);

#endif
