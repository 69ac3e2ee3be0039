/* scratch.h: a directory for one test, in TMPDIR or the build folder, gone when the test is. */
#ifndef SUPPORT_SCRATCH_H
#define SUPPORT_SCRATCH_H

#include <stddef.h>

enum { SCRATCH_PATH_MAX = 512 };

/* Makes a new directory and writes its path. Ends the test program if that fails. */
void scratch_make(char path[SCRATCH_PATH_MAX]);

/* Removes a directory of plain files. */
void scratch_remove(const char *path);

/* Makes `to` hold exactly the files of `from`, both directories of plain files. */
void scratch_copy(const char *from, const char *to);

#endif
