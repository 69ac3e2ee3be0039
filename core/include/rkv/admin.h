/* rkv/admin.h: the call for what only operators ask; since 1.5. A call as those of rkv/call.h.
 *
 * What is asked is a word, request and answer are bytes whose shape the word tells: the next verb
 * needs no new operation, neither of a transport nor of the node's table. A transport carries all
 * three as they are and never looks inside. */
#ifndef RKV_ADMIN_H
#define RKV_ADMIN_H

#include <rkv/call.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  RKV_ADMIN_METHOD_MAX = 64,    /* bytes of a method's name, its NUL included */
  RKV_ADMIN_BYTES_MAX = 1 << 20 /* bytes of a request, and of an answer */
};

/* X(NAME, text): the methods that a node of this ABI minor knows. Requests and answers are lines
 * `KEY=VALUE`, each ended by '\n'; a key that is left out is 0 or empty, and a node passes over
 * keys of an answer that it does not know, but refuses those of a request.
 *
 *   swap-storage   as rkv_swap_call (rkv/swap.h). Request: `action` (0 to 3), `forgetful` (0 or 1),
 *                  `plugin`, and `set` once for each setting, whose own KEY=VALUE is the value.
 *                  Answer: `phase`, `done`, `total`, and last `text`, which goes to the end of the
 *                  answer: it may have lines of its own.
 *   metrics-help   what the numbers of rkv_metrics_call.text mean. Request: empty. Answer: a line
 *                  for each one that the node has, of its own and of its plugins
 *                  (rkv_metric.help); the key is its name. */
#define RKV_ADMIN_METHOD_LIST(X) X(SWAP_STORAGE, "swap-storage") X(METRICS_HELP, "metrics-help")

/* RKV_UNIMPLEMENTED: the node does not know the method; the text names those that it knows.
 * RKV_INVALID: the request's bytes are not what the method asks for. Further errors: the
 * method's. */
struct rkv_admin_call {
  struct rkv_call call;
  /* request */
  const char *method;     /* lower-case letters, digits and '-' */
  struct rkv_buf request; /* borrowed until done */
  /* answer */
  struct rkv_buf answer; /* given to the caller */
};

/* NULL if this can be the name of a method; else what is wrong with it, as a static text. */
static inline const char *rkv_admin_method_refusal(const char *method) {
  size_t len = 0;
  if (!method || !*method) return "empty (give the method's name)";
  for (; method[len]; len++) {
    const char c = method[len];
    if (len + 1 == RKV_ADMIN_METHOD_MAX) return "too long";
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
      return "not of lower-case letters, digits and '-'";
  }
  return NULL;
}

#ifdef __cplusplus
}
#endif
#endif
