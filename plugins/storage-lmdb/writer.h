/* writer.h: the thread that writes. */
#ifndef LMDB_WRITER_H
#define LMDB_WRITER_H

void *writer_main(void *arg); /* a struct store */

#endif
