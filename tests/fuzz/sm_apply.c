/* sm_apply.c: sm-protobuf under any commands and queries: what validate takes, apply takes, and a
 * query finds; a copy made by way of a snapshot is the same. */
#include "fuzz.h"
#include "fuzz_machine.h"

#define COMMANDS_MAX 32

/* The value of a Response: what stands behind its head. */
static void applied_alike(struct machine *m, struct rkv_buf command) {
  struct rkv_error error = {0};
  struct rkv_buf result = rkv_buf_none();
  uint64_t refused = machine_metric(m, "commands_refused");
  enum rkv_status valid = m->ops->validate(m->sm, command, &error);
  struct rkv_entry entry = {
      .id = {1, m->applied + 1}, .kind = RKV_ENTRY_COMMAND, .payload = command};
  check_refusal(valid, &error);
  FUZZ_CHECK(m->ops->apply(m->sm, &entry, 1, &result, &error) == RKV_OK);
  m->applied++;
  if (valid == RKV_OK) {
    FUZZ_CHECK(machine_metric(m, "commands_refused") == refused);
    FUZZ_CHECK(result.len > 0);
  }
  rkv_buf_drop(&result);
}

static void query(struct machine *m, struct rkv_buf request) {
  struct rkv_error error = {0};
  struct rkv_buf answer = rkv_buf_none();
  enum rkv_status status = m->ops->query(m->sm, request, &answer, &error);
  FUZZ_CHECK(status == RKV_OK || status == RKV_INVALID);
  check_refusal(status, &error);
  rkv_buf_drop(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct feed f = {data, size};
  struct machine m, copy;
  int commands = 0;
  machine_open(&m);
  machine_open(&copy);
  while (f.left > 0 && commands++ < COMMANDS_MAX) {
    struct rkv_buf bytes = feed_buf(feed_message(&f));
    applied_alike(&m, bytes);
    query(&m, bytes);
  }
  machine_copy(&m, &copy);
  FUZZ_CHECK(machine_same(&m, &copy));
  machine_close(&copy);
  machine_close(&m);
  return 0;
}
