/* codec_swap.c: SwapStorage. Its settings may hold secrets: a refusal tells a setting by its place
 * and never by its text. */
#include "wire/codec_parts.h"
#include "wire/pb.h"

#include <rkv.pb-c.h>
#include <stdlib.h>

enum { ACTION = 1, PLUGIN = 2, SETTINGS = 3, FORGETFUL = 4 }; /* SwapStorageRequest */
#define FIELD_MAX 32 /* bytes of a field's name in a text */

/* A request whose texts are still in the message. */
struct swap_parts {
  uint64_t action, forgetful;
  struct pb_field plugin; /* number 0: absent */
  struct pb_field settings[RKV_SWAP_SETTINGS_MAX];
  size_t count;
};

/* ---- the message ---- */

static enum rkv_status swap_take(const struct pb_field *field, struct swap_parts *out,
                                 struct rkv_error *error) {
  const bool is_text = field->number == PLUGIN || field->number == SETTINGS;
  if (field->number == 0 || field->number > FORGETFUL) return RKV_OK;
  if (field->type != (is_text ? PB_BYTES : PB_VARINT))
    return rkv_fail(error, RKV_INVALID, "swap request: field %u is no %s", field->number,
                    is_text ? "string" : "number");
  if (field->number == ACTION) out->action = field->value;
  if (field->number == FORGETFUL) out->forgetful = field->value;
  if (field->number == PLUGIN) out->plugin = *field;
  if (field->number != SETTINGS) return RKV_OK;
  if (out->count == RKV_SWAP_SETTINGS_MAX)
    return rkv_fail(error, RKV_INVALID, "settings: more than %d", RKV_SWAP_SETTINGS_MAX);
  out->settings[out->count++] = *field;
  return RKV_OK;
}

static enum rkv_status swap_split(struct rkv_buf message, struct swap_parts *out,
                                  struct rkv_error *error) {
  struct pb_reader reader = {message.data, message.data + message.len};
  struct pb_field field;
  enum rkv_status status = RKV_OK;
  enum pb_step step = PB_END;
  memset(out, 0, sizeof *out);
  while (status == RKV_OK && (step = pb_next(&reader, &field)) == PB_FIELD)
    status = swap_take(&field, out, error);
  if (status == RKV_OK && step == PB_BAD)
    return rkv_fail(error, RKV_INVALID, "swap request: damaged at byte %zu of %zu",
                    (size_t)(reader.at - message.data), message.len);
  return status;
}

/* ---- texts ---- */

/* The length of the UTF-8 character (RFC 3629) at `at`; 0: there is none. */
static size_t swap_utf8(const uint8_t *at, size_t left) {
  const size_t len = *at < 0x80 ? 1 : *at < 0xC2 ? 0 : *at < 0xE0 ? 2 : *at < 0xF0 ? 3 : 4;
  if (len == 0 || len > left || *at > 0xF4) return 0;
  for (size_t i = 1; i < len; i++)
    if ((at[i] & 0xC0) != 0x80) return 0;
  if ((*at == 0xE0 && at[1] < 0xA0) || (*at == 0xED && at[1] >= 0xA0)) return 0;
  if ((*at == 0xF0 && at[1] < 0x90) || (*at == 0xF4 && at[1] >= 0x90)) return 0;
  return len;
}

static enum rkv_status swap_check_text(const struct pb_field *text, const char *field,
                                       struct rkv_error *error) {
  size_t step;
  if (text->len > RKV_SWAP_SETTING_BYTES_MAX)
    return rkv_fail(error, RKV_INVALID, "%s: %zu bytes (at most %d)", field, text->len,
                    RKV_SWAP_SETTING_BYTES_MAX);
  for (size_t at = 0; at < text->len; at += step) {
    step = swap_utf8(text->data + at, text->len - at);
    if (step == 0) return rkv_fail(error, RKV_INVALID, "%s: not UTF-8 (a string must be)", field);
    if (text->data[at] < 0x20 || text->data[at] == 0x7F)
      return rkv_fail(error, RKV_INVALID,
                      "%s: a control character at byte %zu (leave it out: no line of an INI file "
                      "can hold it)",
                      field, at);
  }
  return RKV_OK;
}

static enum rkv_status swap_check_plugin(const struct pb_field *plugin, struct rkv_error *error) {
  if (plugin->len == 0)
    return rkv_fail(error, RKV_INVALID,
                    "plugin: empty (name a storage of the node's plugin_dir, such as storage-wal)");
  if (memchr(plugin->data, '/', plugin->len))
    return rkv_fail(error, RKV_INVALID,
                    "plugin: a path (name a storage of the node's plugin_dir, such as "
                    "storage-wal)");
  return swap_check_text(plugin, "plugin", error);
}

