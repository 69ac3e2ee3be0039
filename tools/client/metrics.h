/* metrics.h: reads MetricsResponse.other_metrics, `name:value` pairs between spaces or commas. */
#ifndef CLIENT_METRICS_H
#define CLIENT_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One pair; both parts point into the caller's text. */
struct metrics_pair {
  const char *name, *value;
  size_t name_len, value_len;
};

/* Takes the next pair of the text [*at, end) and moves *at behind it. Skips words without a colon.
 * A value may hold colons (127.0.0.1:21001), and braces or brackets with spaces inside. False:
 * there is no pair left. */
bool metrics_next(const char **at, const char *end, struct metrics_pair *pair);

/* Copies the value of `name` to `out`, cut at `size` and NUL-terminated. False, with "" in `out`:
 * there is no such pair. */
bool metrics_text(const char *text, size_t len, const char *name, char *out, size_t size);

/* The value of `name` as a number; for a log id "T.N" that is N. False: there is no such pair, or
 * its value is no number. */
bool metrics_number(const char *text, size_t len, const char *name, uint64_t *out);

#endif
