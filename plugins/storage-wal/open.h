/* open.h: the storage from its directory to its end. */
#ifndef WAL_OPEN_H
#define WAL_OPEN_H

#include "store.h"

/* Of a struct store: for life_open. */
extern const struct log_ops store_log_ops;

#endif
