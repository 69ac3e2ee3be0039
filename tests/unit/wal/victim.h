/* victim.h: a log whose records' places are known, to be damaged. */
#ifndef WAL_VICTIM_H
#define WAL_VICTIM_H

#include "scan.h"
#include "wal.h"

enum { ENTRIES = 12, PLACES_MAX = 1024, FILE_BYTES = SEGMENT_SMALL };

#define FIRST_LOG "log-0000000000000001.wal"
#define SECOND_LOG "log-0000000000000002.wal"

/* A log in one segment, and where its records stand. */
struct victim {
  struct wal *w;
  char source[SCRATCH_PATH_MAX]; /* as it was: wal_damage damages copies */
  struct model *model;           /* what is held after all records */
  uint8_t bytes[FILE_BYTES];
  uint64_t places[PLACES_MAX]; /* of each record, and of the end */
  uint16_t types[PLACES_MAX];  /* of each record */
  size_t count;                /* records */
};

void victim_find_places(struct victim *v);

/* Each entry is durable before the next is written. Closed: the log ends with a record that says
 * so; else it is left as a crash leaves it. */
void victim_make(struct victim *v, struct wal *w, bool closed);

void victim_free(struct victim *v);

void victim_restore(struct victim *v);

/* The victim holds what its first `records` records say. */
void victim_holds_records(struct victim *v, size_t records);

/* Opening is refused, and the text names the file and the record at `place`. */
void victim_refused_at(struct victim *v, const char *name, uint64_t place);

/* Flips one bit of a file. */
void wal_flip_bit(const struct wal *w, const char *name, uint64_t at, unsigned bit);

/* The record that holds the byte. */
size_t victim_record_of(const struct victim *v, uint64_t at);

#endif
