/* texts.h: strings that live until the process ends, as rkv_value promises for its texts.
 *
 * A failed allocation is noted and gives "", so that building a configuration takes one line per
 * text; the caller asks host_texts_failed once at the end. For one thread. */
#ifndef HOST_TEXTS_H
#define HOST_TEXTS_H

#include <stdbool.h>
#include <stddef.h>

struct host_text;

struct host_texts {
  struct host_text *head;
  bool failed;
};

/* A copy of bytes[0..len) with a NUL behind it. */
const char *host_texts_keep(struct host_texts *texts, const char *bytes, size_t len);

/* The formatted text. */
__attribute__((format(printf, 2, 3))) const char *host_texts_format(struct host_texts *texts,
                                                                    const char *format, ...);

/* True after an allocation failed: the texts cannot be trusted. */
bool host_texts_failed(const struct host_texts *texts);

/* `from` has none any more: they live as long as those of `into`. */
void host_texts_hand_over(struct host_texts *into, struct host_texts *from);

/* Zeroed memory that lives as long as the texts; NULL: the allocation failed, which is noted. */
void *host_texts_room(struct host_texts *texts, size_t size);

void host_texts_free(struct host_texts *texts);

#endif
