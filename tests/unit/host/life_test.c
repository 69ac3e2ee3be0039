/* life_test.c: the process as a user sees it: what it prints, how it ends, with which code. */
#include "support.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM RKV_BINARY_DIR "/raft-key-value"
#define ACT_PLUGIN RKV_BINARY_DIR "/tests/host-life-plugins/fix-act.so"
#define PATIENCE_MS 20000 /* sanitizers and a busy machine are slow; nothing waits for so long */
#define TEXT_MAX 16384

extern char **environ;

#define PROCESSES_MAX 4 /* at once, in one test */

struct process {
  pid_t pid;
  int out, err; /* what it prints */
};

/* Those that were not waited for: a test that fails half way must not leave them behind. */
static pid_t running[PROCESSES_MAX];

static void replace_running(pid_t old, pid_t new) {
  for (size_t i = 0; i < PROCESSES_MAX; i++) {
    if (running[i] != old) continue;
    running[i] = new;
    return;
  }
  fail_msg("more than %d processes", PROCESSES_MAX);
}

static int end_leftovers(void **state) {
  (void)state;
  for (size_t i = 0; i < PROCESSES_MAX; i++) {
    if (running[i] == 0) continue;
    (void)kill(running[i], SIGKILL);
    (void)waitpid(running[i], NULL, 0);
    running[i] = 0;
  }
  return 0;
}

/* Starts the program with words, NULL-terminated. */
static struct process start(const char *const words[]) {
  posix_spawn_file_actions_t actions;
  struct process p;
  const char *argv[24] = {PROGRAM};
  int out[2], err[2];
  for (size_t i = 0; words[i]; i++) {
    assert_true(i + 2 < sizeof argv / sizeof *argv);
    argv[i + 1] = words[i];
  }
  assert_int_equal(pipe(out), 0);
  assert_int_equal(pipe(err), 0);
  (void)posix_spawn_file_actions_init(&actions);
  (void)posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  (void)posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  for (int i = 0; i < 2; i++) {
    (void)posix_spawn_file_actions_addclose(&actions, out[i]);
    (void)posix_spawn_file_actions_addclose(&actions, err[i]);
  }
  assert_int_equal(
      posix_spawn(&p.pid, PROGRAM, &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
  replace_running(0, p.pid);
  (void)posix_spawn_file_actions_destroy(&actions);
  (void)close(out[1]);
  (void)close(err[1]);
  p.out = out[0], p.err = err[0];
  return p;
}

/* Reads until `until` was seen (NULL: until the end) or patience is over. */
static void read_text(int fd, const char *until, char text[TEXT_MAX]) {
  size_t len = 0;
  text[0] = '\0';
  while (!until || !strstr(text, until)) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    ssize_t got;
    if (poll(&wait, 1, PATIENCE_MS) <= 0) fail_msg("silent after: %s", text);
    got = read(fd, text + len, TEXT_MAX - 1 - len);
    if (got <= 0) break;
    len += (size_t)got;
    text[len] = '\0';
  }
  if (until) assert_holds(text, until);
}

static uint64_t now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Its exit code, its texts, and how long it took. */
struct ending {
  int code;
  uint64_t ms;
  char out[TEXT_MAX], err[TEXT_MAX];
};

static void end(const struct process *p, struct ending *e) {
  uint64_t begin = now_ms();
  int status;
  read_text(p->out, NULL, e->out);
  read_text(p->err, NULL, e->err);
  assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
  replace_running(p->pid, 0);
  e->ms = now_ms() - begin;
  (void)close(p->out);
  (void)close(p->err);
  if (!WIFEXITED(status)) fail_msg("ended by signal %d: %s", WTERMSIG(status), e->err);
  e->code = WEXITSTATUS(status);
}

#define RUN(e, ...)                                                                                \
  do {                                                                                             \
    struct process p = start((const char *[]){__VA_ARGS__, NULL});                                 \
    end(&p, e);                                                                                    \
  } while (0)

static void assert_one_line(const char *text) {
  const char *newline = strchr(text, '\n');
  if (!newline || newline[1] != '\0') fail_msg("not one line: %s", text);
}

/* An address whose port the kernel calls free. */
static void free_addr(char out[32]) {
  struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof addr;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
  (void)snprintf(out, 32, "127.0.0.1:%d", ntohs(addr.sin_port));
  (void)close(fd);
}

/* ---- stories ---- */

static void a_node_says_that_it_listens_and_stops_as_asked(void **state) {
  static const int signals[] = {SIGTERM, SIGINT};
  static struct ending e;
  char addr[32], expected[80], text[TEXT_MAX];
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    struct process p;
    free_addr(addr);
    (void)snprintf(expected, sizeof expected, "listening addr=%s id=7\n", addr);
    p = start((const char *[]){"--id", "7", "--addr", addr, NULL});
    read_text(p.out, "\n", text);
    assert_string_equal(text, expected);
    assert_int_equal(kill(p.pid, signals[i]), 0);
    end(&p, &e);
    assert_int_equal(e.code, HOST_EXIT_OK);
    assert_true(e.ms < 5000);
    assert_holds(e.err, signals[i] == SIGTERM ? "stops signal=SIGTERM" : "stops signal=SIGINT");
    assert_holds(e.err, " INFO host stopped\n");
  }
}

