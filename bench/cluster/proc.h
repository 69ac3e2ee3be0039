/* proc.h: CPU time and memory of a process, from /proc. */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stdint.h>
#include <sys/types.h>

/* CPU time of all threads of a process since it started, in ns. 0 if it is gone. */
uint64_t proc_cpu_ns(pid_t pid);

/* Resident memory in KiB. 0 if it is gone. */
uint64_t proc_rss_kib(pid_t pid);

#endif
