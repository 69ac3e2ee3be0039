/* print.c: tables, JSON, trouble. */
#include "print.h"

#include <grpc/status.h>

#include <stdlib.h>
#include <string.h>

#define JSON_DIGITS_MAX 15

struct print_table *print_table_new(const char *const *titles, unsigned columns) {
  struct print_table *table = calloc(1, sizeof *table);
  unsigned i;
  if (!table) return NULL;
  table->columns = columns;
  table->rows = 1;
  for (i = 0; i < columns; i++) (void)snprintf(table->cells[0][i], PRINT_CELL_MAX, "%s", titles[i]);
  return table;
}

char (*print_table_row(struct print_table *table))[PRINT_CELL_MAX] {
  if (table->rows < PRINT_ROWS_MAX) table->rows++;
  memset(table->cells[table->rows - 1], 0, sizeof table->cells[0]);
  return table->cells[table->rows - 1];
}

void print_table_out(const struct print_table *table, FILE *to) {
  size_t width[PRINT_COLUMNS_MAX] = {0};
  unsigned row, column;
  for (row = 0; row < table->rows; row++)
    for (column = 0; column < table->columns; column++) {
      size_t len = strlen(table->cells[row][column]);
      if (len > width[column]) width[column] = len;
    }
  for (row = 0; row < table->rows; row++)
    for (column = 0; column < table->columns; column++) {
      const char *cell = table->cells[row][column];
      if (column + 1 == table->columns) {
        (void)fprintf(to, "%s\n", cell);
      } else {
        (void)fprintf(to, "%-*s  ", (int)width[column], cell);
      }
    }
}

/* Bytes of the UTF-8 sequence that starts at `at`, 0 if it is none. */
static size_t utf8_length(const unsigned char *at, size_t left) {
  size_t need = *at < 0x80                  ? 1
                : *at >= 0xC2 && *at < 0xE0 ? 2
                : *at >= 0xE0 && *at < 0xF0 ? 3
                : *at >= 0xF0 && *at < 0xF5 ? 4
                                            : 0;
  size_t i;
  if (need == 0 || need > left) return 0;
  for (i = 1; i < need; i++)
    if ((at[i] & 0xC0) != 0x80) return 0;
  if (need == 3 && ((*at == 0xE0 && at[1] < 0xA0) || (*at == 0xED && at[1] >= 0xA0))) return 0;
  if (need == 4 && ((*at == 0xF0 && at[1] < 0x90) || (*at == 0xF4 && at[1] >= 0x90))) return 0;
  return need;
}

void print_json_bytes(FILE *to, const void *data, size_t size) {
  const unsigned char *at = data, *end = at + size;
  (void)fputc('"', to);
  while (at < end) {
    size_t len = utf8_length(at, (size_t)(end - at));
    if (len == 0) {
      (void)fputs("\\ufffd", to);
      len = 1;
    } else if (*at == '"' || *at == '\\') {
      (void)fprintf(to, "\\%c", *at);
    } else if (*at < 0x20 || *at == 0x7F) {
      (void)fprintf(to, "\\u%04x", *at);
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
  size_t i;
  for (i = 0; i < size; i++) number = number && text[i] >= '0' && text[i] <= '9';
  if (number) {
    (void)fwrite(text, 1, size, to);
  } else {
    print_json_bytes(to, text, size);
  }
}

static void print_trouble_json(const char *what, enum outcome outcome,
                               const struct follow_answer *answer) {
  (void)printf("{\"command\":");
  print_json_text(stdout, what);
  (void)printf(",\"error\":%s,\"endpoint\":", outcome == OUTCOME_REFUSED ? "\"refused\""
                                              : answer->open             ? "\"unknown\""
                                                                         : "\"no answer\"");
  print_json_text(stdout, answer->endpoint);
  (void)printf(",\"status\":\"%s\",\"text\":", client_code_name(answer->code));
  print_json_text(stdout, answer->text);
  (void)printf(",\"may_have_happened\":%s}\n", answer->sent ? "true" : "false");
}

enum outcome print_trouble(const struct session *session, const char *what, enum outcome outcome,
                           const struct follow_answer *answer) {
  const char *advice = "";
  if (session->args->json) print_trouble_json(what, outcome, answer);
  if (outcome == OUTCOME_REFUSED) {
    if (answer->no_leader)
      advice = "\n  no leader is known there: a new cluster needs `rkvctl init`, an election a "
               "moment";
    (void)fprintf(stderr, "rkvctl: %s: refused by %s: %s (%s)%s\n", what, answer->endpoint,
                  answer->text, client_code_name(answer->code), advice);
    return outcome;
  }
  if (answer->sent)
    advice = "\n  the request was sent: it may or may not have been carried out, look before you "
             "repeat it";
  if (answer->open) {
    (void)fprintf(stderr, "rkvctl: %s: outcome unknown, %s says: %s (%s)%s\n", what,
                  answer->endpoint, answer->text, client_code_name(answer->code), advice);
  } else if (answer->code == GRPC_STATUS_DEADLINE_EXCEEDED) {
    (void)fprintf(stderr, "rkvctl: %s: no answer from %s within %g s%s\n", what, answer->endpoint,
                  (double)session->args->timeout_ms / 1000, advice);
  } else {
    (void)fprintf(stderr, "rkvctl: %s: no answer from %s: %s%s\n", what, answer->endpoint,
                  answer->text, advice);
  }
  return outcome;
}

enum outcome print_usage_error(const char *what, const char *text) {
  (void)fprintf(stderr, "rkvctl: %s%s%s\n", what, *what ? ": " : "", text);
  return OUTCOME_USAGE;
}

enum outcome print_out_of_memory(const char *what) {
  (void)fprintf(stderr, "rkvctl: %s: out of memory\n", what);
  return OUTCOME_NO_ANSWER;
}