static void an_address_in_use_is_69(void **state) {
  static struct ending e;
  char addr[32], text[TEXT_MAX];
  struct process first;
  (void)state;
  free_addr(addr);
  first = start((const char *[]){"--id", "1", "--addr", addr, NULL});
  read_text(first.out, "\n", text);
  RUN(&e, "--id", "2", "--addr", addr);
  assert_int_equal(e.code, HOST_EXIT_UNAVAILABLE);
  assert_one_line(e.err);
  assert_holds(e.err, addr);
  assert_holds(e.err, "in use");
  assert_string_equal(e.out, "");
  assert_int_equal(kill(first.pid, SIGTERM), 0);
  end(&first, &e);
  assert_int_equal(e.code, HOST_EXIT_OK);
}

static void usage_is_64_and_configuration_78(void **state) {
  static struct ending e;
  struct scratch s = scratch_begin("node.ini", "[node]\nid = 1\naddr = 127.0.0.1:1\nadr = x\n");
  (void)state;
  RUN(&e, "--idd", "1");
  assert_int_equal(e.code, HOST_EXIT_USAGE);
  assert_string_equal(e.err, "raft-key-value: unknown flag --idd (did you mean --id?)\n");
  RUN(&e, "--addr", "127.0.0.1:1");
  assert_int_equal(e.code, HOST_EXIT_USAGE);
  assert_string_equal(e.err, "command line: [node] id: missing (this node's number: give --id N or "
                             "id = N)\n");
  RUN(&e, "--config", s.file);
  assert_int_equal(e.code, HOST_EXIT_CONFIG);
  assert_one_line(e.err);
  assert_holds(e.err, "node.ini:4: [node] adr = \"x\": unknown key (did you mean addr?)");
  RUN(&e, "--config", "/nowhere.ini");
  assert_int_equal(e.code, HOST_EXIT_CONFIG);
  assert_holds(e.err, "/nowhere.ini: cannot open");
  RUN(&e, "--help");
  assert_int_equal(e.code, HOST_EXIT_OK);
  assert_holds(e.out, "raft-key-value check   --config FILE");
  RUN(&e, "--version");
  assert_int_equal(e.code, HOST_EXIT_OK);
  assert_holds(e.out, "raft-key-value ");
  scratch_end(&s);
}

/* ---- with a transport that misbehaves ---- */

static struct process act(const char *what) {
  char setting[64];
  (void)snprintf(setting, sizeof setting, "transport.act=%s", what);
  return start((const char *[]){"--id", "1", "--addr", "127.0.0.1:1", "--set",
                                "transport.plugin=" ACT_PLUGIN, "--set", setting, NULL});
}

