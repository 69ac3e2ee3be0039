/* edge.h: bytes at the end of a page, behind which nothing can be read or written. */
#ifndef SUPPORT_EDGE_H
#define SUPPORT_EDGE_H

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct edge {
  uint8_t *page;
  size_t len;
};

static inline struct edge edge_begin(void) {
  const int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
  struct edge edge = {.len = (size_t)sysconf(_SC_PAGESIZE)};
  void *pages = mmap(NULL, 2 * edge.len, prot, flags, -1, 0);
  assert(pages != MAP_FAILED);
  edge.page = (uint8_t *)pages;
  int failed = mprotect(edge.page + edge.len, edge.len, PROT_NONE);
  assert(failed == 0);
  return edge;
}

static inline void edge_end(const struct edge *edge) {
  int failed = munmap(edge->page, 2 * edge->len);
  assert(failed == 0);
}

/* A copy of the first `size` bytes of `from`, placed so that touching the byte behind them ends the
 * test. */
static inline void *edge_put(const struct edge *edge, const void *from, size_t size) {
  return memcpy(edge->page + edge->len - size, from, size);
}

#endif
