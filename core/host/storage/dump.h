/* dump.h: prints a storage's log. */
#ifndef HOST_STORAGE_DUMP_H
#define HOST_STORAGE_DUMP_H

#include <host/storage/subject.h>
#include <host/storage/words.h>

/* One line per entry, in words where there are any; with `json` an object, whose payload is whole
 * and in hexadecimal. Ends when `out` takes no more. Errors: the storage's. */
enum rkv_status dump_log(const struct subject *subject, const struct words *words, bool json,
                         FILE *out, struct rkv_error *error);

#endif
