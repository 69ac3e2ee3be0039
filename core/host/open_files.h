/* open_files.h: how many file descriptors the process may open. */
#ifndef HOST_OPEN_FILES_H
#define HOST_OPEN_FILES_H

#include <rkv/status.h>

/* What a node needs that serves few clients of a small cluster: its plugins' files, its epoll sets
 * and events, connections to its peers. */
#define HOST_OPEN_FILES_MIN 64

/* Raises the soft limit to the hard one: the soft one is made for programs that use select(), and
 * systemd's is 1024. Once, before anything is opened. Errors: RKV_UNAVAILABLE if the hard limit is
 * below HOST_OPEN_FILES_MIN, with the remedy. */
enum rkv_status host_open_files_raise(struct rkv_error *error);

#endif
