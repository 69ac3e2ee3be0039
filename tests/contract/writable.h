/* writable.h: the writable data of a plugin's file: what all its instances share.
 *
 * "It keeps no mutable file-scope state" (rkv/plugin.h). That such data is there breaks no law, for
 * it may be harmless; so it is told. Read from the file's tables of sections and symbols. */
#ifndef CONTRACT_WRITABLE_H
#define CONTRACT_WRITABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  WRITABLE_LISTED_MAX = 32,   /* objects that are named */
  WRITABLE_NAME_MAX = 96,     /* bytes of a name, its NUL included; longer ones are cut */
  WRITABLE_STRIPPED_MIN = 64, /* bytes of sections without names that are worth telling */
};

struct writable_object {
  char name[WRITABLE_NAME_MAX];
  uint64_t size; /* bytes */
};

struct writable {
  struct writable_object objects[WRITABLE_LISTED_MAX]; /* by size, the largest first */
  size_t count, more; /* listed; not listed because there are too many */
  bool stripped;      /* the file has no table of symbols */
  uint64_t bytes;     /* ... and so many bytes of sections that are written to */
};

/* Reads an ELF file of 64 bits in this machine's byte order. What the compiler and the C library
 * put into every shared object is left out. False: it cannot be read, or is no such file. */
bool writable_read(struct writable *writable, const char *file);

#endif
