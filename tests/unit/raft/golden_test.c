/* golden_test.c: conversations of core/raft as text files. Each line of tests/golden/NAME.txt that
 * begins with a letter is a command; the indented lines after it are what came out. The run's text
 * is compared with the file; `golden --rewrite` writes the files anew, to be reviewed as a diff.
 *
 *   config KEY VALUE          ms of a time, or a count; before the first start
 *   start ID...               fresh nodes, or nodes that are down
 *   log ID TERM VOTERS T...   starts ID with term TERM and entries of terms T..., VOTERS as 1,2,3
 *   init ID VOTERS | propose ID COUNT | learner ID NEW | change ID VOTERS [retain]
 *   transfer ID TARGET | read ID [lease]
 *   old ID                    the node knows neither pre-votes nor TimeoutNow
 *   timeout ID                the clock moves to ID's deadline; only ID's timer runs
 *   time MS                   all timers, nothing delivered
 *   run MS                    all timers, everything delivered
 *   deliver [FROM TO]         one message, or everything until nothing moves
 *   drop FROM TO | crash ID | wipe ID | cut ID | heal ID
 *   quiet | loud              no output until loud
 *   show                      every node's view */
#include "cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 32

struct line {
  char text[256];
  char *words[WORDS_MAX];
  size_t count;
};

static rkv_node_id node_of(const char *word) {
  unsigned long id = word ? strtoul(word, NULL, 10) : 0;
  assert_in_range(id, 1, NODES_MAX - 1);
  return id;
}

static void voters_of(const char *word, rkv_node_id *voters) {
  size_t count = 0;
  assert_non_null(word);
  while (*word && count < NODES_MAX) {
    char *end;
    voters[count++] = strtoul(word, &end, 10);
    word = *end == ',' ? end + 1 : end;
  }
  voters[count] = 0;
}

static void set_config(struct cluster *c, const char *key, const char *value) {
  uint64_t number = strtoul(value, NULL, 10);
  if (strcmp(key, "snapshot_after") == 0)
    c->config.snapshot_after = number;
  else if (strcmp(key, "keep_entries") == 0)
    c->config.keep_entries = number;
  else if (strcmp(key, "pre_vote") == 0)
    c->config.pre_vote = number != 0;
  else if (strcmp(key, "check_quorum") == 0)
    c->config.check_quorum = number != 0;
  else if (strcmp(key, "lease_drift_ppm") == 0)
    c->config.lease_drift_ppm = number;
  else if (strcmp(key, "append_entries_max") == 0)
    c->config.append_entries_max = (uint32_t)number;
  else
    fail_msg("config %s: unknown", key);
}

static void status_line(struct cluster *c, enum rkv_status status) {
  if (c->trace && status != RKV_OK) fprintf(c->trace, "    refused: %s\n", rkv_status_name(status));
}

static void run_log(struct cluster *c, const struct line *l) {
  rkv_node_id voters[NODES_MAX + 1];
  rkv_term terms[WORDS_MAX];
  voters_of(l->words[3], voters);
  for (size_t i = 4; i < l->count; i++) terms[i - 4] = strtoul(l->words[i], NULL, 10);
  cluster_set_log(c, node_of(l->words[1]), terms, l->count - 4, voters,
                  strtoul(l->words[2], NULL, 10));
}

static void run_timeout(struct cluster *c, rkv_node_id id) {
  uint64_t deadline = raft_deadline(c->nodes[id].r);
  assert_true(deadline != UINT64_MAX);
  if (deadline > c->now_ns) c->now_ns = deadline;
  cluster_time_one(c, id);
}

static void run_deliver(struct cluster *c, const struct line *l) {
  if (l->count == 1)
    cluster_deliver_all(c);
  else
    assert_true(cluster_deliver(c, node_of(l->words[1]), node_of(l->words[2])));
}

/* Calls of clients. False: not one of them. */
static bool run_call(struct cluster *c, const struct line *l) {
  const char *word = l->words[0];
  rkv_node_id voters[NODES_MAX + 1];
  if (strcmp(word, "propose") == 0) {
    status_line(c, cluster_propose(c, node_of(l->words[1]), strtoul(l->words[2], NULL, 10)));
  } else if (strcmp(word, "learner") == 0) {
    status_line(c, cluster_learner(c, node_of(l->words[1]), node_of(l->words[2])));
  } else if (strcmp(word, "transfer") == 0) {
    status_line(c, cluster_transfer(c, node_of(l->words[1]), node_of(l->words[2])));
  } else if (strcmp(word, "read") == 0) {
    uint64_t ticket = 0;
    enum rkv_status status = cluster_read(c, node_of(l->words[1]), l->count > 2, &ticket);
    status_line(c, status);
    if (c->trace && status == RKV_OK) fprintf(c->trace, "    ticket %u\n", (unsigned)ticket);
  } else if (strcmp(word, "init") == 0) {
    voters_of(l->words[2], voters);
    status_line(c, cluster_init(c, node_of(l->words[1]), voters));
  } else if (strcmp(word, "change") == 0) {
    voters_of(l->words[2], voters);
    status_line(c, cluster_change(c, node_of(l->words[1]), voters, l->count > 3));
  } else {
    return false;
  }
  return true;
}

