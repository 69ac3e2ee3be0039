/* lack.c: says what the storage lacks. */
#include "lack.h"

#include <inttypes.h>

/* The text of a refusal for want of descriptors says what to do (dir_fail). */
void lack_note(struct store *s, enum rkv_status status, uint64_t size, enum lack_writes writes,
               const struct rkv_error *error) {
  const char *until = writes == LACK_WAITS ? "" : " once this one is full";
  struct rkv_error what = {0};
  if (status == RKV_NO_SPACE)
    (void)rkv_fail(&what, status,
                   "no room for another log file of %" PRIu64
                   " bytes; writes wait%s (make room): %s",
                   size, until, error->text);
  else if (status != RKV_OK)
    (void)rkv_fail(&what, status, "none for another log file; writes wait%s: %s", until,
                   error->text);
  log_note_lack(&s->log, status, what.text);
}
