/* transport_client.h: what a client asks, in the laws of transports: calls of random content, what
 * must arrive of them, and what must come back. */
#ifndef CONTRACT_TRANSPORT_CLIENT_H
#define CONTRACT_TRANSPORT_CLIENT_H

#include "transport_pair.h"

/* Bytes of the largest command, query and answer that are tried: a value of 1 MiB, and what stands
 * around it. */
#define CLIENT_BYTES_MAX ((1u << 20) + 4096u)

/* What a call of a client and its answer point to; zeros: nothing yet. */
struct client_stock {
  struct rkv_buf bytes, answer, membership;
  struct rkv_membership members;
  char method[RKV_ADMIN_METHOD_MAX];
};
void client_stock_drop(struct client_stock *stock);

/* Fills the request fields of `a` (after ask_init) and the answer fields of *reply, with payloads
 * of `len` bytes. */
void client_fill(struct asked *a, union any_call *reply, struct client_stock *stock, size_t len,
                 uint64_t *seed);

/* At the node: breaks the law if the request is not what was sent. */
void client_request_same(struct contract *c, enum call_kind kind, const union any_call *is,
                         const union any_call *must);
/* At the node: the answer, whose buffers are given. */
void client_reply(enum call_kind kind, union any_call *call, const union any_call *reply);
/* At the client: breaks the law if the answer is not the node's, and drops what was given. */
void client_answer_same(struct contract *c, enum call_kind kind, union any_call *is,
                        const union any_call *must);
/* Drops what was given with an answer that is not looked at. */
void client_answer_drop(enum call_kind kind, union any_call *call);

/* Ends the law if the transport carries none of these calls outward. */
void client_skip_without(struct contract *c, const enum call_kind *kinds, size_t count);

#endif
