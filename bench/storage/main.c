/* main.c: bench-storage: measures appends, reads and starts of any log storage, beside what the
 * device takes by itself. Every entry that was written is read back and compared; a difference is a
 * failure. */
#include "bench.h"

#include <inttypes.h>

static double per_s(uint64_t count, uint64_t ns) {
  return (double)count * 1e9 / (double)ns;
}

static double us_of(const struct row *r, double fraction) {
  return (double)histogram_quantile(&r->latency, fraction) / 1e3;
}

static void print_row(uint64_t size, uint64_t batch, const struct row *r) {
  const double mib = (double)size / (1 << 20);
  const double written = per_s(r->entries, r->append_ns), seen = per_s(r->entries, r->read_ns);
  (void)printf("%7" PRIu64 " %6" PRIu64 " %10" PRIu64 " %10.0f %8.1f %8.0f %8.0f %10.0f %8.1f "
               "%10.0f %8.1f %6" PRIu64 " %8.0f\n",
               size, batch, r->entries, written, written * mib, us_of(r, 0.5), us_of(r, 0.99), seen,
               seen * mib, per_s(r->random_entries, r->random_ns), (double)r->open_ns / 1e6,
               r->memory.own >> 20, (double)r->disk_running / (double)r->entries);
}

static void print_json(const char *plugin, uint64_t size, uint64_t batch, uint64_t window,
                       const struct row *r) {
  (void)printf("{\"plugin\": \"%s\", \"bytes\": %" PRIu64 ", \"batch\": %" PRIu64
               ", \"window\": %" PRIu64 ", \"entries\": %" PRIu64 ", \"appended_per_s\": %.0f, "
               "\"p50_us\": %.1f, \"p99_us\": %.1f, \"read_per_s\": %.0f, \"random_per_s\": %.0f, "
               "\"open_ms\": %.2f, \"memory\": %" PRIu64 ", \"mapped\": %" PRIu64
               ", \"disk_running\": %" PRIu64 ", \"disk_stopped\": %" PRIu64 "}\n",
               plugin, size, batch, window, r->entries, per_s(r->entries, r->append_ns),
               us_of(r, 0.5), us_of(r, 0.99), per_s(r->entries, r->read_ns),
               per_s(r->random_entries, r->random_ns), (double)r->open_ns / 1e6, r->memory.own,
               r->memory.mapped, r->disk_running, r->disk_stopped);
}

static void print_head(const struct subject *s, const struct wish *wish) {
  (void)printf("%s, %" PRIu64 " appends on their way\n", s->plugin->name, wish->window);
  (void)printf("%7s %6s %10s %10s %8s %8s %8s %10s %8s %10s %8s %6s %8s\n", "bytes", "batch",
               "entries", "written/s", "MiB/s", "p50 us", "p99 us", "read/s", "MiB/s", "random/s",
               "open ms", "MiB", "disk B");
}

static void measure(struct subject *s, const struct wish *wish) {
  static struct row row;
  const size_t rows = wish->size_count * wish->batch_count;
  if (!wish->json) print_head(s, wish);
  for (unsigned i = 0; i < rows; i++) {
    uint64_t size = wish->sizes[i / wish->batch_count];
    uint64_t batch = wish->batches[i % wish->batch_count];
    const bool stays = wish->keep && i + 1 == rows;
    row_run(s, wish, size, batch, i, stays, &row);
    if (wish->json)
      print_json(s->plugin->name, size, batch, wish->window, &row);
    else
      print_row(size, batch, &row);
    (void)fflush(stdout);
    if (!stays) subject_clean(s);
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
  if (wish.probe) {
    probe_print(wish.dir, wish.json);
    return 0;
  }
  subject_load(&subject, &wish);
  if (wish.open) {
    opened_run(&subject, &wish);
    return 0;
  }
  if (!wish.json) probe_print(wish.dir, false);
  measure(&subject, &wish);
  if (!wish.json) probe_print(wish.dir, false);
  return 0;
}
