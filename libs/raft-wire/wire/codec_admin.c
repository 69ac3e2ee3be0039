/* codec_admin.c: an operator's call by its method's name: the bytes go through as they are. */
#include "wire/codec_parts.h"
#include "wire/pb.h"

#include <rkv.pb-c.h>
#include <stdlib.h>

enum { METHOD = 1, REQUEST = 2 }; /* AdminRequest */
enum { ANSWER = 1 };              /* AdminResponse */

/* ---- at the node ---- */

enum rkv_status codec_admin_decode(struct rkv_buf message, struct rkv_admin_call *call,
                                   void **space, struct rkv_error *error) {
  struct pb_reader reader = {message.data, message.data + message.len};
  struct pb_field field;
  enum pb_step step;
  char *method = calloc(1, RKV_ADMIN_METHOD_MAX);
  *space = method;
  if (!method) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the request");
  call->method = method;
  call->request = rkv_buf_none();
  while ((step = pb_next(&reader, &field)) == PB_FIELD) {
    if (field.number != METHOD && field.number != REQUEST) continue;
    if (field.type != PB_BYTES)
      return rkv_fail(error, RKV_INVALID, "admin request: field %u is no string", field.number);
    if (field.number == REQUEST) {
      call->request = rkv_buf_slice(message, (size_t)(field.data - message.data), field.len);
      continue;
    }
    if (field.len >= RKV_ADMIN_METHOD_MAX)
      return rkv_fail(error, RKV_INVALID, "method: %zu bytes (at most %d)", field.len,
                      RKV_ADMIN_METHOD_MAX - 1);
    memset(method, 0, RKV_ADMIN_METHOD_MAX);
    if (field.len > 0) memcpy(method, field.data, field.len);
  }
  if (step == PB_BAD)
    return rkv_fail(error, RKV_INVALID, "admin request: damaged at byte %zu of %zu",
                    (size_t)(reader.at - message.data), message.len);
  if (rkv_admin_method_refusal(method))
    return rkv_fail(error, RKV_INVALID, "method: %s", rkv_admin_method_refusal(method));
  if (call->request.len > RKV_ADMIN_BYTES_MAX)
    return rkv_fail(error, RKV_TOO_LARGE, "request: %zu bytes (at most %d)", call->request.len,
                    RKV_ADMIN_BYTES_MAX);
  return RKV_OK;
}

grpc_slice codec_admin_answer_encode(const struct rkv_admin_call *call) {
  Rkv__V1__AdminResponse out = RKV__V1__ADMIN_RESPONSE__INIT;
  out.answer.len = call->answer.len;
  out.answer.data = (uint8_t *)(uintptr_t)call->answer.data; /* only packed */
  return codec_pack(&out.base);
}

/* ---- at who asks ---- */

grpc_slice codec_admin_encode(const struct rkv_admin_call *call) {
  Rkv__V1__AdminRequest out = RKV__V1__ADMIN_REQUEST__INIT;
  out.method.len = strlen(call->method);
  out.method.data = (uint8_t *)(uintptr_t)call->method;
  out.request.len = call->request.len;
  out.request.data = (uint8_t *)(uintptr_t)call->request.data;
  return codec_pack(&out.base);
}

enum rkv_status codec_admin_answer_decode(struct rkv_buf message, struct rkv_admin_call *call,
                                          struct rkv_error *error) {
  struct pb_reader reader = {message.data, message.data + message.len};
  struct pb_field field;
  enum pb_step step;
  call->answer = rkv_buf_none();
  while ((step = pb_next(&reader, &field)) == PB_FIELD)
    if (field.number == ANSWER && field.type == PB_BYTES)
      call->answer = rkv_buf_slice(message, (size_t)(field.data - message.data), field.len);
  if (step == PB_BAD) return rkv_fail(error, RKV_INVALID, "admin answer: damaged");
  return RKV_OK;
}
