/* load.h: what the database says when the storage is opened. */
#ifndef LMDB_LOAD_H
#define LMDB_LOAD_H

#include "store.h"

/* Reads the state and both ends of the log into the log. Errors: RKV_CORRUPT, RKV_IO. */
enum rkv_status load(struct store *s, struct rkv_error *error);

#endif
