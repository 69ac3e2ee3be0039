/* args.h: the command line of rkv-contract. */
#ifndef RKV_CONTRACT_ARGS_H
#define RKV_CONTRACT_ARGS_H

#include "suite.h"

#include <limits.h>

struct args {
  struct suite_wish wish;
  const char *json;        /* file for --json; "-" = stdout; NULL = none */
  const char *junit;       /* file for --junit, NULL = none */
  bool scratch;            /* --scratch was given */
  bool report;             /* write the report beside the plugin */
  bool list;               /* only list the laws */
  bool help, version;      /* print help or version, and nothing else */
  char commands[PATH_MAX]; /* where wish.commands is, wherever a law goes */
};

/* Reads the command line. False: what is wrong was printed on `err`. */
bool args_parse(struct args *args, int argc, char **argv, FILE *err);

void args_usage(FILE *out);

#endif
