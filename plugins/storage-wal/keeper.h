/* keeper.h: the thread that makes spares ahead and recycles. */
#ifndef WAL_KEEPER_H
#define WAL_KEEPER_H

#include "store.h"

/* The keeper's whole thread, given the struct store. Ends once the writer has ended and nothing is
 * left to recycle; returns NULL. An error of the directory goes to the log (log_fail). */
void *keeper_main(void *store);
/* Takes over the spares that the directory holds; drops those of another size and those above the
 * option spares_max. Before the threads. Errors: those of dir_list, folder_drop and of opening a
 * file. */
enum rkv_status keeper_adopt(struct store *s, struct rkv_error *error);
/* Makes one spare unless there is one. Before the threads. Errors: those of segment_make_spare. */
enum rkv_status keeper_make_first(struct store *s, struct rkv_error *error);

#endif
