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
  uint64_t left;    /* --open: entries that a purge leaves; 0: no purge */
  bool keep;        /* the last row's directory stays */
  bool open;        /* only open an existing directory */
  bool cold;        /* --open: what the system holds of its files in memory is dropped first */
  bool probe;       /* only the device */
  bool json;
};

/* ---- options.c ---- */
/* False: a word is wrong, and was named on stderr. */
bool wish_parse(struct wish *wish, int argc, char **argv);
void wish_usage(FILE *to);

/* ---- subject.c: the storage ---- */
struct subject {
  struct host_plugin loaded, loaded_under;
  const struct rkv_plugin *plugin; /* of `loaded` */
  const struct rkv_plugin *under;  /* of `loaded_under`; NULL: it is not stacked */
  const struct wish *wish;
  const struct rkv_storage_ops *ops;
  void *storage;
  struct fake_host host;
  char dir[PATH_BYTES_MAX];
};
/* Each ends the program, with the reason, if it fails. */
void subject_load(struct subject *s, const struct wish *wish);
void subject_place(struct subject *s, const struct wish *wish, unsigned row); /* its directory */
void subject_open(struct subject *s);
void subject_close(struct subject *s);
/* Removes the row's directory. */
void subject_clean(const struct subject *s);
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);
uint64_t now_ns(void);

/* ---- footprint.c: what a storage takes up ---- */
/* Bytes of memory of this process alone (anonymous pages), and of files mapped into it. */
struct memory {
  uint64_t own, mapped;
};
struct memory footprint_memory(void);
/* Bytes that the device gave to all files below; 0 if there is no such directory. */
uint64_t footprint_disk(const char *dir);
/* The same once it has not changed for a second, or after ten. */
uint64_t footprint_disk_settled(const char *dir);
/* The next read of any file below comes from the device (as far as the system complies). */
void footprint_forget(const char *dir);

/* ---- payload.c: what is written, and expected ---- */
/* Before the first entry of a row, whose payloads have `size` bytes. */
void payload_begin(uint64_t size);
const uint8_t *payload_of(rkv_index index);

/* ---- row.c and read.c: one row ---- */
struct row {
  uint64_t entries, append_ns;
  uint64_t read_ns;                   /* of all entries, one behind the other */
  uint64_t random_entries, random_ns; /* of batches at random places */
  uint64_t open_ns;
  struct memory memory;                /* with all entries, after the reads */
  uint64_t disk_running, disk_stopped; /* bytes, before and after close */
  struct histogram latency;            /* of one append, ns */
};
/* Appends; reads everything back and compares; opens the storage again, unless its directory is to
 * stay as it was closed, and checks its last entry. */
void row_run(struct subject *s, const struct wish *wish, uint64_t size, uint64_t batch,
             unsigned number, bool stays, struct row *row);
/* Appends batches until `row->entries` is at least `until`; 0: for the wish's time. */
void row_append(struct subject *s, const struct wish *wish, uint64_t size, uint64_t batch,
                uint64_t until, struct row *row);
/* Each reads entries of `size` bytes, compares them, and fills its part of the row. */
void read_all(struct subject *s, uint64_t size, struct row *row);
void read_random(struct subject *s, uint64_t size, struct row *row);

/* ---- opened.c: a storage that is there already ---- */
/* Opens it and prints time and memory; purges if that is wished, and prints the disk after it. */
void opened_run(struct subject *s, const struct wish *wish);

/* ---- probe.c ---- */
/* Prints how long the directory's device takes for one 4 KiB overwrite and fdatasync. */
void probe_print(const char *dir, bool json);

#endif
