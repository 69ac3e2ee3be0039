/* refuse.c: an errno becomes a status and a text that says what to do. */
#include "refuse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

/* No descriptor is left: of this process (EMFILE), or of the machine. */
static enum rkv_status refuse_descriptors(const char *path, const char *what,
                                          struct rkv_error *error) {
  struct rlimit limit = {0};
  if (errno == ENFILE)
    return rkv_fail(error, RKV_FULL,
                    "%s: cannot %s: the machine has no file descriptor left (raise fs.file-max)",
                    path, what);
  (void)getrlimit(RLIMIT_NOFILE, &limit);
  return rkv_fail(error, RKV_FULL,
                  "%s: cannot %s: all %" PRIu64
                  " file descriptors that this process may have are in use "
                  "(raise the limit of open files: LimitNOFILE of the service, or ulimit -n)",
                  path, what, (uint64_t)limit.rlim_cur);
}

enum rkv_status refuse_kind(const char *path, struct rkv_error *error) {
  return rkv_fail(error, RKV_IO, "%s: no plain file (put the file itself there, and no link)",
                  path);
}

enum rkv_status refuse_errno(const char *path, const char *what, struct rkv_error *error) {
  bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  if (errno == EMFILE || errno == ENFILE) return refuse_descriptors(path, what, error);
  if (errno == ELOOP) return refuse_kind(path, error); /* O_NOFOLLOW */
  return rkv_fail(error, full ? RKV_NO_SPACE : RKV_IO, "%s: cannot %s: %s", path, what,
                  strerror(errno));
}
