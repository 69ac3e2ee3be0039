/* codec_write.c: messages of rkv.v1.Stream, read in place and written without a copy in between. */
#include "wire/codec.h"
#include "wire/pb.h"

enum { COMMANDS = 1 };                   /* WriteRequest */
enum { RESULTS = 1 };                    /* WriteResponse */
enum { CODE = 1, TEXT = 2, ANSWER = 3 }; /* WriteResult */

enum rkv_status codec_write_open(struct rkv_buf message, struct codec_commands *commands,
                                 size_t *count, struct rkv_error *error) {
  struct pb_reader reader = {message.data, message.data + message.len};
  struct pb_field field;
  enum pb_step step;
  *count = 0;
  while ((step = pb_next(&reader, &field)) == PB_FIELD) {
    if (field.number != COMMANDS) continue;
    if (field.type != PB_BYTES)
      return rkv_fail(error, RKV_INVALID, "commands[%zu]: not bytes", *count);
    (*count)++;
  }
  if (step == PB_BAD)
    return rkv_fail(error, RKV_INVALID, "write request: damaged at byte %zu of %zu",
                    (size_t)(reader.at - message.data), message.len);
  if (*count > CODEC_COMMANDS_MAX)
    return rkv_fail(error, RKV_TOO_LARGE, "commands: %zu (at most %u)", *count, CODEC_COMMANDS_MAX);
  commands->message = message;
  commands->at = 0;
  return RKV_OK;
}

struct rkv_buf codec_write_next(struct codec_commands *commands) {
  const uint8_t *data = commands->message.data;
  struct pb_reader reader = {data + commands->at, data + commands->message.len};
  struct pb_field field;
  while (pb_next(&reader, &field) == PB_FIELD && field.number != COMMANDS) {
  }
  commands->at = (size_t)(reader.at - data);
  return rkv_buf_slice(commands->message, (size_t)(field.data - data), field.len);
}

static size_t result_size(const struct codec_write_result *r) {
  size_t size = pb_uint_size(r->code);
  if (r->text) size += pb_bytes_size(strlen(r->text));
  if (r->answer.len > 0) size += pb_bytes_size(r->answer.len);
  return size;
}

static uint8_t *put_bytes(uint8_t *at, unsigned number, const void *data, size_t len) {
  at = pb_put_head(at, number, len);
  memcpy(at, data, len);
  return at + len;
}

grpc_slice codec_write_answer_encode(const struct codec_write_result *results, size_t count) {
  size_t size = 0;
  grpc_slice out;
  uint8_t *at;
  for (size_t i = 0; i < count; i++) size += pb_bytes_size(result_size(&results[i]));
  out = grpc_slice_malloc(size);
  at = GRPC_SLICE_START_PTR(out);
  for (size_t i = 0; i < count; i++) {
    const struct codec_write_result *r = &results[i];
    at = pb_put_head(at, RESULTS, result_size(r));
    at = pb_put_uint(at, CODE, r->code);
    if (r->text) at = put_bytes(at, TEXT, r->text, strlen(r->text));
    if (r->answer.len > 0) at = put_bytes(at, ANSWER, r->answer.data, r->answer.len);
  }
  return out;
}
