/* payload.c: takes bytes from the command line, a file or stdin, and shows those of an answer. */
#include "payload.h"

#include <host/utf8.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP ((size_t)64 << 10) /* bytes to begin with, doubled up to CLIENT_MESSAGE_MAX */

/* ---- in ---- */

/* Reads `from` to its end; `name` is the option. */
static enum rkv_status take_stream(FILE *from, const char *name, ProtobufCBinaryData *out,
                                   struct rkv_error *error) {
  size_t room = STEP, size = 0;
  uint8_t *data = NULL;
  enum rkv_status status;
  for (;;) {
    uint8_t *more = realloc(data, room);
    if (!more) {
      status = rkv_fail(error, RKV_NO_MEMORY, "%s: out of memory", name);
      goto fail;
    }
    data = more;
    size += fread(data + size, 1, room - size, from);
    if (size < room) break;
    if (room >= CLIENT_MESSAGE_MAX) {
      status = rkv_fail(error, RKV_TOO_LARGE, "%s: more than 64 MiB, which no node takes", name);
      goto fail;
    }
    room *= 2;
  }
  if (!ferror(from)) {
    out->data = data;
    out->len = size;
    return RKV_OK;
  }
  status = rkv_fail(error, RKV_IO, "%s: cannot be read: %s", name, strerror(errno));
fail:
  free(data);
  return status;
}

enum rkv_status payload_stdin(ProtobufCBinaryData *out, struct rkv_error *error) {
  return take_stream(stdin, "--stdin", out, error);
}

static enum rkv_status take_file(const char *path, ProtobufCBinaryData *out,
                                 struct rkv_error *error) {
  enum rkv_status status;
  char name[160];
  FILE *from = fopen(path, "rbe");
  (void)snprintf(name, sizeof name, "--file %.140s", path);
  if (!from) return rkv_fail(error, RKV_IO, "%s: %s", name, strerror(errno));
  status = take_stream(from, name, out, error);
  (void)fclose(from);
  return status;
}

static enum rkv_status take_text(const char *text, ProtobufCBinaryData *out,
                                 struct rkv_error *error) {
  out->len = strlen(text);
  out->data = malloc(out->len + 1); /* + 1: for no bytes NULL still means failure */
  if (!out->data) return rkv_fail(error, RKV_NO_MEMORY, "--text: out of memory");
  memcpy(out->data, text, out->len);
  return RKV_OK;
}

/* The value of a hex digit, or -1. */
static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum rkv_status take_hex(const char *hex, ProtobufCBinaryData *out,
                                struct rkv_error *error) {
  size_t digits = 0;
  out->data = calloc(1, strlen(hex) / 2 + 1);
  if (!out->data) return rkv_fail(error, RKV_NO_MEMORY, "--hex: out of memory");
  for (const char *at = hex; *at; at++) {
    const int value = digit(*at);
    if (*at == ' ' || *at == '\n') continue;
    if (value < 0) {
      free(out->data);
      return rkv_fail(error, RKV_INVALID, "--hex: character %zu is no hex digit (try 0a03)",
                      (size_t)(at - hex) + 1);
    }
    out->data[digits / 2] = (uint8_t)(out->data[digits / 2] << 4 | value);
    digits++;
  }
  out->len = digits / 2;
  if (digits % 2 == 0) return RKV_OK;
  free(out->data);
  return rkv_fail(error, RKV_INVALID, "--hex: %zu digits, and a byte has two (0a, not a)", digits);
}

enum rkv_status payload_take(const struct args *args, ProtobufCBinaryData *out,
                             struct rkv_error *error) {
  const bool from_stdin = (args->options & ARGS_STDIN) != 0;
  const int given = (args->text ? 1 : 0) + (args->hex ? 1 : 0) + (args->file ? 1 : 0) + from_stdin;
  if (given != 1)
    return rkv_fail(error, RKV_INVALID, "%s --text, --hex, --file and --stdin",
                    given ? "give only one of" : "the bytes are missing: give one of");
  if (args->text) return take_text(args->text, out, error);
  if (args->hex) return take_hex(args->hex, out, error);
  return args->file ? take_file(args->file, out, error) : payload_stdin(out, error);
}

/* ---- out ---- */

enum rkv_status payload_open(const struct args *args, int *fd, struct rkv_error *error) {
  *fd = -1;
  if (!args->out) return RKV_OK;
  *fd = open(args->out, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (*fd >= 0) return RKV_OK;
  return rkv_fail(error, RKV_IO, "--out %.140s: %s", args->out, strerror(errno));
}

/* Replaces what is in the file. */
static bool fill(int fd, const uint8_t *data, size_t size) {
  struct stat file;
  if (fstat(fd, &file) != 0) return false;
  if (S_ISREG(file.st_mode) && ftruncate(fd, 0) != 0) return false;
  while (size > 0) {
    const ssize_t n = write(fd, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    data += n;
    size -= (size_t)n;
  }
  return true;
}

static enum outcome into_file(const struct args *args, const struct follow_answer *answer, int fd) {
  const bool filled = fill(fd, answer->data, answer->size);
  const int failure = errno;
  if (close(fd) == 0 && filled) return OUTCOME_DONE;
  (void)fprintf(stderr, "rkvctl: done, but --out ");
  print_text(args, stderr, args->out);
  (void)fprintf(stderr, " did not take the answer: %s\n", strerror(filled ? errno : failure));
  return OUTCOME_UNWRITTEN;
}

static bool is_utf8(const uint8_t *data, size_t size) {
  for (size_t at = 0, len; at < size; at += len) {
    len = host_utf8_length(data + at, size - at);
    if (len == 0) return false;
  }
  return true;
}

static void print_hex(const struct follow_answer *answer) {
  for (size_t i = 0; i < answer->size; i++) (void)printf("%02x", answer->data[i]);
}

static void print_answer_json(const struct args *args, const struct follow_answer *answer) {
  (void)printf("{\"bytes\":%zu,", answer->size);
  if (args->out) {
    (void)printf("\"out\":");
    print_json_text(stdout, args->out);
  } else {
    (void)printf("\"text\":");
    if (is_utf8(answer->data, answer->size))
      print_json_bytes(stdout, answer->data, answer->size);
    else
      (void)printf("null");
    (void)printf(",\"hex\":\"");
    print_hex(answer);
    (void)printf("\"");
  }
  (void)printf(",\"endpoint\":");
  print_json_text(stdout, answer->endpoint);
  (void)printf("}\n");
}

enum outcome payload_show(const struct args *args, const struct follow_answer *answer, int fd) {
  if (args->out) {
    const enum outcome outcome = into_file(args, answer, fd);
    if (outcome != OUTCOME_DONE) return outcome;
  }
  if (args->json) {
    print_answer_json(args, answer);
  } else if (args->out) {
    return OUTCOME_DONE;
  } else if (args->raw) {
    (void)fwrite(answer->data, 1, answer->size, stdout);
  } else {
    if (args->options & ARGS_AS_HEX)
      print_hex(answer);
    else
      print_safe(stdout, answer->data, answer->size);
    (void)fputc('\n', stdout);
  }
  return OUTCOME_DONE;
}
