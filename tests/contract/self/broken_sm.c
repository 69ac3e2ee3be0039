/* broken_sm.c: a state machine that is broken on purpose: it hands every operation on to a good
 * plugin, with one fault put in. The suite must catch each by the law that names it (variants.txt).
 *
 * Options: `good` is the good plugin's .so, `fault` what is wrong. */
#include "broken_sm.h"

#include <stdlib.h>

static const char *const faults[] = {
#define SM_FAULT_NAME(name) #name,
    SM_FAULT_LIST(SM_FAULT_NAME)
#undef SM_FAULT_NAME
        NULL};

enum { OPTION_GOOD, OPTION_FAULT, OPTION_COUNT };

static const struct rkv_option options[OPTION_COUNT] = {
    {.name = "good",
     .help = "path of the plugin that does the work",
     .type = RKV_OPTION_PATH,
     .flags = RKV_OPTION_REQUIRED},
    {.name = "fault",
     .default_text = "none",
     .help = "what is wrong",
     .choices = faults,
     .type = RKV_OPTION_ENUM},
};

enum { ENTRIES_MAX = 512, LARGE_BYTES = 1 << 20, BATCH_MIN = 8 };

/* ---- life ---- */

static struct broken *remembered; /* of remembers: what an instance leaves to the next one */

static enum rkv_status broken_open(const struct rkv_host *host, const struct rkv_config *config,
                                   void **sm, struct rkv_error *error) {
  static struct broken *shared; /* of state_is_global */
  struct broken *b = calloc(1, sizeof *b);
  if (remembered) {
    free(b);
    *sm = remembered;
    return RKV_OK;
  }
  enum rkv_status status;
  if (!b) return rkv_fail(error, RKV_NO_MEMORY, "broken: no memory");
  b->host = host;
  b->fault = (enum sm_fault)config->values[OPTION_FAULT].number;
  broken_describe_as(b->fault);
  (void)pthread_mutex_init(&b->lock, NULL);
  status = good_load(&b->from, config->values[OPTION_GOOD].text, RKV_KIND_STATE_MACHINE, error);
  if (status == RKV_OK) b->good = b->from.plugin->ops;
  if (status == RKV_OK && b->fault == FAULT_state_is_global && shared)
    b->it = shared->it, b->borrowed = true;
  else if (status == RKV_OK)
    status = b->good->open(host, &b->from.config, &b->it, error);
  if (status != RKV_OK) {
    free(b);
    return status;
  }
  if (b->fault == FAULT_open_leaks) {
    struct rkv_buf leaked;
    if (!host->buf_alloc(host->ctx, 10, &leaked)) b->fault = FAULT_none;
  }
  if (b->fault == FAULT_state_is_global) shared = b;
  exact_opened(b);
  *sm = b;
  return RKV_OK;
}

static void broken_close(void *sm) {
  struct broken *b = sm;
  if (b->fault == FAULT_remembers && remembered != b) {
    remembered = b;
    return;
  }
  exact_closing(b);
  rkv_buf_drop(&b->stale);
  if (!b->borrowed) b->good->close(b->it);
  (void)pthread_mutex_destroy(&b->lock);
  free(b);
}

/* ---- commands ---- */

static enum rkv_status broken_validate(void *sm, struct rkv_buf command, struct rkv_error *error) {
  struct broken *b = sm;
  enum rkv_status status;
  b->exact.validated = true;
  if (b->fault == FAULT_validate_takes_nothing)
    return rkv_fail(error, RKV_INVALID, "broken: takes nothing");
  if (b->fault == FAULT_validate_takes_all) return RKV_OK;
  if (b->fault == FAULT_validate_not_for_threads) b->validating++;
  status = b->good->validate(b->it, command, error);
  if (b->fault == FAULT_validate_not_for_threads && b->validating-- > 1)
    return rkv_fail(error, RKV_INVALID, "broken: two threads");
  if (b->fault == FAULT_validate_takes_odd && command.len % 2) return RKV_OK;
  return BROKEN_ERROR(b->fault, status, error);
}

/* A refusal of apply's own, by the fault. */
static enum rkv_status refuse(struct broken *b, const struct rkv_entry *entry,
                              struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  if (entry->kind != RKV_ENTRY_COMMAND) return RKV_OK;
  if (b->fault == FAULT_validate_takes_all || b->fault == FAULT_senseless_is_an_error ||
      (b->fault == FAULT_validate_takes_odd && entry->payload.len % 2))
    status = b->good->validate(b->it, entry->payload, error);
  if (b->fault == FAULT_large_is_an_error && entry->payload.len > LARGE_BYTES)
    status = rkv_fail(error, RKV_NO_MEMORY, "broken: too large");
  return status;
}

static void spoil_answer(struct broken *b, struct rkv_buf *result) {
  uint64_t now = b->host->now_ns(b->host->ctx);
  if (b->fault == FAULT_answers_by_clock) {
    uint8_t *bytes;
    rkv_buf_drop(result);
    bytes = b->host->buf_alloc(b->host->ctx, sizeof now, result);
    if (bytes) memcpy(bytes, &now, sizeof now);
  }
  if (b->fault == FAULT_answers_in_one_buffer && result->len > 0 &&
      result->len <= BROKEN_BUFFER_BYTES) {
    size_t len = result->len;
    memcpy(b->buffer, result->data, len);
    rkv_buf_drop(result);
    *result = rkv_buf_static(b->buffer, len);
  }
}