/* The reason stands in the log with the plugin's name; storage failures are 74, the rest 70. */
static void a_fatal_report_ends_the_process(void **state) {
  static struct ending e;
  struct process p = act("fatal_io");
  (void)state;
  end(&p, &e);
  assert_int_equal(e.code, HOST_EXIT_STORAGE);
  assert_holds(e.err, "fix-act: the disk is gone");
  p = act("fatal_broken");
  end(&p, &e);
  assert_int_equal(e.code, HOST_EXIT_BROKEN);
  assert_holds(e.err, "fix-act: a promise is broken");
  p = act("refuse");
  end(&p, &e);
  assert_int_equal(e.code, HOST_EXIT_UNAVAILABLE);
  assert_string_equal(e.err, "raft-key-value: fix-act: the address is refused\n");
}

/* A plugin that owes a reason, or gives another status with it, ends the process all the same. */
static void a_plugin_that_gives_no_reason_is_named(void **state) {
  static const struct {
    const char *act;
    int code;
    const char *text;
  } cases[] = {
      {"refuse_silently", HOST_EXIT_UNAVAILABLE,
       "raft-key-value: fix-act: open gave no reason (ADDRESS)\n"},
      {"nothing", HOST_EXIT_BROKEN,
       "raft-key-value: fix-act: open says that it succeeded and gave nothing (tell its author)\n"},
      {"start_silently", HOST_EXIT_BROKEN,
       "raft-key-value: fix-act: start ended with status 77, which is unknown\n"},
      {"start_otherwise", HOST_EXIT_STORAGE, "raft-key-value: fix-act: the disk is full\n"},
      {"fatal_silently", HOST_EXIT_BROKEN, "stops: BROKEN: fix-act: gave no reason to stop\n"},
  };
  static struct ending e;
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct process p = act(cases[i].act);
    end(&p, &e);
    assert_int_equal(e.code, cases[i].code);
    assert_holds(e.err, cases[i].text);
  }
}

/* A second signal does not wait for anything. */
static void a_second_signal_stops_at_once(void **state) {
  static struct ending e;
  char text[TEXT_MAX];
  struct process p = act("hang");
  (void)state;
  read_text(p.out, "\n", text);
  assert_int_equal(kill(p.pid, SIGTERM), 0);
  read_text(p.err, "stops signal=SIGTERM", text);
  assert_int_equal(kill(p.pid, SIGTERM), 0);
  end(&p, &e);
  assert_int_equal(e.code, HOST_EXIT_OK);
  assert_true(e.ms < 3000);
}

/* Also while the node is being put together: nothing was served yet, and nothing waits for it. */
static void a_signal_stops_a_start_that_hangs(void **state) {
  static const int signals[] = {SIGTERM, SIGINT};
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    static struct ending e;
    char text[TEXT_MAX];
    struct process p = act("hang_open");
    read_text(p.err, "opens for ever", text);
    assert_int_equal(kill(p.pid, SIGHUP), 0);
    assert_int_equal(kill(p.pid, signals[i]), 0);
    end(&p, &e);
    assert_int_equal(e.code, HOST_EXIT_OK);
    assert_holds(e.err, "stopped before it served");
    assert_true(e.ms < 5000);
  }
}

/* Without one, five seconds are the limit, whatever hangs. */
static void what_hangs_is_cut_off(void **state) {
  static struct ending e;
  char text[TEXT_MAX];
  struct process p = act("hang");
  (void)state;
  read_text(p.out, "\n", text);
  assert_int_equal(kill(p.pid, SIGTERM), 0);
  end(&p, &e);
  assert_int_equal(e.code, HOST_EXIT_BROKEN);
  assert_holds(e.err, "did not stop in time");
  assert_in_range(e.ms, 4000, 6500);
}

#define ENDING(test) cmocka_unit_test_teardown(test, end_leftovers)

int main(void) {
  const struct CMUnitTest tests[] = {
      ENDING(a_node_says_that_it_listens_and_stops_as_asked),
      ENDING(an_address_in_use_is_69),
      ENDING(usage_is_64_and_configuration_78),
      ENDING(a_fatal_report_ends_the_process),
      ENDING(a_plugin_that_gives_no_reason_is_named),
      ENDING(a_second_signal_stops_at_once),
      ENDING(a_signal_stops_a_start_that_hangs),
      ENDING(what_hangs_is_cut_off),
  };
  return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
