/* open_files.h: how many file descriptors the process may open. */
#ifndef HOST_OPEN_FILES_H
#define HOST_OPEN_FILES_H

#include <rkv/status.h>

/* Descriptors that a node with few clients in a small cluster needs: for its plugins' files, epoll
 * sets and events, and connections to peers. */
#define HOST_OPEN_FILES_MIN 64

/* Raises the soft limit to the hard limit. The soft limit is low (1024 under systemd) for the sake
 * of programs that use select(). To be called once, before anything is opened. Errors:
 * RKV_UNAVAILABLE if the hard limit is below HOST_OPEN_FILES_MIN, with the remedy. */
enum rkv_status host_open_files_raise(struct rkv_error *error);

#endif
