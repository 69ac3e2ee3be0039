/* threads.h: the threads of this process, as the kernel sees them. */
#ifndef CONTRACT_THREADS_H
#define CONTRACT_THREADS_H

#define THREADS_STILL_MS 200 /* if none has come or gone for so long, those that are left stay */
#define THREADS_WAIT_MS 2000 /* in all, at most */

/* How many there are, the caller's among them; 0: that cannot be known. A thread that was joined
 * may count for a moment more. */
unsigned threads_count(void);

/* Waits while threads end. A leak check stops all threads and reads their stacks and registers; one
 * whose stack goes away meanwhile crashes the tool, not the plugin. */
void threads_settle(void);

#endif
