/* swap_words.c: lines `KEY=VALUE` of a call that moves the storage (swap_words.h). */
#include <node/swap_words.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
  LINES_MAX = RKV_SWAP_SETTINGS_MAX + 3, /* of a request */
  LINE_MAX_BYTES = RKV_SWAP_SETTING_BYTES_MAX + 16
};

/* ---- writing ---- */

enum { NUMBERS_BYTES = 96 /* of all keys but `plugin` and `set`, with their numbers */ };

static char *put_word(char *at, const char *key, const void *value, size_t len) {
  const size_t key_len = strlen(key);
  memcpy(at, key, key_len);
  if (len > 0) memcpy(at + key_len, value, len);
  at += key_len + len;
  *at = '\0';
  return at;
}

char *swap_words_request(const struct rkv_swap_call *call, size_t *len) {
  const char *plugin = call->plugin ? call->plugin : "";
  size_t size = NUMBERS_BYTES + strlen("plugin=\n") + strlen(plugin);
  char *text, *at;
  for (size_t i = 0; i < call->setting_count; i++)
    size += strlen("set=\n") + strlen(call->settings[i]);
  if (!(text = malloc(size))) return NULL;
  at = text + snprintf(text, NUMBERS_BYTES, "action=%" PRIu32 "\nforgetful=%d\n", call->action,
                       call->forgetful != 0);
  at = put_word(at, "plugin=", plugin, strlen(plugin));
  for (size_t i = 0; i < call->setting_count; i++)
    at = put_word(at, "\nset=", call->settings[i], strlen(call->settings[i]));
  at = put_word(at, "\n", NULL, 0);
  *len = (size_t)(at - text);
  return text;
}

char *swap_words_answer(const struct rkv_swap_call *call, size_t *len) {
  char *text = malloc(NUMBERS_BYTES + strlen("text=") + call->text.len + 1), *at;
  if (!text) return NULL;
  at = text + snprintf(text, NUMBERS_BYTES,
                       "phase=%" PRIu32 "\ndone=%" PRIu64 "\ntotal=%" PRIu64 "\n", call->phase,
                       call->done, call->total);
  at = put_word(at, "text=", call->text.data, call->text.len);
  *len = (size_t)(at - text);
  return text;
}

/* ---- reading ---- */

/* One line, cut at its '=': both parts end with a NUL. */
struct swap_line {
  char *key, *value;
};

static bool read_number(const char *text, uint64_t max, uint64_t *out) {
  char *end;
  if (*text < '0' || *text > '9') return false;
  errno = 0;
  *out = strtoull(text, &end, 10);
  return *end == '\0' && errno == 0 && *out <= max;
}

/* Cuts the next line off [*at, end), where *end is a byte of its own. */
static enum rkv_status cut_line(char **at, char *end, unsigned number, struct swap_line *line,
                                struct rkv_error *error) {
  char *stop = memchr(*at, '\n', (size_t)(end - *at)), *equals;
  if (!stop) return rkv_fail(error, RKV_INVALID, "request: line %u has no end", number);
  if (stop - *at > LINE_MAX_BYTES)
    return rkv_fail(error, RKV_INVALID, "request: line %u has over %d bytes", number,
                    LINE_MAX_BYTES);
  for (const char *c = *at; c < stop; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7F)
      return rkv_fail(error, RKV_INVALID, "request: line %u has a control character", number);
  *stop = '\0';
  if (!(equals = strchr(*at, '=')))
    return rkv_fail(error, RKV_INVALID, "request: line %u is no KEY=VALUE", number);
  *equals = '\0';
  *line = (struct swap_line){*at, equals + 1};
  *at = stop + 1;
  return RKV_OK;
}

/* A setting as an INI line would have it. */
static enum rkv_status take_setting(const char *value, struct rkv_swap_call *call,
                                    const char **settings, struct rkv_error *error) {
  const char *equals = strchr(value, '=');
  const size_t place = call->setting_count;
  if (place == RKV_SWAP_SETTINGS_MAX)
    return rkv_fail(error, RKV_INVALID, "set: more than %d settings", RKV_SWAP_SETTINGS_MAX);
  if (!equals || equals == value)
    return rkv_fail(error, RKV_INVALID, "set[%zu]: not KEY=VALUE", place);
  settings[call->setting_count++] = value;
  return RKV_OK;
}

