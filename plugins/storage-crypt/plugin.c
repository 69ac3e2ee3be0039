/* plugin.c: opens the storage under this one, looks through all that it holds, and closes it. */
#include "store.h"

#include <storage-parts/declare.h>
#include <openssl/crypto.h>
#include <stdlib.h>

enum { WALK_ENTRIES = 256, WALK_BYTES = 4 << 20 /* read at a time */ };

static const struct rkv_option options[] = {
    {.name = "key",
     .help = "keys as GENERATION:HEX (64 digits; no generation: 0), blanks between them: the "
             "highest generation locks, the others still open",
     .type = RKV_OPTION_STRING,
     .flags = RKV_OPTION_SECRET | RKV_OPTION_REQUIRED},
};

static enum rkv_status crypt_load(void *storage, struct rkv_storage_state *state,
                                  struct rkv_error *error) {
  struct crypt *s = storage;
  EVP_CIPHER_CTX *ctx = NULL;
  enum rkv_status status = s->ops->load(s->it, state, error);
  if (status != RKV_OK) return status;
  if (state->snapshot.last.index == 0 && state->snapshot.membership.len == 0) return RKV_OK;
  status = snapshot_describe(s, &state->snapshot, &ctx, error);
  EVP_CIPHER_CTX_free(ctx);
  return status;
}

/* Opens the next entries once, and notes them: a wrong key, a change, a vote that was put back show
 * here. */
static enum rkv_status walk(struct crypt *s, rkv_index to, struct look *look,
                            struct rkv_error *error) {
  struct rkv_entry entries[WALK_ENTRIES];
  size_t count = 0;
  enum rkv_status status =
      log_look(s, s->last.index + 1, to, WALK_BYTES, entries, WALK_ENTRIES, &count, look, error);
  if (status == RKV_OK && count == 0)
    return rkv_fail(error, RKV_CORRUPT, "entry %" PRIu64 " is missing below", s->last.index + 1);
  for (size_t i = 0; i < count; i++) {
    if (status == RKV_OK) status = log_note(s, entries[i].id, error);
    rkv_buf_drop(&entries[i].payload);
  }
  return status;
}

static enum rkv_status look_through(struct crypt *s, struct rkv_error *error) {
  struct rkv_storage_state state = {0};
  struct look look = {.vote = &state.vote};
  enum rkv_status status;
  s->oldest = s->own.generation;
  status = crypt_load(s, &state, error);
  rkv_buf_drop(&state.snapshot.membership);
  s->vote = state.vote;
  s->last = s->purged = state.purged;
  look.chained = state.purged.index == 0; /* else the one before it is not there */
  if (status == RKV_OK) status = log_note(s, state.purged, error);
  while (status == RKV_OK && s->last.index < state.last.index)
    status = walk(s, state.last.index, &look, error);
  EVP_CIPHER_CTX_free(look.ctx);
  return status;
}

static void crypt_close(void *storage) {
  struct crypt *s = storage;
  if (s->it) s->ops->close(s->it);
  EVP_CIPHER_CTX_free(s->ctx);
  OPENSSL_cleanse(&s->keys, sizeof s->keys);
  free(s->terms);
  free(s);
}

static uint64_t read_oldest(void *arg) {
  return ((const struct crypt *)arg)->oldest;
}

static enum rkv_status begin(struct crypt *s, const struct rkv_config *config,
                             struct rkv_error *error) {
  const struct rkv_metric oldest = {
      "oldest_generation", "generation of the oldest key that was needed when it was opened",
      read_oldest, s};
  struct rkv_under under = {.struct_size = sizeof under};
  enum rkv_status status = keys_parse(&s->keys, &config->values[0], error);
  if (status == RKV_OK) status = keys_draw(&s->keys, &s->own, &s->ctx, error);
  if (status != RKV_OK) return status;
  status = s->host->open_under(s->host->ctx, RKV_KIND_STORAGE, NULL, &under, error);
  if (status != RKV_OK) return status;
  s->ops = under.ops;
  s->it = under.instance;
  status = look_through(s, error);
  return status == RKV_OK ? s->host->metric_register(s->host->ctx, &oldest, error) : status;
}

static enum rkv_status crypt_open(const struct rkv_host *host, const struct rkv_config *config,
                                  void **storage, struct rkv_error *error) {
  struct crypt *s = calloc(1, sizeof *s);
  enum rkv_status status;
  if (!s) return rkv_fail(error, RKV_NO_MEMORY, "no memory");
  s->host = host;
  status = begin(s, config, error);
  if (status == RKV_OK)
    *storage = s;
  else
    crypt_close(s);
  return status;
}

#define OPERATION(op) .op = crypt_##op,
static const struct rkv_storage_ops ops = {
    .open = crypt_open, .close = crypt_close, .load = crypt_load, CRYPT_OPERATIONS(OPERATION)};

DECLARE_PLUGIN("storage-crypt", RKV_VERSION,
               "encrypts all that another storage keeps (AES-256-GCM)",
               RKV_CAP_STACKED | RKV_CAP_FINDS_DAMAGE, options, ops);