static enum rkv_status broken_apply(void *sm, const struct rkv_entry *entries, size_t count,
                                    struct rkv_buf *results, struct rkv_error *error) {
  struct broken *b = sm;
  struct rkv_entry own[ENTRIES_MAX];
  uint8_t place[BROKEN_PLACE_BYTES]; /* the same for all of them */
  enum rkv_status status = RKV_OK;
  if (b->frozen) return rkv_fail(error, RKV_BROKEN, "broken: a restore was checked");
  if (count > ENTRIES_MAX) return rkv_fail(error, RKV_BROKEN, "broken: %zu entries", count);
  memcpy(own, entries, count * sizeof *own);
  for (size_t i = 0; i < count && status == RKV_OK; i++) {
    status = refuse(b, &own[i], error);
    if (own[i].kind != RKV_ENTRY_BLANK) b->counted = own[i].id;
    broken_place(b, &own[i], place);
    if (broken_loses(b, &own[i])) own[i].kind = RKV_ENTRY_BLANK, own[i].payload = rkv_buf_none();
  }
  if (status != RKV_OK) return status;
  if (b->fault == FAULT_batch_end_lost && count > BATCH_MIN)
    own[count - 1].kind = RKV_ENTRY_BLANK, own[count - 1].payload = rkv_buf_none();
  b->batches++;
  (void)pthread_mutex_lock(&b->lock);
  status = b->good->apply(b->it, own, count, results, error);
  for (size_t i = 0; i < count && status == RKV_OK; i++)
    if (own[i].kind == RKV_ENTRY_COMMAND) broken_count(b, &results[i]);
  (void)pthread_mutex_unlock(&b->lock);
  for (size_t i = 0; i < count && status == RKV_OK; i++)
    if (own[i].kind == RKV_ENTRY_COMMAND) spoil_answer(b, &results[i]);
  if (status == RKV_OK) exact_applied(b, entries, count, results);
  return status;
}

static enum rkv_status broken_query(void *sm, struct rkv_buf request, struct rkv_buf *response,
                                    struct rkv_error *error) {
  struct broken *b = sm;
  enum rkv_status status;
  (void)pthread_mutex_lock(&b->lock);
  status = b->good->query(b->it, request, response, error);
  if (status == RKV_OK) broken_tell_count(b, response);
  (void)pthread_mutex_unlock(&b->lock);
  if (b->fault == FAULT_query_fails_oddly && status == RKV_INVALID)
    return rkv_fail(error, RKV_IO, "broken: cannot read");
  (void)BROKEN_ERROR(b->fault, status, error);
  if ((b->fault != FAULT_query_is_stale && !exact_is_stale(b)) || status != RKV_OK) return status;
  (void)pthread_mutex_lock(&b->lock);
  if (!b->has_stale && response->len > 0) b->stale = rkv_buf_share(*response), b->has_stale = true;
  if (b->has_stale && response->len > 0) {
    rkv_buf_drop(response);
    *response = rkv_buf_share(b->stale);
  }
  (void)pthread_mutex_unlock(&b->lock);
  return status;
}

static enum rkv_status broken_applied(void *sm, struct rkv_snapshot_meta *meta,
                                      struct rkv_error *error) {
  struct broken *b = sm;
  enum rkv_status status = b->good->applied(b->it, meta, error);
  if (b->fault == FAULT_blank_not_counted) meta->last = b->counted;
  exact_says(b, meta);
  return status;
}

uint64_t broken_good_digest(struct broken *b) {
  struct rkv_error error;
  uint64_t value = 0;
  (void)b->good->digest(b->it, &value, &error);
  return value;
}

static enum rkv_status broken_digest(void *sm, uint64_t *value, struct rkv_error *error) {
  struct broken *b = sm;
  (void)error;
  *value = broken_good_digest(b);
  if (b->fault == FAULT_digest_of_batches) *value += b->batches;
  if (b->fault == FAULT_digest_of_node) *value += b->host->node_id;
  if (b->fault == FAULT_digest_misses_restore) *value += b->missed;
  if (b->fault == FAULT_digest_of_nothing) *value = 1;
  if (b->fault == FAULT_digest_is_narrow) *value %= 16;
  return RKV_OK;
}

static const struct rkv_state_machine_ops ops = {
    .open = broken_open,
    .close = broken_close,
    .validate = broken_validate,
    .apply = broken_apply,
    .query = broken_query,
    .applied = broken_applied,
    .snapshot_begin = broken_snapshot_begin,
    .snapshot_read = broken_snapshot_read,
    .snapshot_end = broken_snapshot_end,
    .restore_begin = broken_restore_begin,
    .restore_write = broken_restore_write,
    .restore_finish = broken_restore_finish,
    .restore_abort = broken_restore_abort,
    .restore_check = broken_restore_check,
    .describe = broken_describe,
    .digest = broken_digest,
};

extern RKV_PLUGIN_EXPORT const struct rkv_plugin rkv_plugin_entry;
const struct rkv_plugin rkv_plugin_entry = {
    .magic = RKV_PLUGIN_MAGIC,
    .abi_major = RKV_ABI_MAJOR,
    .abi_minor = RKV_ABI_MINOR,
    .struct_size = sizeof(struct rkv_plugin),
    .kind = RKV_KIND_STATE_MACHINE,
    .name = "broken-sm",
    .version = "0",
    .description = "a state machine with a fault",
    .capabilities = RKV_CAP_CONCURRENT_QUERIES,
    .options = options,
    .option_count = OPTION_COUNT,
    .option_size = sizeof(struct rkv_option),
    .ops = &ops,
    .ops_size = sizeof ops,
};
