/* texts.c: a list of strings freed together. */
#include "texts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct host_text {
  struct host_text *next;
  _Alignas(max_align_t) char bytes[];
};

static char *texts_reserve(struct host_texts *texts, size_t len) {
  struct host_text *text = malloc(sizeof *text + len + 1);
  if (!text) {
    texts->failed = true;
    return NULL;
  }
  text->next = texts->head;
  texts->head = text;
  return text->bytes;
}

const char *host_texts_keep(struct host_texts *texts, const char *bytes, size_t len) {
  char *copy = texts_reserve(texts, len);
  if (!copy) return "";
  memcpy(copy, bytes, len);
  copy[len] = '\0';
  return copy;
}

const char *host_texts_format(struct host_texts *texts, const char *format, ...) {
  va_list args;
  char *copy;
  int len;
  va_start(args, format);
  len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (len < 0) {
    texts->failed = true;
    return "";
  }
  copy = texts_reserve(texts, (size_t)len);
  if (!copy) return "";
  va_start(args, format);
  (void)vsnprintf(copy, (size_t)len + 1, format, args);
  va_end(args);
  return copy;
}

void *host_texts_room(struct host_texts *texts, size_t size) {
  char *room = texts_reserve(texts, size);
  if (room) memset(room, 0, size);
  return room;
}

bool host_texts_failed(const struct host_texts *texts) {
  return texts->failed;
}

void host_texts_hand_over(struct host_texts *into, struct host_texts *from) {
  while (from->head) {
    struct host_text *moved = from->head;
    from->head = moved->next;
    moved->next = into->head;
    into->head = moved;
  }
}

void host_texts_free(struct host_texts *texts) {
  while (texts->head) {
    struct host_text *next = texts->head->next;
    free(texts->head);
    texts->head = next;
  }
}
