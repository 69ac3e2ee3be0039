/* nodes.c: the processes of a cluster. */
#include "nodes.h"

#include "proc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS 20

void command_line_add(struct command_line *line, const char *format, ...) {
  size_t room = TARGET_TEXT_MAX - line->used;
  va_list args;
  int len;
  if (line->count == TARGET_WORDS_MAX) return;
  va_start(args, format);
  len = vsnprintf(line->text + line->used, room, format, args);
  va_end(args);
  if (len < 0 || (size_t)len >= room) return;
  line->words[line->count++] = line->text + line->used;
  line->used += (size_t)len + 1;
}

static void pause_ms(long ms) {
  struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  (void)nanosleep(&time, NULL);
}

/* A socket bound to a port that the kernel chose; -1: none. The port is free again once it is
 * closed. */
static int claim_port(char *endpoint) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (bind(fd, (struct sockaddr *)&at, sizeof at) ||
      getsockname(fd, (struct sockaddr *)&at, &size)) {
    (void)close(fd);
    return -1;
  }
  (void)snprintf(endpoint, RKV_ADDR_MAX, "127.0.0.1:%u", ntohs(at.sin_port));
  return fd;
}

/* Holds all ports until all are chosen, so that none is given twice. */
static bool claim_ports(struct cluster *cluster) {
  int fds[2 * OPTIONS_NODES_MAX];
  unsigned claimed = 0;
  bool ok = true;
  for (unsigned i = 0; i < cluster->count && ok; i++) {
    fds[claimed] = claim_port(cluster->nodes[i].endpoint);
    if (fds[claimed] >= 0) claimed++;
    fds[claimed] = claim_port(cluster->nodes[i].peer);
    if (fds[claimed] >= 0) claimed++;
    ok = claimed == 2 * (i + 1);
  }
  while (claimed > 0) (void)close(fds[--claimed]);
  return ok;
}

static void run_child(const struct cluster *cluster, unsigned i, const struct command_line *line) {
  char path[TARGET_DIR_MAX + 32];
  sigset_t none;
  int log;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
  (void)setpgid(0, 0); /* Ctrl-C is for the bench, which stops its nodes in order */
  (void)snprintf(path, sizeof path, "%s/n%u.log", cluster->dir, i + 1);
  log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0) _exit(127);
  (void)execvp(line->words[0], line->words);
  (void)fprintf(stderr, "cannot run %s: %s\n", line->words[0], strerror(errno));
  (void)fflush(stderr);
  _exit(127);
}

static bool spawn(struct cluster *cluster, unsigned i) {
  struct command_line *line = calloc(1, sizeof *line);
  pid_t pid;
  if (!line) return false;
  cluster->target->command(cluster, i, line);
  pid = fork();
  if (pid == 0) run_child(cluster, i, line);
  if (pid > 0) cluster->nodes[i].pid = pid;
  free(line);
  return pid > 0;
}

bool nodes_start(struct cluster *cluster, const struct options *options) {
  const char *base = options->dir                    ? options->dir
                     : access("/dev/shm", W_OK) == 0 ? "/dev/shm"
                                                     : "/tmp";
  cluster->options = options;
  cluster->target = strcmp(options->target, "etcd") == 0 ? &target_etcd : &target_rkv;
  cluster->count = options->nodes;
  if (snprintf(cluster->dir, sizeof cluster->dir, "%s/bench-cluster.XXXXXX", base) >=
          (int)sizeof cluster->dir ||
      !mkdtemp(cluster->dir)) {
    (void)fprintf(stderr, "bench: cannot make a folder in %s: %s\n", base, strerror(errno));
    cluster->dir[0] = '\0';
    return false;
  }
  if (!claim_ports(cluster)) {
    (void)fprintf(stderr, "bench: no free loopback port: %s\n", strerror(errno));
    return false;
  }
  for (unsigned i = 0; i < cluster->count; i++)
    if (!spawn(cluster, i)) {
      (void)fprintf(stderr, "bench: cannot start node %u: %s\n", i + 1, strerror(errno));
      return false;
    }
  return true;
}

