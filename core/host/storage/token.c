/* token.c: a number by chance in a file of sixteen digits. */
#include <host/storage/token.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define NEW_FILE TOKEN_FILE ".new"

enum { DIGITS = 16, BASE = 16, MODE = 0600 };

static enum rkv_status token_fail(const char *folder, int failed, struct rkv_error *error) {
  return rkv_fail(error, failed == ENOSPC ? RKV_NO_SPACE : RKV_IO, "%.400s/" TOKEN_FILE ": %s",
                  folder, strerror(failed));
}

/* False: errno says why. */
static bool write_digits(int folder, uint64_t token) {
  char line[DIGITS + 2];
  const int fd =
      openat(folder, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, MODE);
  ssize_t wrote;
  bool good;
  int failed;
  (void)snprintf(line, sizeof line, "%016" PRIx64 "\n", token);
  wrote = fd < 0 ? -1 : write(fd, line, DIGITS + 1);
  good = wrote == DIGITS + 1 && fsync(fd) == 0;
  failed = wrote >= 0 && wrote < DIGITS + 1 ? ENOSPC : errno;
  if (fd >= 0) (void)close(fd);
  errno = failed;
  return good && renameat(folder, NEW_FILE, folder, TOKEN_FILE) == 0 && fsync(folder) == 0;
}

enum rkv_status token_draw(const char *folder, uint64_t *token, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  int fd;
  *token = 0;
  if (!folder || !folder[0]) return RKV_OK;
  while (*token == 0)
    if (getrandom(token, sizeof *token, 0) != (ssize_t)sizeof *token)
      return rkv_fail(error, RKV_UNAVAILABLE, "no random number: %s", strerror(errno));
  fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return token_fail(folder, errno, error);
  if (!write_digits(fd, *token)) status = token_fail(folder, errno, error);
  (void)close(fd);
  return status;
}

enum rkv_status token_read(const char *folder, uint64_t *token, struct rkv_error *error) {
  char line[DIGITS + 2] = "", *end;
  int at, fd, failed;
  ssize_t got;
  *token = 0;
  if (!folder || !folder[0]) return RKV_OK;
  at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  fd = at < 0 ? -1 : openat(at, TOKEN_FILE, O_RDONLY | O_CLOEXEC);
  failed = errno;
  if (at >= 0) (void)close(at);
  if (fd < 0) return failed == ENOENT ? RKV_OK : token_fail(folder, failed, error);
  got = read(fd, line, sizeof line - 1);
  failed = errno;
  (void)close(fd);
  if (got < 0) return token_fail(folder, failed, error);
  *token = strtoull(line, &end, BASE);
  if (got == DIGITS + 1 && end == line + DIGITS && *token != 0) return RKV_OK;
  return rkv_fail(error, RKV_FOREIGN, "%.400s/" TOKEN_FILE ": no number of a copy", folder);
}
