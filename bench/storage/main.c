/* main.c: bench-storage: measures appends, reads and starts of any log storage, beside what the
 * device takes by itself. Every entry that was written is read back and compared; a difference is a
 * failure. */
#include "bench.h"

#include <inttypes.h>
#include <sys/resource.h>

static uint64_t peak_mib(void) {
  struct rusage usage;
  (void)getrusage(RUSAGE_SELF, &usage);
  return (uint64_t)usage.ru_maxrss / 1024;
}

static void print_row(uint64_t size, uint64_t batch, const struct result *r) {
  double append_s = (double)r->append_ns / 1e9, read_s = (double)r->read_ns / 1e9;
  double mib = (double)(r->entries * size) / (1 << 20);
  (void)printf("%7" PRIu64 " %6" PRIu64 " %10" PRIu64 " %10.0f %8.1f %8.0f %8.0f %10.0f %8.1f "
               "%8.1f %6" PRIu64 "\n",
               size, batch, r->entries, (double)r->entries / append_s, mib / append_s,
               (double)histogram_quantile(&r->latency, 0.5) / 1e3,
               (double)histogram_quantile(&r->latency, 0.99) / 1e3, (double)r->entries / read_s,
               mib / read_s, (double)r->open_ns / 1e6, peak_mib());
  (void)fflush(stdout);
}

static void open_only(struct subject *s, const struct wish *wish) {
  struct rkv_storage_state state;
  struct rkv_error error;
  uint64_t began, took;
  subject_place(s, wish, 0);
  began = now_ns();
  subject_open(s, wish);
  took = now_ns() - began;
  if (s->ops->load(s->storage, &state, &error) != RKV_OK) die("%s", error.text);
  (void)printf("opened: entries %" PRIu64 " to %" PRIu64 ", %.1f ms, %" PRIu64 " MiB at the peak\n",
               state.purged.index + 1, state.last.index, (double)took / 1e6, peak_mib());
  rkv_buf_drop(&state.snapshot.membership);
  subject_close(s);
}

static void measure(struct subject *s, const struct wish *wish) {
  static struct result result;
  const size_t rows = wish->size_count * wish->batch_count;
  (void)printf("%s, %" PRIu64 " appends on their way\n", s->plugin->name, wish->window);
  (void)printf("%7s %6s %10s %10s %8s %8s %8s %10s %8s %8s %6s\n", "bytes", "batch", "entries",
               "written/s", "MiB/s", "p50 us", "p99 us", "read/s", "MiB/s", "open ms", "MiB");
  for (unsigned row = 0; row < rows; row++) {
    uint64_t size = wish->sizes[row / wish->batch_count];
    uint64_t batch = wish->batches[row % wish->batch_count];
    work_run(s, wish, size, batch, row, &result);
    print_row(size, batch, &result);
    if (!wish->keep || row + 1 < rows) subject_clean(s);
  }
}

int main(int argc, char **argv) {
  static struct subject subject;
  struct wish wish;
  if (argc > 1 && strcmp(argv[1], "--help") == 0) {
    wish_usage(stdout);
    return 0;
  }
  if (!wish_parse(&wish, argc, argv)) {
    wish_usage(stderr);
    return 64;
  }
  subject_load(&subject, &wish);
  if (wish.open) {
    open_only(&subject, &wish);
    return 0;
  }
  probe_print(wish.dir);
  measure(&subject, &wish);
  probe_print(wish.dir);
  return 0;
}
