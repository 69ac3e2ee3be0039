/* metrics.h: reads MetricsResponse.other_metrics, `name:value` pairs between spaces or commas. */
#ifndef CLIENT_METRICS_H
#define CLIENT_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One pair; both parts point into the text that was given. */
struct metrics_pair {
  const char *name, *value;
  size_t name_len, value_len;
};

/* The next pair of the text [*at, end): moves *at behind it. Words without a colon are passed over;
 * a value may hold colons (127.0.0.1:21001) and braces or brackets with spaces inside. False: no
 * more. */
bool metrics_next(const char **at, const char *end, struct metrics_pair *pair);

/* Copies the value of `name` to `out` (cut at size, NUL-terminated). False, and "" in out: there is
 * none. */
bool metrics_text(const char *text, size_t len, const char *name, char *out, size_t size);

/* The value of `name` as a number; of a log id "T.N" it is N. False: there is none, or it is no
 * number. */
bool metrics_number(const char *text, size_t len, const char *name, uint64_t *out);

#endif
