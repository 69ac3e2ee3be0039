/* footprint.h: the directory that a storage is made in, so that nothing is left of a storage that
 * was given up; a leaf.
 *
 * Only what came after footprint_begin is removed: it begins with an empty directory, and holds it
 * open. */
#ifndef HOST_STORAGE_FOOTPRINT_H
#define HOST_STORAGE_FOOTPRINT_H

#include <rkv/status.h>

#include <stdbool.h>

struct footprint {
  int fd;     /* of the directory; -1: none is held */
  char *path; /* from the root; NULL: the directory was there before */
};

/* Holds the directory, and makes it if it is not there; one whose folder is not there either is
 * refused. `path` NULL: there is none. Errors: RKV_PRECONDITION: it is not empty; RKV_INVALID;
 * RKV_NO_MEMORY. */
enum rkv_status footprint_begin(struct footprint *footprint, const char *path,
                                struct rkv_error *error);

/* What is in the directory stays. */
void footprint_keep(struct footprint *footprint);

/* Removes all that is in the directory, and the directory if footprint_begin made it. May block.
 * Errors: RKV_IO with what is left. Whatever it returns, nothing is held any more. */
enum rkv_status footprint_remove(struct footprint *footprint, struct rkv_error *error);

#endif