void nodes_attach(struct cluster *cluster, const struct options *options) {
  cluster->options = options;
  cluster->target = strcmp(options->target, "etcd") == 0 ? &target_etcd : &target_rkv;
  cluster->count = options->endpoint_count;
  for (unsigned i = 0; i < cluster->count; i++)
    memcpy(cluster->nodes[i].endpoint, options->endpoints[i], RKV_ADDR_MAX);
}

/* Prints the end of a node's log, to show why it does not serve. */
static void show_log(const struct cluster *cluster, unsigned i) {
  char path[TARGET_DIR_MAX + 32], line[512];
  FILE *file;
  (void)snprintf(path, sizeof path, "%s/n%u.log", cluster->dir, i + 1);
  file = fopen(path, "r");
  if (!file) return;
  while (fgets(line, sizeof line, file)) (void)fprintf(stderr, "  node %u: %s", i + 1, line);
  (void)fclose(file);
}

/* True once node i answers. */
static bool wait_for_node(struct cluster *cluster, unsigned i, struct client *client,
                          uint64_t deadline_ms) {
  struct node *node = &cluster->nodes[i];
  struct node_view view;
  while (client_now_ms() < deadline_ms) {
    if (cluster->target->view(client, node->endpoint, &view)) return true;
    if (waitpid(node->pid, NULL, WNOHANG) == node->pid) {
      node->pid = 0;
      break;
    }
    pause_ms(POLL_MS);
  }
  (void)fprintf(stderr, "bench: node %u does not serve at %s\n", i + 1, node->endpoint);
  show_log(cluster, i);
  return false;
}

const struct node *nodes_leader(const struct cluster *cluster, struct client *client,
                                uint64_t deadline_ms, struct node_view *view) {
  do {
    for (unsigned i = 0; i < cluster->count; i++)
      if (cluster->target->view(client, cluster->nodes[i].endpoint, view) && view->leads)
        return &cluster->nodes[i];
    pause_ms(POLL_MS);
  } while (client_now_ms() < deadline_ms);
  return NULL;
}

bool nodes_form(struct cluster *cluster, struct client *client) {
  uint64_t deadline_ms = client_now_ms() + NODES_START_MS;
  struct node_view view;
  /* A member of etcd answers only once there is a quorum; ours answer one by one. So all are asked
   * first, then the cluster is made. */
  for (unsigned i = 0; i < cluster->count; i++)
    if (!wait_for_node(cluster, i, client, deadline_ms)) return false;
  if (!cluster->target->form(cluster, client)) return false;
  if (nodes_leader(cluster, client, deadline_ms, &view)) return true;
  (void)fprintf(stderr, "bench: no leader within %d s\n", NODES_START_MS / 1000);
  for (unsigned i = 0; i < cluster->count; i++) show_log(cluster, i);
  return false;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk) {
  (void)info, (void)type, (void)walk;
  return remove(path);
}

void nodes_stop(struct cluster *cluster) {
  uint64_t deadline_ms = client_now_ms() + NODES_STOP_MS;
  for (unsigned i = 0; i < cluster->count; i++)
    if (cluster->nodes[i].pid > 0) (void)kill(cluster->nodes[i].pid, SIGTERM);
  for (unsigned i = 0; i < cluster->count; i++) {
    pid_t pid = cluster->nodes[i].pid;
    if (pid <= 0) continue;
    while (waitpid(pid, NULL, WNOHANG) == 0) {
      if (client_now_ms() >= deadline_ms) (void)kill(pid, SIGKILL);
      pause_ms(POLL_MS);
    }
    cluster->nodes[i].pid = 0;
  }
  if (cluster->dir[0]) (void)nftw(cluster->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  cluster->dir[0] = '\0';
}

uint64_t nodes_cpu_ns(const struct cluster *cluster) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < cluster->count; i++)
    if (cluster->nodes[i].pid > 0) sum += proc_cpu_ns(cluster->nodes[i].pid);
  return sum;
}
