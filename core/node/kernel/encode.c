/* encode.c: values as the bytes that leave a node. */
#include <node/kernel/encode.h>

#include <node/kernel/state.h>

enum rkv_status node_encode_membership(struct node *n, const struct rkv_membership *membership,
                                       struct rkv_buf *out) {
  size_t size = rkv_membership_encoded_size(membership);
  uint8_t *bytes = n->plugins.host->buf_alloc(n->plugins.host->ctx, size, out);
  if (!bytes) return RKV_NO_MEMORY;
  rkv_membership_encode(membership, bytes);
  return RKV_OK;
}
