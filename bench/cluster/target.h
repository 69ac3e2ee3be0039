/* target.h: what differs between the measured systems. */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include "client.h"
#include "options.h"

#include <sys/types.h>

#define TARGET_WORDS_MAX 64  /* words of one node's command line */
#define TARGET_TEXT_MAX 8192 /* bytes of all of them */
#define TARGET_DIR_MAX 128

struct node {
  pid_t pid; /* 0: not started by us */
  char endpoint[RKV_ADDR_MAX];
  char peer[RKV_ADDR_MAX]; /* where its peers find it, if they use another port */
};

struct cluster {
  const struct target *target;
  const struct options *options;
  struct node nodes[OPTIONS_NODES_MAX];
  unsigned count;
  char dir[TARGET_DIR_MAX]; /* logs and data, removed with the cluster; "": the node is not ours */
};

struct command_line {
  char *words[TARGET_WORDS_MAX + 1];
  unsigned count;
  char text[TARGET_TEXT_MAX];
  size_t used;
};

/* What one node tells of itself. */
struct node_view {
  bool leads;
  uint64_t last_log; /* index of its last log entry */
};

struct target {
  const char *name;
  const char *put_path; /* a put is {1: key, 2: value} for both systems */
  const char *get_path; /* a get is {1: key}; NULL: not measured */
  void (*command)(const struct cluster *cluster, unsigned i, struct command_line *line);
  /* Makes a cluster of nodes that have just started; NULL if their command lines do that. */
  bool (*form)(struct cluster *cluster, struct client *client);
  bool (*view)(struct client *client, const char *endpoint, struct node_view *view);
};

extern const struct target target_rkv, target_etcd;

/* Appends one word. Over the limits the line is cut, and the node will refuse it. */
void command_line_add(struct command_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
