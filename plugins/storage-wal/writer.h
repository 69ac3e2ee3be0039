/* writer.h: the thread that writes the log. */
#ifndef WAL_WRITER_H
#define WAL_WRITER_H

#include "recover.h"
#include "store.h"

/* Goes on where the recovered log ends; takes its descriptor over. Errors: RKV_NO_MEMORY,
 * RKV_IO. */
enum rkv_status writer_new(struct store *s, struct recovery *r, struct rkv_error *error);
void writer_free(struct writer *w);
/* What waits, as log_ops.write. */
enum rkv_status writer_write(struct log *log, struct op *first, const struct op *last,
                             struct rkv_error *error);
/* Records that nothing was cut off, as log_ops.written. */
void writer_end(struct log *log);

#endif
