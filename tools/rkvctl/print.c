/* print.c: prints tables, JSON, and bytes that are safe for a terminal. */
#include "print.h"

#include <host/utf8.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JSON_DIGITS_MAX 15

struct print_table *print_table_new(const char *const *titles, unsigned columns) {
  struct print_table *table = calloc(1, sizeof *table);
  if (!table) return NULL;
  table->columns = columns;
  table->rows = 1;
  for (unsigned i = 0; i < columns; i++)
    (void)snprintf(table->cells[0][i], PRINT_CELL_MAX, "%s", titles[i]);
  return table;
}

char (*print_table_row(struct print_table *table))[PRINT_CELL_MAX] {
  if (table->rows < PRINT_ROWS_MAX) table->rows++;
  memset(table->cells[table->rows - 1], 0, sizeof table->cells[0]);
  return table->cells[table->rows - 1];
}

void print_json_bytes(FILE *to, const void *data, size_t size) {
  const unsigned char *at = data, *end = at + size;
  (void)fputc('"', to);
  while (at < end) {
    size_t len = host_utf8_length(at, (size_t)(end - at));
    if (len == 0) {
      (void)fputs("\\ufffd", to);
      len = 1;
    } else if (*at == '"' || *at == '\\') {
      (void)fprintf(to, "\\%c", *at);
    } else if (*at < 0x20 || *at == 0x7F) {
      (void)fprintf(to, "\\u%04x", *at);
    } else if (len == 2 && *at == 0xC2 && at[1] < 0xA0) {
      (void)fprintf(to, "\\u%04x", at[1]); /* a control character, like ESC */
    } else {
      (void)fwrite(at, 1, len, to);
    }
    at += len;
  }
  (void)fputc('"', to);
}

void print_json_text(FILE *to, const char *text) {
  print_json_bytes(to, text, strlen(text));
}

void print_json_value(FILE *to, const char *text, size_t size) {
  bool number = size > 0 && size <= JSON_DIGITS_MAX && (text[0] != '0' || size == 1);
  for (size_t i = 0; i < size; i++) number = number && text[i] >= '0' && text[i] <= '9';
  if (number) {
    (void)fwrite(text, 1, size, to);
  } else {
    print_json_bytes(to, text, size);
  }
}

/* True if the UTF-8 sequence of `len` bytes is no control character. */
static bool is_printable(const unsigned char *at, size_t len) {
  if (len == 1) return *at >= 0x20 && *at != 0x7F;
  return len > 2 || *at != 0xC2 || at[1] >= 0xA0; /* U+0080 to U+009F are control characters */
}

void print_safe(FILE *to, const void *data, size_t size) {
  const unsigned char *at = data, *end = at + size;
  while (at < end) {
    size_t len = host_utf8_length(at, (size_t)(end - at));
    if (len > 0 && is_printable(at, len)) {
      (void)fwrite(at, 1, len, to);
      at += len;
    } else {
      (void)fprintf(to, "\\x%02x", *at++);
    }
  }
}

/* The width of the text as print_safe prints it. */
static size_t safe_width(const char *cell) {
  size_t width = 0, left = strlen(cell);
  while (left > 0) {
    size_t len = host_utf8_length((const unsigned char *)cell, left);
    bool printable = len > 0 && is_printable((const unsigned char *)cell, len);
    width += printable ? 1 : 4;
    cell += printable ? len : 1;
    left -= printable ? len : 1;
  }
  return width;
}

void print_table_out(const struct print_table *table, FILE *to) {
  size_t width[PRINT_COLUMNS_MAX] = {0};
  for (unsigned row = 0; row < table->rows; row++)
    for (unsigned column = 0; column < table->columns; column++) {
      size_t len = safe_width(table->cells[row][column]);
      if (len > width[column]) width[column] = len;
    }
  for (unsigned row = 0; row < table->rows; row++)
    for (unsigned column = 0; column < table->columns; column++) {
      const char *cell = table->cells[row][column];
      print_safe(to, cell, strlen(cell));
      if (column + 1 == table->columns)
        (void)fputc('\n', to);
      else
        (void)fprintf(to, "%*s", (int)(width[column] - safe_width(cell)) + 2, "");
    }
}

void print_text(const struct args *args, FILE *to, const char *text) {
  if (args->raw)
    (void)fputs(text, to);
  else
    print_safe(to, text, strlen(text));
}

void print_value(const struct args *args, const void *data, size_t size) {
  if (args->raw || !isatty(STDOUT_FILENO))
    (void)fwrite(data, 1, size, stdout);
  else
    print_safe(stdout, data, size);
}

enum outcome print_usage_error(const struct args *args, const char *what, const char *text) {
  if (args->json) {
    (void)printf("{\"command\":");
    print_json_text(stdout, what);
    (void)printf(",\"error\":\"usage\",\"text\":");
    print_json_text(stdout, text);
    (void)printf(",\"may_have_happened\":false}\n");
  }
  (void)fprintf(stderr, "rkvctl: %s%s", what, *what ? ": " : "");
  print_text(args, stderr, text);
  (void)fputc('\n', stderr);
  return OUTCOME_USAGE;
}

enum outcome print_out_of_memory(const char *what) {
  (void)fprintf(stderr, "rkvctl: %s: out of memory\n", what);
  return OUTCOME_NO_ANSWER;
}
