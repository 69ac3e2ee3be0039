/* ini.c: a line-counting reader under inih. */
#include "ini.h"

#include <ini.h>

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define INIH_SLACK 3 /* inih counts the line's end ("\r\n") and the NUL into its limit */

struct reader {
  const char *path;
  const char *at, *end; /* what is left of the file */
  unsigned line;        /* number of the line that inih works on; 0 before the first */
  bool setting_due;     /* inih must call on_setting for that line, else it is no setting */
  char text[80];        /* how that line begins, for the message */
  struct host_settings *settings;
  struct host_problems *problems;
};

__attribute__((format(printf, 2, 3))) static void complain(struct reader *r, const char *format,
                                                           ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  host_problems_add(r->problems, HOST_BLAME_CONFIG, r->line, "%s:%u: %s", r->path, r->line, text);
}

/* Reports the line if inih has gone on without calling on_setting. */
static void finish_line(struct reader *r) {
  if (r->setting_due)
    complain(r, "\"%s\": not a setting (write key = value, [section] or ; comment)", r->text);
  r->setting_due = false;
}

/* Notes a [section] header: inih mentions a section only together with a key. */
static void on_header(struct reader *r, const char *line, size_t len) {
  const char *close = memchr(line, ']', len);
  const char *rest = close ? close + 1 : line;
  char name[HOST_INI_LINE_MAX];
  char origin[HOST_INI_LINE_MAX];
  if (!close) {
    r->setting_due = true;
    return;
  }
  while (rest < line + len && isspace((unsigned char)*rest)) rest++;
  if (rest < line + len && *rest != ';' && *rest != '#')
    complain(r, "text behind [%.*s] (put it on a line of its own)", (int)(close - line - 1),
             line + 1);
  (void)snprintf(name, sizeof name, "%.*s", (int)(close - line - 1), line + 1);
  (void)snprintf(origin, sizeof origin, "%s:%u", r->path, r->line);
  host_settings_open(r->settings, name, origin, r->line, r->problems);
}

/* How much of a line inih gets to see: the line without blanks in front, because inih takes an
 * indented line for the continuation of the value above. 0: a line without a setting, or one that
 * is refused here. */
static size_t screen_line(struct reader *r, const char **line, size_t len, size_t max) {
  while (len > 0 && isspace((unsigned char)**line)) (*line)++, len--;
  if (len == 0 || **line == ';' || **line == '#') return 0;
  (void)snprintf(r->text, sizeof r->text, "%.*s", (int)len, *line);
  if (memchr(*line, '\0', len)) {
    complain(r, "a NUL byte in the line (write plain text)");
    return 0;
  }
  if (len > max) {
    complain(r, "the line is %zu bytes long (at most %zu)", len, max);
    return 0;
  }
  if (**line == '[')
    on_header(r, *line, len);
  else
    r->setting_due = true;
  return len;
}

/* inih's reader: one whole line per call, like fgets. */
static char *next_line(char *out, int size, void *arg) {
  struct reader *r = arg;
  const char *line = r->at, *newline;
  size_t len;
  finish_line(r);
  if (r->at == r->end) return NULL;
  newline = memchr(line, '\n', (size_t)(r->end - line));
  len = newline ? (size_t)(newline - line) : (size_t)(r->end - line);
  r->at = newline ? newline + 1 : r->end;
  r->line++;
  if (r->line == 1 && len >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0) line += 3, len -= 3;
  if (len > 0 && line[len - 1] == '\r') len--;
  len = screen_line(r, &line, len, (size_t)size - INIH_SLACK);
  memcpy(out, line, len);
  out[len] = '\n';
  out[len + 1] = '\0';
  return out;
}

static int on_setting(void *arg, const char *section, const char *key, const char *value) {
  struct reader *r = arg;
  char origin[HOST_INI_LINE_MAX];
  r->setting_due = false;
  if (section[0] == '\0') {
    complain(r, "%s = \"%s\": stands before the first [section] (put it under one, e.g. [node])",
             key, value);
    return 1;
  }
  (void)snprintf(origin, sizeof origin, "%s:%u", r->path, r->line);
  host_settings_add(r->settings, HOST_SOURCE_FILE, section, key, value, origin, r->line,
                    r->problems);
  return 1;
}

/* Reads the whole file into memory that the caller frees; NULL after a problem. */
static char *read_file(const char *path, size_t *len, struct host_problems *problems) {
  FILE *file = fopen(path, "re");
  char *bytes = NULL;
  bool failed;
  if (!file) {
    host_problems_add(problems, HOST_BLAME_CONFIG, 0,
                      "%s: cannot open: %s (give --config a file this process may read)", path,
                      strerror(errno));
    return NULL;
  }
  bytes = malloc(HOST_INI_BYTES_MAX + 1);
  if (bytes) *len = fread(bytes, 1, HOST_INI_BYTES_MAX + 1, file);
  failed = !bytes || ferror(file) || *len > HOST_INI_BYTES_MAX;
  if (!bytes)
    host_problems_no_memory(problems);
  else if (ferror(file))
    host_problems_add(problems, HOST_BLAME_CONFIG, 0, "%s: cannot read (give a plain file)", path);
  else if (failed)
    host_problems_add(problems, HOST_BLAME_CONFIG, 0,
                      "%s: larger than %d bytes (is it an INI file?)", path, HOST_INI_BYTES_MAX);
  (void)fclose(file);
  if (!failed) return bytes;
  free(bytes);
  return NULL;
}

bool host_ini_read(const char *path, struct host_settings *settings,
                   struct host_problems *problems) {
  struct reader r = {.path = path, .settings = settings, .problems = problems};
  size_t len = 0;
  char *bytes = read_file(path, &len, problems);
  int result;
  if (!bytes) return false;
  r.at = bytes;
  r.end = bytes + len;
  /* Debian's inih keeps its limit in a variable (200 by default, too short for a path). next_line
   * obeys the limit that inih passes to it. */
  ini_max_line = HOST_INI_LINE_MAX + INIH_SLACK;
  result = ini_parse_stream(next_line, &r, on_setting, &r);
  /* A positive result is the number of a line that finish_line has reported already. */
  if (result < 0) host_problems_no_memory(problems);
  free(bytes);
  return true;
}
