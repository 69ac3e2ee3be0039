/* shimmed.h: the fixture of stories behind the shim: a storage-wal, and a shim that does nothing. A
 * story that failed may have left the shim standing. */
#ifndef TEST_WAL_SHIMMED_H
#define TEST_WAL_SHIMMED_H

#include "shim.h"
#include "wal.h"

static inline int shimmed_setup(void **state) {
  shim_reset();
  return wal_setup(state);
}

static inline int shimmed_teardown(void **state) {
  shim_reset();
  return wal_teardown(state);
}

#endif
