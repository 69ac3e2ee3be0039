/* log.c: formats and writes log lines. */
#include "log.h"

#include "utf8.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

static const char *level_name(enum rkv_log_level level) {
  switch (level) {
#define LEVEL_NAME(name, number, text)                                                             \
  case RKV_LOG_##name: return text;
    RKV_LOG_LEVEL_LIST(LEVEL_NAME)
#undef LEVEL_NAME
  }
  return "ERROR"; /* a level outside the list is a plugin's mistake: show the line */
}

/* Bytes of the character at `at` if it may be shown; 0: its first byte may not be shown. */
static size_t shown_length(const unsigned char *at, size_t left) {
  size_t len = host_utf8_length(at, left);
  if (len == 1 && (*at < ' ' || *at == 127)) return 0;
  /* C1: control characters for a terminal */
  if (len == 2 && at[0] == 0xC2 && at[1] < 0xA0) return 0;
  return len;
}

static void make_safe(unsigned char *at, size_t len) {
  const unsigned char *end = at + len;
  while (at < end) {
    size_t step = shown_length(at, (size_t)(end - at));
    if (step == 0) *at = '?';
    at += step > 0 ? step : 1;
  }
}

size_t host_log_format(char out[HOST_LOG_LINE_MAX], struct timespec at, enum rkv_log_level level,
                       const char *module, const char *text) {
  struct tm parts;
  size_t head, len;
  int written;
  if (!gmtime_r(&at.tv_sec, &parts)) memset(&parts, 0, sizeof parts);
  head = strftime(out, HOST_LOG_LINE_MAX, "%Y-%m-%dT%H:%M:%S", &parts);
  written = snprintf(out + head, HOST_LOG_LINE_MAX - head, ".%03dZ %s %s %s",
                     (int)(at.tv_nsec / 1000000), level_name(level), module, text);
  len = head + (written > 0 ? (size_t)written : 0);
  if (len > HOST_LOG_LINE_MAX - 2) len = HOST_LOG_LINE_MAX - 2;
  make_safe((unsigned char *)out, len);
  assert(!memchr(out, '\n', len) && !memchr(out, '\0', len)); /* (G1) */
  out[len++] = '\n';
  out[len] = '\0';
  return len;
}

bool host_log_write(int fd, enum rkv_log_level level, const char *module, const char *text) {
  char line[HOST_LOG_LINE_MAX];
  struct timespec at = {0, 0};
  size_t len, done = 0;
  (void)clock_gettime(CLOCK_REALTIME, &at);
  len = host_log_format(line, at, level, module, text);
  while (done < len) {
    ssize_t wrote = write(fd, line + done, len - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return !(wrote < 0 && errno == EAGAIN);
    done += (size_t)wrote;
  }
  return true;
}
