/* replace.c: a new file in the place of the present one, without what is gone. */
#include "store.h"

#include <fcntl.h>
#include <stdlib.h>

static enum rkv_status no_memory(struct rkv_error *error) {
  return rkv_fail(error, RKV_NO_MEMORY, "no memory for a frame of " FILE_NAME);
}

/* The new file, and where the entries lie in it. */
struct moving {
  struct frame frame;
  struct place *places;
  uint64_t size;
  int fd;
};

/* Fills the frame with entries from *i on. */
static enum rkv_status copy_some(const struct store *s, struct moving *m, size_t *i,
                                 struct rkv_error *error) {
  for (; *i < s->count && m->frame.len < FRAME_BYTES_MAX; ++*i) {
    const struct place *p = &s->places[*i];
    const struct rkv_log_id id = {p->term, s->before + 1 + *i};
    uint8_t *payload = frame_entry(&m->frame, id, p->kind, p->len);
    size_t got = 0;
    enum rkv_status status;
    if (!payload) return no_memory(error);
    status = folder_read(&s->log.folder, s->fd, FILE_NAME, payload, p->len, p->at, &got, error);
    if (status != RKV_OK) return status;
    if (got < p->len) return rkv_fail(error, RKV_CORRUPT, FILE_NAME ": ends in entry %zu", *i);
    m->places[*i] = *p;
    m->places[*i].at = m->size + m->frame.len - p->len;
  }
  return RKV_OK;
}

static enum rkv_status copy_all(const struct store *s, struct moving *m, struct rkv_error *error) {
  const struct folder *folder = &s->log.folder;
  size_t i = 0;
  enum rkv_status status =
      folder_open_file(folder, NEW_NAME, O_RDWR | O_CREAT | O_TRUNC, &m->fd, error);
  if (status != RKV_OK) return status;
  if (!frame_begin(&m->frame) || !frame_state(&m->frame, &s->state)) return no_memory(error);
  do {
    status = copy_some(s, m, &i, error);
    if (status == RKV_OK) status = frame_store(s, m->fd, &m->frame, m->size, error);
    m->size += m->frame.len;
    if (!frame_begin(&m->frame)) return no_memory(error);
  } while (status == RKV_OK && i < s->count);
  if (status == RKV_OK) status = folder_sync_file(folder, m->fd, NEW_NAME, error);
  return status == RKV_OK ? folder_rename(folder, NEW_NAME, FILE_NAME, error) : status;
}

enum rkv_status replace_file(struct store *s, struct rkv_error *error) {
  struct moving m = {.fd = -1};
  int old = -1;
  enum rkv_status status = RKV_NO_MEMORY;
  m.places = malloc((s->count + 1) * sizeof *m.places);
  status = m.places ? copy_all(s, &m, error) : no_memory(error);
  if (status == RKV_OK) {
    (void)pthread_rwlock_wrlock(&s->shape);
    memcpy(s->places, m.places, s->count * sizeof *s->places); /* (F1) */
    old = s->fd;
    s->fd = m.fd;
    (void)pthread_rwlock_unlock(&s->shape);
    s->size = s->reserved = m.size;
    s->dead = 0;
  }
  folder_close_file(&s->log.folder, status == RKV_OK ? old : m.fd);
  free(m.places);
  free(m.frame.bytes);
  return status;
}