static enum rkv_status swap_check_setting(const struct pb_field *setting, size_t place,
                                          struct rkv_error *error) {
  const uint8_t *equals = setting->len ? memchr(setting->data, '=', setting->len) : NULL;
  char field[FIELD_MAX];
  (void)snprintf(field, sizeof field, "settings[%zu]", place);
  if (!equals) return rkv_fail(error, RKV_INVALID, "%s: no '=' (write KEY=VALUE)", field);
  if (equals == setting->data)
    return rkv_fail(error, RKV_INVALID, "%s: no key before the '=' (write KEY=VALUE)", field);
  return swap_check_text(setting, field, error);
}

static enum rkv_status swap_check(const struct swap_parts *parts, struct rkv_error *error) {
  const bool names = parts->action == RKV_SWAP_CHECK || parts->action == RKV_SWAP_BEGIN;
  enum rkv_status status = RKV_OK;
  if (parts->action > RKV_SWAP_CANCEL)
    return rkv_fail(error, RKV_INVALID, "action: unknown (0 look, 1 check, 2 begin, 3 cancel)");
  if (!names && (parts->plugin.len > 0 || parts->count > 0))
    return rkv_fail(error, RKV_INVALID,
                    "%s: given (only check and begin, actions 1 and 2, name a storage)",
                    parts->count > 0 ? "settings" : "plugin");
  if (names) status = swap_check_plugin(&parts->plugin, error);
  for (size_t i = 0; i < parts->count && status == RKV_OK; i++)
    status = swap_check_setting(&parts->settings[i], i, error);
  return status;
}

/* ---- the call ---- */

static const char *swap_keep(char **at, const struct pb_field *text) {
  char *kept = *at;
  if (text->len > 0) memcpy(kept, text->data, text->len);
  kept[text->len] = '\0';
  *at += text->len + 1;
  return kept;
}

enum rkv_status codec_swap_decode(struct rkv_buf message, struct rkv_swap_call *call, void **space,
                                  struct rkv_error *error) {
  struct swap_parts parts;
  const char **settings;
  size_t bytes;
  char *at;
  enum rkv_status status = swap_split(message, &parts, error);
  *space = NULL;
  if (status == RKV_OK) status = swap_check(&parts, error);
  if (status != RKV_OK) return status;
  bytes = parts.count * sizeof *settings + parts.plugin.len + 1;
  for (size_t i = 0; i < parts.count; i++) bytes += parts.settings[i].len + 1;
  if (!(settings = malloc(bytes)))
    return rkv_fail(error, RKV_NO_MEMORY, "no memory for the swap request");
  *space = settings;
  at = (char *)(settings + parts.count);
  call->action = (uint32_t)parts.action;
  call->forgetful = parts.forgetful != 0;
  call->plugin = swap_keep(&at, &parts.plugin);
  for (size_t i = 0; i < parts.count; i++) settings[i] = swap_keep(&at, &parts.settings[i]);
  call->settings = settings;
  call->setting_count = parts.count;
  return RKV_OK;
}

/* ---- the answer ---- */

/* A string of the wire: what is no UTF-8, because a text was cut, becomes '?'. */
static void swap_say(struct rkv_buf text, uint8_t *out) {
  size_t step;
  for (size_t at = 0; at < text.len; at += step) {
    step = swap_utf8(text.data + at, text.len - at);
    if (step > 0)
      memcpy(out + at, text.data + at, step);
    else
      out[at] = '?';
    if (step == 0) step = 1;
  }
}

enum rkv_status codec_swap_answer_encode(const struct rkv_swap_call *call, grpc_slice *out,
                                         struct rkv_error *error) {
  Rkv__V1__SwapStorageResponse answer = RKV__V1__SWAP_STORAGE_RESPONSE__INIT;
  uint8_t *text = malloc(call->text.len + 1); /* + 1: a NULL means failure, also for no text */
  *out = grpc_empty_slice();
  if (!text) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the answer");
  swap_say(call->text, text);
  answer.phase = call->phase;
  answer.done = call->done;
  answer.total = call->total;
  answer.text.data = text;
  answer.text.len = call->text.len;
  *out = codec_pack(&answer.base);
  free(text);
  return RKV_OK;
}
