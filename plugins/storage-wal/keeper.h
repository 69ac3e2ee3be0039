/* keeper.h: the thread that makes spares ahead and recycles. */
#ifndef WAL_KEEPER_H
#define WAL_KEEPER_H

#include "store.h"

void *keeper_main(void *store);
/* Takes over what the directory holds of spares. Before the threads. */
enum rkv_status keeper_adopt(struct store *s, struct rkv_error *error);
/* Makes one spare unless there is one. Before the threads. */
enum rkv_status keeper_make_first(struct store *s, struct rkv_error *error);

#endif
