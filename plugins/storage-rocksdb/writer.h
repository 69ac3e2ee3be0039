/* writer.h: the thread that writes the log. */
#ifndef ROCKS_WRITER_H
#define ROCKS_WRITER_H

void *writer_main(void *store);

#endif
