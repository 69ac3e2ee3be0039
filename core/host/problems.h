/* problems.h: everything that is wrong with a configuration, collected so that the user learns it
 * in one go.
 *
 * (B1) At most HOST_PROBLEMS_MAX lines are kept; the rest is counted. For one thread. */
#ifndef HOST_PROBLEMS_H
#define HOST_PROBLEMS_H

#include "texts.h"

#include <rkv/status.h>

#include <stdio.h>

#define HOST_PROBLEMS_MAX 100 /* lines */

/* What has to change: the command line (exit 64) or the configuration (exit 78). */
enum host_blame { HOST_BLAME_USAGE, HOST_BLAME_CONFIG };

struct host_problem {
  const char *text; /* one line, place and remedy included */
  unsigned line;    /* of the file; 0 = none */
};

struct host_problems {
  struct host_texts texts;
  struct host_problem list[HOST_PROBLEMS_MAX];
  size_t count, dropped;
  bool config; /* at least one has to be mended in the configuration */
};

__attribute__((format(printf, 4, 5))) void host_problems_add(struct host_problems *problems,
                                                             enum host_blame blame, unsigned line,
                                                             const char *format, ...);

/* Memory is exhausted: from now on that is the only problem that is reported. */
void host_problems_no_memory(struct host_problems *problems);

/* True if there is none. */
bool host_problems_none(const struct host_problems *problems);

/* Calls `each` for every problem, in the order of their lines in the file. */
void host_problems_each(struct host_problems *problems, void (*each)(void *arg, const char *text),
                        void *arg);

/* Writes the problems in that order, one per line. */
void host_problems_print(struct host_problems *problems, FILE *out);

/* The problems as one error: RKV_INVALID, or RKV_NO_MEMORY; as many as its text has room for. There
 * is at least one. */
enum rkv_status host_problems_tell(struct host_problems *problems, struct rkv_error *error);

/* HOST_EXIT_OK, HOST_EXIT_USAGE or HOST_EXIT_CONFIG. */
int host_problems_exit_code(const struct host_problems *problems);

void host_problems_free(struct host_problems *problems);

#endif
