/* open_files.c: raises the process's limit of open files at start. */
#include "open_files.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

enum rkv_status host_open_files_raise(struct rkv_error *error) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return rkv_fail(error, RKV_UNAVAILABLE, "the limit of open files cannot be read: %s",
                    strerror(errno));
  if (limit.rlim_max < HOST_OPEN_FILES_MIN)
    return rkv_fail(error, RKV_UNAVAILABLE,
                    "a node needs %d file descriptors, this process may open %" PRIu64
                    " (raise the limit: ulimit -n, LimitNOFILE= of systemd)",
                    HOST_OPEN_FILES_MIN, limit.rlim_max);
  if (limit.rlim_cur == limit.rlim_max) return RKV_OK;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return RKV_OK;
  return rkv_fail(error, RKV_UNAVAILABLE,
                  "the limit of open files cannot be raised to %" PRIu64 ": %s", limit.rlim_max,
                  strerror(errno));
}
