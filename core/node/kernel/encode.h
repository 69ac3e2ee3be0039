/* encode.h: values as the bytes that leave a node. */
#ifndef NODE_ENCODE_H
#define NODE_ENCODE_H

#include <node/kernel/state.h>

/* The bytes of a membership, owned by *out. Errors: RKV_NO_MEMORY. */
enum rkv_status node_encode_membership(struct node *n, const struct rkv_membership *membership,
                                       struct rkv_buf *out);

#endif
