/* fake_host.h: what a unit test of a plugin needs: it loads the .so as the host does, and gives it
 * host services that only count. */
#ifndef SUPPORT_FAKE_HOST_H
#define SUPPORT_FAKE_HOST_H

#include <rkv/rkv.h>

struct fake_host {
  struct rkv_host host; /* log drops lines, now_ns is 0, metric_register takes everything */
  unsigned metrics;     /* registered */
  unsigned logged;      /* lines */
};

void fake_host_init(struct fake_host *fake);

/* The descriptor of plugins/NAME.so of this build. Ends the test program if it does not load. */
const struct rkv_plugin *fake_host_load(const char *name);

/* A buffer with one reference over a copy of the bytes. */
struct rkv_buf fake_host_copy(const void *data, size_t len);

/* How many buffers of fake_host_copy and of buf_alloc are alive in the process. */
int fake_host_buffers(void);

#endif
