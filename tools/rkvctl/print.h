/* print.h: how answers are printed: tables for people, JSON for scripts, nothing that controls a
 * terminal. */
#ifndef RKVCTL_PRINT_H
#define RKVCTL_PRINT_H

#include "follow.h"

#include <stdio.h>

#define PRINT_COLUMNS_MAX 8
#define PRINT_ROWS_MAX 256
#define PRINT_CELL_MAX RKV_ADDR_MAX

struct print_table {
  unsigned columns, rows;
  char cells[PRINT_ROWS_MAX][PRINT_COLUMNS_MAX][PRINT_CELL_MAX];
};

/* Makes an empty table; NULL: out of memory. Free with free(). */
struct print_table *print_table_new(const char *const *titles, unsigned columns);

/* Begins the next row and returns its cells, all empty. If the table is full, the last row
 * again. */
char (*print_table_row(struct print_table *table))[PRINT_CELL_MAX];

/* Prints the table: a column is as wide as its widest cell, with two spaces behind it. */
void print_table_out(const struct print_table *table, FILE *to);

/* Prints a JSON string with its quotes. Bytes that are no UTF-8 become U+FFFD. */
void print_json_bytes(FILE *to, const void *data, size_t size);
void print_json_text(FILE *to, const char *text);

/* Prints a metric as JSON: as a number if it is at most 15 digits (not every JSON reader keeps
 * more), else as a string. */
void print_json_value(FILE *to, const char *text, size_t size);

/* Prints bytes from outside for people: control characters and bytes that are no UTF-8 as \xNN. */
void print_safe(FILE *to, const void *data, size_t size);

/* Prints a server's text likewise; with --raw as it is. */
void print_text(const struct args *args, FILE *to, const char *text);

/* Prints a stored value on stdout as it is; to a terminal, without --raw, by print_safe. */
void print_value(const struct args *args, const void *data, size_t size);

/* Prints a usage error on stderr; with --json as an object on stdout. */
enum outcome print_usage_error(const struct args *args, const char *what, const char *text);

/* Prints on stderr why there is no answer; returns OUTCOME_NO_ANSWER. */
enum outcome print_out_of_memory(const char *what);

#endif
