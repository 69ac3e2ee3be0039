/* suite.h: runs the whole suite on one plugin, and reports the outcome. */
#ifndef CONTRACT_SUITE_H
#define CONTRACT_SUITE_H

#include "run.h"
#include "writable.h"

#include <host/contract.h>
#include <host/part.h>

#include <stdio.h>

enum {
  SUITE_ONLY_MAX = 64,
  SUITE_OPTIONS_MAX = HOST_OPTIONS_MAX,
  SUITE_JOBS_MAX = 64,  /* laws that run side by side */
  SUITE_EXIT_BROKEN = 1 /* the program's exit code if some law is broken */
};

/* What the user asks for; texts are borrowed. */
struct suite_wish {
  const char *file;                       /* the plugin's .so */
  const char *options[SUITE_OPTIONS_MAX]; /* "key=value" */
  size_t option_count;
  const char *only[SUITE_ONLY_MAX]; /* names or numbers of laws ("S7"); none: all */
  size_t only_count;
  const char *commands; /* state machines: a file of commands, or NULL */
  const char *scratch;  /* where plugins write */
  const char *keep;     /* a directory where laws' files stay, or NULL */
  bool foreground;      /* the law, the only one in `only`, is tried in this process */
  unsigned jobs;        /* laws that run side by side */
  enum contract_level level;
  uint64_t seed;
  unsigned slow;
  unsigned limit_s; /* no law takes longer; 0: as its row says */
};

struct suite {
  struct suite_wish wish;
  struct host_plugin loaded;
  const struct rkv_plugin *plugin; /* of `loaded` */
  struct host_settings settings;
  struct host_plugin below; /* what a stacked one is built over, loaded to look at its options */
  struct host_part part;    /* of a stacked plugin: what is under it; its values */
  char path[HOST_PATH_MAX]; /* the plugin's file, with a '/' */
  char sha256[HOST_CONTRACT_HASH_MAX];
  uint64_t declared;                         /* capabilities; `plugin` says those that both have */
  char under_path[HOST_PATH_MAX];            /* the file of what a stacked one is built over */
  char under_sha256[HOST_CONTRACT_HASH_MAX]; /* and its checksum; "": it is not stacked */
  struct writable writable;                  /* data that the plugin's instances share */
  int dir_option;       /* the position of the PATH option `dir`; -1: there is none */
  int under_dir_option; /* likewise of what is under a stacked plugin */
  int broken_off;       /* the signal that ended the run; 0: none */
  size_t count, passed, failed, skipped; /* of laws that were told */
  struct run_outcome outcomes[RUN_LAWS_MAX];
};

/* Loads the plugin as the host does and checks the options against its table. `suite` is all zero.
 * False: the reason is printed on `err`. */
bool suite_open(struct suite *suite, const struct suite_wish *wish, FILE *err);

/* Tries the laws, and prints each on `out`, in their order, as soon as it is decided; how far it is
 * too, if `out` is a terminal. False: a law failed, or the suite could not run, as `err` says, or
 * SIGINT, SIGTERM or SIGHUP broke it off: nothing of it is left then. */
bool suite_run(struct suite *suite, FILE *out, FILE *err);

void suite_close(struct suite *suite);

/* ---- telling (tell.c, report.c, junit.c) ---- */
void suite_tell_head(const struct suite *suite, FILE *out);
void suite_tell_law(const struct run_outcome *outcome, FILE *out);
/* What of its kind's contract was not tried, and why, in one line: capabilities that it does not
 * declare, and laws that skipped themselves; "" if there is nothing. */
void suite_untried(const struct suite *suite, char out[HOST_CONTRACT_TEXT_MAX]);
void suite_tell_sum(const struct suite *suite, FILE *out);
/* Prints every law of a kind (0: of all) with its sentence. */
void suite_tell_laws(uint32_t kind, FILE *out);

/* Writes the outcome as JSON. */
void suite_write_json(const struct suite *suite, FILE *out);
/* Writes the outcome as JUnit's XML. */
void suite_write_junit(const struct suite *suite, FILE *out);
/* Writes the report that the host reads (host/contract.h), an INI file. */
void suite_write_report(const struct suite *suite, FILE *out);

#endif
