/* args.h: what a user types. */
#ifndef RKV_CONTRACT_ARGS_H
#define RKV_CONTRACT_ARGS_H

#include "suite.h"

struct args {
  struct suite_wish wish;
  const char *json;   /* file for --json; "-" = stdout; NULL = none */
  bool report;        /* write the report beside the plugin */
  bool list;          /* only tell the laws */
  bool help, version; /* only tell that */
};

/* False: it says on `err` what is wrong. */
bool args_parse(struct args *args, int argc, char **argv, FILE *err);

void args_usage(FILE *out);

#endif