static enum rkv_status take_line(const struct swap_line *line, struct rkv_swap_call *call,
                                 const char **settings, struct rkv_error *error) {
  uint64_t number;
  if (strcmp(line->key, "set") == 0) return take_setting(line->value, call, settings, error);
  if (strcmp(line->key, "plugin") == 0) {
    call->plugin = line->value;
  } else if (strcmp(line->key, "action") == 0) {
    if (!read_number(line->value, RKV_SWAP_CANCEL, &number))
      return rkv_fail(error, RKV_INVALID, "action: not one of 0 to %d", RKV_SWAP_CANCEL);
    call->action = (uint32_t)number;
  } else if (strcmp(line->key, "forgetful") == 0) {
    if (!read_number(line->value, 1, &number))
      return rkv_fail(error, RKV_INVALID, "forgetful: neither 0 nor 1");
    call->forgetful = (uint32_t)number;
  } else {
    return rkv_fail(error, RKV_INVALID,
                    "request: a key that this node does not know (it knows action, forgetful, "
                    "plugin, set)");
  }
  return RKV_OK;
}

enum rkv_status swap_words_read_request(struct rkv_buf bytes, struct rkv_swap_call *call,
                                        void **space, struct rkv_error *error) {
  const char **settings;
  struct swap_line line = {NULL, NULL};
  enum rkv_status status = RKV_OK;
  char *at, *end;
  *space = NULL;
  call->action = RKV_SWAP_LOOK;
  call->forgetful = 0;
  call->plugin = "";
  call->setting_count = 0;
  if (bytes.len > RKV_SWAP_SETTINGS_MAX * LINE_MAX_BYTES)
    return rkv_fail(error, RKV_INVALID, "request: %zu bytes", bytes.len);
  if (!(settings = malloc(RKV_SWAP_SETTINGS_MAX * sizeof *settings + bytes.len + 1)))
    return rkv_fail(error, RKV_NO_MEMORY, "no memory for the request");
  *space = settings;
  call->settings = settings;
  at = (char *)(settings + RKV_SWAP_SETTINGS_MAX);
  end = at + bytes.len;
  if (bytes.len > 0) memcpy(at, bytes.data, bytes.len);
  *end = '\0';
  for (unsigned number = 1; at < end && status == RKV_OK; number++) {
    if (number > LINES_MAX)
      return rkv_fail(error, RKV_INVALID, "request: over %d lines", LINES_MAX);
    status = cut_line(&at, end, number, &line, error);
    if (status == RKV_OK) status = take_line(&line, call, settings, error);
  }
  return status;
}

/* The number of the line `key=NUMBER` at *at, which moves behind it. */
static bool take_number(struct rkv_buf bytes, size_t *at, const char *key, uint64_t *out) {
  char text[64];
  const size_t len = strlen(key), left = bytes.len - *at;
  const uint8_t *from = bytes.data + *at, *stop = left > 0 ? memchr(from, '\n', left) : NULL;
  if (!stop || (size_t)(stop - from) >= sizeof text || (size_t)(stop - from) < len) return false;
  memcpy(text, from, (size_t)(stop - from));
  text[stop - from] = '\0';
  *at += (size_t)(stop - from) + 1;
  return memcmp(text, key, len) == 0 && read_number(text + len, UINT64_MAX, out);
}

enum rkv_status swap_words_read_answer(struct rkv_buf bytes, struct rkv_swap_call *call,
                                       struct rkv_error *error) {
  static const char last[] = "text=";
  size_t at = 0;
  uint64_t phase;
  if (!take_number(bytes, &at, "phase=", &phase) || phase > UINT32_MAX ||
      !take_number(bytes, &at, "done=", &call->done) ||
      !take_number(bytes, &at, "total=", &call->total))
    return rkv_fail(error, RKV_CORRUPT, "the node's answer about its swap cannot be read");
  call->phase = (uint32_t)phase;
  while (at < bytes.len &&
         (bytes.len - at < strlen(last) || memcmp(bytes.data + at, last, strlen(last)) != 0)) {
    const uint8_t *stop = memchr(bytes.data + at, '\n', bytes.len - at); /* what is newer */
    at = stop ? (size_t)(stop - bytes.data) + 1 : bytes.len;
  }
  at = at < bytes.len ? at + strlen(last) : at;
  call->text = rkv_buf_slice(bytes, at, bytes.len - at);
  call->text = rkv_buf_share(call->text);
  return RKV_OK;
}