/* What happens to nodes and messages. False: not one of them. */
static bool run_world(struct cluster *c, const struct line *l) {
  const char *word = l->words[0];
  if (strcmp(word, "start") == 0)
    for (size_t i = 1; i < l->count; i++) cluster_start(c, node_of(l->words[i]));
  else if (strcmp(word, "log") == 0)
    run_log(c, l);
  else if (strcmp(word, "timeout") == 0)
    run_timeout(c, node_of(l->words[1]));
  else if (strcmp(word, "time") == 0)
    cluster_advance(c, strtoul(l->words[1], NULL, 10) * MS);
  else if (strcmp(word, "run") == 0)
    cluster_run(c, strtoul(l->words[1], NULL, 10) * MS);
  else if (strcmp(word, "deliver") == 0)
    run_deliver(c, l);
  else if (strcmp(word, "drop") == 0)
    assert_true(cluster_drop(c, node_of(l->words[1]), node_of(l->words[2])));
  else if (strcmp(word, "crash") == 0)
    cluster_crash(c, node_of(l->words[1]));
  else if (strcmp(word, "wipe") == 0)
    cluster_wipe(c, node_of(l->words[1]));
  else if (strcmp(word, "old") == 0)
    c->nodes[node_of(l->words[1])].old = true;
  else if (strcmp(word, "cut") == 0 || strcmp(word, "heal") == 0)
    c->nodes[node_of(l->words[1])].cut = *word == 'c';
  else
    return false;
  return true;
}

static void run_line(struct cluster *c, struct line *l, FILE *out) {
  char *save = NULL, *word;
  l->count = 0;
  memset(l->words, 0, sizeof l->words);
  for (word = strtok_r(l->text, " \n", &save); word && l->count < WORDS_MAX;
       word = strtok_r(NULL, " \n", &save))
    l->words[l->count++] = word;
  if (strcmp(l->words[0], "quiet") == 0)
    c->trace = NULL;
  else if (strcmp(l->words[0], "loud") == 0)
    c->trace = out;
  else if (strcmp(l->words[0], "show") == 0)
    trace_views(c);
  else if (strcmp(l->words[0], "config") == 0)
    set_config(c, l->words[1], l->words[2]);
  else if (!run_call(c, l) && !run_world(c, l))
    fail_msg("unknown command: %s", l->words[0]);
  law_logs_match(c);
}

/* Runs the commands of `in`; the whole new text goes to `out`. */
static void run_conversation(FILE *in, FILE *out) {
  struct cluster *c = cluster_new();
  struct line l;
  c->trace = out;
  while (fgets(l.text, sizeof l.text, in)) {
    if (l.text[0] == ' ') continue;
    fputs(l.text, out);
    if (l.text[0] >= 'a' && l.text[0] <= 'z') run_line(c, &l, out);
  }
  cluster_free(c);
}

static const char *const names[] = {"election_of_three",
                                    "replicate_and_commit",
                                    "divergent_follower",
                                    "figure_7",
                                    "leader_change",
                                    "figure_8_overwritten",
                                    "joint_change",
                                    "joint_leader_dies",
                                    "learners",
                                    "disruptive_server",
                                    "snapshot_to_lagging_peer",
                                    "peer_lost_its_log",
                                    "pre_vote",
                                    "transfer",
                                    "read_index"};

static void read_text(FILE *f, char **text) {
  size_t length;
  assert_int_equal(fseek(f, 0, SEEK_END), 0);
  length = (size_t)ftell(f);
  rewind(f);
  *text = calloc(length + 1, 1);
  assert_non_null(*text);
  assert_int_equal(fread(*text, 1, length, f), length);
}

/* The first line that differs, for a person. */
static void compare(const char *name, const char *want, const char *have) {
  size_t line = 1, start = 0, i = 0;
  while (want[i] && want[i] == have[i]) {
    if (want[i] == '\n') line++, start = i + 1;
    i++;
  }
  if (want[i] != have[i])
    fail_msg("%s.txt:%zu: expected \"%.*s\", got \"%.*s\"", name, line,
             (int)strcspn(want + start, "\n"), want + start, (int)strcspn(have + start, "\n"),
             have + start);
}

static void conversation(const char *name, bool rewrite) {
  char path[512], *want = NULL, *have = NULL;
  size_t length = 0;
  FILE *in, *out;
  (void)snprintf(path, sizeof path, "%s/tests/golden/%s.txt", RKV_SOURCE_DIR, name);
  in = fopen(path, "r");
  assert_non_null(in);
  read_text(in, &want);
  rewind(in);
  out = open_memstream(&have, &length);
  assert_non_null(out);
  run_conversation(in, out);
  fclose(out);
  fclose(in);
  if (rewrite) {
    out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(have, 1, length, out), length);
    fclose(out);
  } else {
    compare(name, want, have);
  }
  free(want);
  free(have);
}

static void conversations_are_as_written(void **state) {
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    conversation(names[i], *state != NULL);
}

int main(int argc, char **argv) {
  bool rewrite = argc > 1 && strcmp(argv[1], "--rewrite") == 0;
  const struct CMUnitTest tests[] = {
      {"conversations_are_as_written", conversations_are_as_written, NULL, NULL,
       rewrite ? &rewrite : NULL},
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
