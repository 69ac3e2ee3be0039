/* print.h: how answers look: tables for people, JSON for scripts, nothing that
 * steers a terminal. */
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

/* NULL: out of memory. Free with free(). */
struct print_table *print_table_new(const char *const *titles, unsigned columns);

/* The next row's cells, all empty; the last one again if the table is full. */
char (*print_table_row(struct print_table *table))[PRINT_CELL_MAX];

/* Columns as wide as their widest cell, two spaces between them. */
void print_table_out(const struct print_table *table, FILE *to);

/* A JSON string with its quotes. Bytes that are no UTF-8 become U+FFFD. */
void print_json_bytes(FILE *to, const void *data, size_t size);
void print_json_text(FILE *to, const char *text);

/* A metric: a number if it is nothing but digits (at most 15: more than that not every reader
 * keeps), else a string. */
void print_json_value(FILE *to, const char *text, size_t size);

/* Bytes of somebody else for people: what would steer a terminal, and what is no UTF-8, as \xNN. */
void print_safe(FILE *to, const void *data, size_t size);

/* A server's text: likewise; with --raw as it is. */
void print_text(const struct args *args, FILE *to, const char *text);

/* A stored value on stdout: as it is, but to a terminal without --raw by print_safe. */
void print_value(const struct args *args, const void *data, size_t size);

/* A usage error, on stderr; with --json the same as an object on stdout. */
enum outcome print_usage_error(const struct args *args, const char *what, const char *text);

/* OUTCOME_NO_ANSWER, and why, on stderr. */
enum outcome print_out_of_memory(const char *what);

#endif
