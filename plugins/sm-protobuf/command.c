/* command.c: scans and checks commands and queries. */
#include "command.h"
#include "wire.h"

#define KEY 1u
#define VALUE 2u

static enum rkv_status scan(const char *message, const uint8_t *data, size_t len, uint32_t fields,
                            struct command *command, struct rkv_error *error) {
  struct wire_reader reader = {data, data + len};
  struct wire_field field;
  int more;
  *command = (struct command){NULL, NULL, 0, 0};
  if (len > COMMAND_BYTES_MAX)
    return rkv_fail(error, RKV_TOO_LARGE, "%s: %zu bytes (at most %u)", message, len,
                    COMMAND_BYTES_MAX);
  while ((more = wire_next(&reader, &field)) > 0) {
    if (field.number > fields) continue;
    if (field.type != WIRE_BYTES)
      return rkv_fail(error, RKV_INVALID, "%s.%s: wire type %u (must be a string)", message,
                      field.number == KEY ? "key" : "value", field.type);
    if (!wire_is_utf8(field.data, field.len))
      return rkv_fail(error, RKV_INVALID, "%s.%s: not UTF-8 (a string must be)", message,
                      field.number == KEY ? "key" : "value");
    if (field.number == KEY)
      command->key = field.data, command->key_len = field.len;
    else
      command->value = field.data, command->value_len = field.len;
  }
  if (more < 0)
    return rkv_fail(error, RKV_INVALID, "%s: malformed protobuf at byte %zu of %zu", message,
                    (size_t)(reader.at - data), len);
  return RKV_OK;
}

enum rkv_status command_scan(const char *message, const uint8_t *data, size_t len,
                             struct command *command, struct rkv_error *error) {
  return scan(message, data, len, VALUE, command, error);
}

enum rkv_status command_scan_get(const uint8_t *data, size_t len, struct command *command,
                                 struct rkv_error *error) {
  return scan("GetRequest", data, len, KEY, command, error);
}

enum rkv_status command_check(const char *message, const struct command *command,
                              const struct command_limits *limits, struct rkv_error *error) {
  if (command->key_len == 0)
    return rkv_fail(error, RKV_INVALID, "%s.key: empty (1 to %zu bytes)", message, limits->key_max);
  if (command->key_len > limits->key_max)
    return rkv_fail(error, RKV_TOO_LARGE, "%s.key: %zu bytes (at most %zu: option key_max)",
                    message, command->key_len, limits->key_max);
  if (command->value_len > limits->value_max)
    return rkv_fail(error, RKV_TOO_LARGE, "%s.value: %zu bytes (at most %zu: option value_max)",
                    message, command->value_len, limits->value_max);
  return RKV_OK;
}
