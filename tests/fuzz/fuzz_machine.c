/* fuzz_machine.c: sm-protobuf linked into a target (fuzz_machine.h). */
#include "fuzz_machine.h"

#include "fuzz.h"

#define CHUNK_BYTES 64 /* small, so that cuts fall anywhere */

extern const struct rkv_plugin rkv_plugin_entry; /* plugins/sm-protobuf/plugin.c */

static enum rkv_status keep_metric(void *ctx, const struct rkv_metric *metric,
                                   struct rkv_error *error) {
  struct machine *m = (struct machine *)ctx;
  (void)error;
  FUZZ_CHECK(m->metric_count < MACHINE_METRICS);
  m->metrics[m->metric_count++] = metric;
  return RKV_OK;
}

void machine_open(struct machine *m) {
  struct rkv_value values[2] = {{.number = 64}, {.number = 256}};
  struct rkv_config config = {sizeof config, 2, values};
  struct rkv_error error;
  memset(m, 0, sizeof *m);
  fake_host_init(&m->fake);
  m->fake.host.metric_register = keep_metric;
  m->ops = rkv_plugin_entry.ops;
  FUZZ_CHECK(m->ops->open(&m->fake.host, &config, &m->sm, &error) == RKV_OK);
}

void machine_close(struct machine *m) {
  m->ops->close(m->sm);
}

uint64_t machine_metric(const struct machine *m, const char *name) {
  for (size_t i = 0; i < m->metric_count; i++)
    if (strcmp(m->metrics[i]->name, name) == 0) return m->metrics[i]->read(m->metrics[i]->arg);
  FUZZ_CHECK(false && name);
  return 0;
}

void machine_copy(struct machine *from, struct machine *to) {
  struct rkv_snapshot_meta meta = {0};
  struct rkv_error error;
  struct rkv_buf chunk;
  void *snapshot, *restore;
  FUZZ_CHECK(from->ops->snapshot_begin(from->sm, &snapshot, &meta, &error) == RKV_OK);
  FUZZ_CHECK(to->ops->restore_begin(to->sm, &meta, &restore, &error) == RKV_OK);
  for (;;) {
    FUZZ_CHECK(from->ops->snapshot_read(snapshot, CHUNK_BYTES, &chunk, &error) == RKV_OK);
    if (chunk.len == 0) break;
    FUZZ_CHECK(to->ops->restore_write(restore, chunk, &error) == RKV_OK);
    rkv_buf_drop(&chunk);
  }
  FUZZ_CHECK(to->ops->restore_check(restore, &error) == RKV_OK);
  FUZZ_CHECK(to->ops->restore_finish(restore, &error) == RKV_OK);
  from->ops->snapshot_end(snapshot);
  rkv_buf_drop(&meta.membership);
}

bool machine_same(struct machine *a, struct machine *b) {
  struct rkv_snapshot_meta meta[2] = {0};
  struct rkv_buf chunks[2];
  struct rkv_error error;
  void *snapshots[2];
  bool same = true;
  FUZZ_CHECK(a->ops->snapshot_begin(a->sm, &snapshots[0], &meta[0], &error) == RKV_OK);
  FUZZ_CHECK(b->ops->snapshot_begin(b->sm, &snapshots[1], &meta[1], &error) == RKV_OK);
  do {
    FUZZ_CHECK(a->ops->snapshot_read(snapshots[0], CHUNK_BYTES, &chunks[0], &error) == RKV_OK);
    FUZZ_CHECK(b->ops->snapshot_read(snapshots[1], CHUNK_BYTES, &chunks[1], &error) == RKV_OK);
    same = chunks[0].len == chunks[1].len &&
           (chunks[0].len == 0 || memcmp(chunks[0].data, chunks[1].data, chunks[0].len) == 0);
    if (chunks[0].len == 0) break;
    rkv_buf_drop(&chunks[0]);
    rkv_buf_drop(&chunks[1]);
  } while (same);
  a->ops->snapshot_end(snapshots[0]);
  b->ops->snapshot_end(snapshots[1]);
  rkv_buf_drop(&meta[0].membership);
  rkv_buf_drop(&meta[1].membership);
  return same;
}
