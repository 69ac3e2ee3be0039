/* settle.h: makes durable what an earlier life left in the page cache alone. A leaf. */
#ifndef ROCKS_SETTLE_H
#define ROCKS_SETTLE_H

#include <rkv/status.h>

/* Every file in the directory (which `fd` is open on), their names, and the directory's own are
 * durable when it returns: a life that was killed may not have synced a name, one without `sync` no
 * byte. Errors: RKV_IO, RKV_NO_SPACE. */
enum rkv_status settle(const char *dir, int fd, struct rkv_error *error);

#endif
