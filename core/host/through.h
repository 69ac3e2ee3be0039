/* through.h: which stacked plugin a storage's directory is written through.
 *
 * What a stacked plugin gave to the storage under it can be read by nobody else: opened by itself,
 * that storage looks damaged. So the host keeps a file in the directory, beside what the storage
 * has there, which names the stacked plugin. Neither plugin knows of it: names with a leading dot
 * are nobody's (rkv/storage.h). */
#ifndef HOST_THROUGH_H
#define HOST_THROUGH_H

#include "part.h"

#define HOST_THROUGH_FILE ".written-through"

/* Before the part's plugin is opened: its directory has to be written through part->through, which
 * may be no plugin, or to hold nothing yet. In that case the file is brought up to date, and is
 * durable, and a directory for a storage under a stacked plugin is made, before anything else is in
 * it. Parts that are no storage, or have no directory, pass. May block.
 * Errors: RKV_FOREIGN, with the lines that are right, and nothing is changed; RKV_IO. */
enum rkv_status host_through_enter(const struct host_part *part, struct rkv_error *error);

#endif
