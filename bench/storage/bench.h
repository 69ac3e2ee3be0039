/* bench.h: the parts of bench-storage. */
#ifndef BENCH_STORAGE_H
#define BENCH_STORAGE_H

#include "fake_host.h"
#include "histogram.h"

#include <host/loader.h>

#include <stdbool.h>

#define LIST_MAX 8 /* sizes or batches of one run */
#define OPTIONS_MAX 16
#define PATH_BYTES_MAX 4096
#define WINDOW_MAX 1024

struct wish {
  const char *plugin, *dir;
  const char *options[OPTIONS_MAX];
  size_t option_count;
  uint64_t sizes[LIST_MAX], batches[LIST_MAX];
  size_t size_count, batch_count;
  uint64_t window;  /* appends in flight */
  uint64_t seconds; /* of appending per row */
  uint64_t fill;    /* entries per row; 0: a row ends by time */
  uint64_t watch;   /* seconds between lines about memory while appending; 0: none */
  bool keep;        /* the last row's directory stays */
  bool open;        /* only open an existing directory */
};

/* ---- options.c ---- */
/* False: a word is wrong, and was named on stderr. */
bool wish_parse(struct wish *wish, int argc, char **argv);
void wish_usage(FILE *to);

/* ---- subject.c: the storage ---- */
struct subject {
  struct host_plugin loaded;
  const struct rkv_plugin *plugin; /* of `loaded` */
  const struct rkv_storage_ops *ops;
  void *storage;
  struct fake_host host;
  char dir[PATH_BYTES_MAX];
};
/* Each ends the program, with the reason, if it fails. */
void subject_load(struct subject *s, const struct wish *wish);
void subject_place(struct subject *s, const struct wish *wish, unsigned row); /* its directory */
void subject_open(struct subject *s, const struct wish *wish);
void subject_close(struct subject *s);
/* Removes the row's directory. */
void subject_clean(const struct subject *s);
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);
uint64_t now_ns(void);

/* ---- work.c ---- */
struct result {
  uint64_t entries, append_ns, read_ns, open_ns;
  struct histogram latency; /* of one append, ns */
};
/* Appends; reads everything back and compares; opens the storage again and checks its last
 * entry. */
void work_run(struct subject *s, const struct wish *wish, uint64_t size, uint64_t batch,
              unsigned row, struct result *result);

/* ---- probe.c ---- */
/* Prints how long the directory's device takes for one 4 KiB overwrite and fdatasync. */
void probe_print(const char *dir);

#endif
