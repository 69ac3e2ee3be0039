/* outcome.c: completes the error of a plugin that left it empty or contradicted itself. */
#include <node/kernel/outcome.h>

#include <assert.h>
#include <string.h>

enum rkv_status outcome_of_failure(enum rkv_status status, const char *who,
                                   struct rkv_error *error) {
  const enum rkv_status known = outcome_known(status);
  char text[RKV_ERROR_TEXT_MAX];
  assert(status != RKV_OK && who);
  error->status = (uint32_t)known;
  error->text[sizeof error->text - 1] = '\0';
  error->leader_addr[sizeof error->leader_addr - 1] = '\0';
  memcpy(text, error->text, sizeof text);
  if (known != status)
    (void)rkv_fail(error, known, "%s ended with status %u, which is unknown%s%s", who,
                   (unsigned)status, text[0] ? ": " : "", text);
  else if (text[0] == '\0')
    (void)rkv_fail(error, known, "%s gave no reason (%s)", who, rkv_status_name(known));
  assert(error->status == (uint32_t)known && error->text[0] != '\0'); /* (W1) */
  return known;
}

enum rkv_status outcome_of_gift(enum rkv_status status, void *const *given, const char *who,
                                struct rkv_error *error) {
  if (status != RKV_OK) return outcome_of_failure(status, who, error);
  if (*given) return RKV_OK;
  return rkv_fail(error, RKV_BROKEN, "%s says that it succeeded and gave nothing (tell its author)",
                  who);
}

enum rkv_status outcome_of_done(enum rkv_status status, const struct rkv_error *said,
                                const char *who, struct rkv_error *error) {
  if (status == RKV_OK) return RKV_OK;
  (void)outcome_clear(error);
  if (said) *error = *said;
  return outcome_of_failure(status, who, error);
}
