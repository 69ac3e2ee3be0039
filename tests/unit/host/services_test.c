/* services_test.c: the log line, buffers, metrics, and the first fatal report. */
#include "support.h"

#include <host/log.h>
#include <host/services.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char *const names[HOST_PART_COUNT] = {"t", "s", "m"};

/* Services of node 7 whose log goes to a pipe. */
struct fixture {
  struct host_services services;
  int log_fd; /* the reading end, never blocks */
};

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  struct host_identity identity = {7, "127.0.0.1:1", RKV_LOG_INFO};
  int ends[2];
  assert_non_null(f);
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
  f->log_fd = ends[0];
  host_services_init(&f->services, &identity, names, ends[1]);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  (void)close(f->log_fd);
  (void)close(f->services.log_fd);
  host_services_unbind(&f->services);
  host_services_end(&f->services);
  free(f);
  return 0;
}

static const struct rkv_host *storage_host(const struct fixture *f) {
  return &f->services.parts[HOST_PART_STORAGE].host;
}

/* What was logged since the last call. */
static const char *logged(const struct fixture *f, char out[4096]) {
  ssize_t len = read(f->log_fd, out, 4095);
  out[len > 0 ? len : 0] = '\0';
  return out;
}

/* ---- log ---- */

static void a_line_is_logfmt(void **state) {
  char line[HOST_LOG_LINE_MAX];
  struct timespec at = {.tv_sec = 1795420800, .tv_nsec = 123999999}; /* 2026-11-23T08:00:00 */
  (void)state;
  (void)host_log_format(line, at, RKV_LOG_INFO, "raft", "became leader term=3 last=41");
  assert_string_equal(line, "2026-11-23T08:00:00.123Z INFO raft became leader term=3 last=41\n");
}

/* What a client sent cannot forge a second line, nor overrun the first. */
static void a_line_stays_one_line(void **state) {
  char line[HOST_LOG_LINE_MAX], text[3 * HOST_LOG_LINE_MAX];
  struct timespec at = {0, 0};
  (void)state;
  (void)host_log_format(line, at, RKV_LOG_WARN, "m", "key=a\nb\r\x1b[31m");
  assert_string_equal(line, "1970-01-01T00:00:00.000Z WARN m key=a?b??[31m\n");
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  assert_int_equal(host_log_format(line, at, RKV_LOG_WARN, "m", text), HOST_LOG_LINE_MAX - 1);
  assert_int_equal(strlen(line), HOST_LOG_LINE_MAX - 1);
  assert_int_equal(line[HOST_LOG_LINE_MAX - 2], '\n');
}

/* Nor move a terminal's cursor: C1 controls, as single bytes and as UTF-8, and what is no UTF-8. */
static void only_whole_characters_are_shown(void **state) {
  static const struct {
    const char *text, *shown;
  } lines[] = {{"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"},
               {"a\x9B"
                "31m",
                "a?31m"},
               {"a\xC2\x9B"
                "31m",
                "a??31m"},
               {"a\xC2\xA0"
                "b",
                "a\xC2\xA0"
                "b"},
               {"cut \xE2\x82", "cut ??"},
               {"\xC0\x80 \xED\xA0\x80", "?? ???"}};
  (void)state;
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    char line[HOST_LOG_LINE_MAX], wanted[HOST_LOG_LINE_MAX];
    struct timespec at = {0, 0};
    (void)host_log_format(line, at, RKV_LOG_WARN, "m", lines[i].text);
    (void)snprintf(wanted, sizeof wanted, "1970-01-01T00:00:00.000Z WARN m %s\n", lines[i].shown);
    assert_string_equal(line, wanted);
  }
}

static void levels_below_the_chosen_one_are_dropped(void **state) {
  const struct fixture *f = *state;
  char text[4096];
  rkv_log(storage_host(f), RKV_LOG_DEBUG, "s", "hidden");
  storage_host(f)->log(storage_host(f)->ctx, RKV_LOG_DEBUG, "s", "hidden too");
  assert_string_equal(logged(f, text), "");
  rkv_log(storage_host(f), RKV_LOG_INFO, "s", "n=%d", 5);
  assert_holds(logged(f, text), "Z INFO s n=5\n");
}

/* For everybody who was given a host, whatever it said before. */
static void the_level_may_change_at_any_time(void **state) {
  struct fixture *f = *state;
  char text[4096];
  assert_false(rkv_log_wants(storage_host(f), RKV_LOG_DEBUG));
  host_services_set_log_level(&f->services, RKV_LOG_DEBUG);
  assert_true(rkv_log_wants(storage_host(f), RKV_LOG_DEBUG));
  rkv_log(storage_host(f), RKV_LOG_DEBUG, "s", "one");
  rkv_log(&f->services.node.host, RKV_LOG_DEBUG, "s", "two");
  assert_holds(logged(f, text), "Z DEBUG s one\n");
  assert_holds(text, "Z DEBUG s two\n");
  host_services_set_log_level(&f->services, RKV_LOG_ERROR);
  rkv_log(storage_host(f), RKV_LOG_WARN, "s", "three");
  storage_host(f)->log(storage_host(f)->ctx, RKV_LOG_WARN, "s", "three too");
  assert_string_equal(logged(f, text), "");
}

/* Nobody reads: lines that do not fit are dropped, and the log says how many once there is room. */
static void a_log_without_a_reader_drops_lines(void **state) {
  struct fixture *f = *state;
  const struct rkv_host *host = storage_host(f);
  char text[4096];
  uint64_t lines = 0;
  assert_int_equal(fcntl(f->services.log_fd, F_SETFL, O_NONBLOCK), 0);
  while (f->services.log_dropped < 3) {
    rkv_log(host, RKV_LOG_INFO, "s", "line %d", (int)lines);
    assert_true(++lines < 100000);
  }
  assert_int_equal(host_services_lines_dropped(&f->services), 3);
  while (*logged(f, text)) continue;
  rkv_log(host, RKV_LOG_INFO, "s", "after");
  assert_holds(logged(f, text), "Z WARN host log lines were dropped");
  assert_holds(text, "count=3\n");
  assert_holds(text, "Z INFO s after\n");
  rkv_log(host, RKV_LOG_INFO, "s", "later");
  assert_lacks(logged(f, text), "dropped");
}

/* ---- buffers and clock ---- */

static void a_buffer_has_one_reference(void **state) {
  const struct rkv_host *host = storage_host(*state);
  struct rkv_buf buf, shared;
  uint8_t *bytes = host->buf_alloc(host->ctx, 5, &buf);
  assert_non_null(bytes);
  memcpy(bytes, "hello", 5);
  assert_int_equal(buf.len, 5);
  assert_int_equal(buf.owner->refs, 1);
  shared = rkv_buf_share(buf);
  rkv_buf_drop(&buf);
  assert_memory_equal(shared.data, "hello", 5);
  rkv_buf_drop(&shared); /* frees; else the address sanitizer tells of a leak */
  assert_null(host->buf_alloc(host->ctx, SIZE_MAX, &buf));
  assert_null(buf.owner);
  assert_non_null(host->buf_alloc(host->ctx, 0, &buf));
  rkv_buf_drop(&buf);
}

static void the_clock_never_goes_back(void **state) {
  const struct rkv_host *host = storage_host(*state);
  uint64_t before = host->now_ns(host->ctx);
  for (int i = 0; i < 1000; i++) {
    uint64_t now = host->now_ns(host->ctx);
    assert_true(now >= before);
    before = now;
  }
  assert_int_equal(host->node_id, 7);
  assert_string_equal(host->node_addr, "127.0.0.1:1");
}

/* ---- metrics ---- */

static uint64_t read_number(void *arg) {
  return *(uint64_t *)arg;
}

static enum rkv_status add(struct fixture *f, enum host_part_index part, const char *name,
                           uint64_t *number, struct rkv_error *error) {
  struct rkv_metric metric = {name, "help", read_number, number};
  const struct rkv_host *host = &f->services.parts[part].host;
  return host->metric_register(host->ctx, &metric, error);
}

static void metrics_are_shown_while_their_plugin_is_open(void **state) {
  struct fixture *f = *state;
  uint64_t one = 1, two = 2;
  char text[64];
  f->services.parts[HOST_PART_STORAGE].opening = true;
  f->services.parts[HOST_PART_TRANSPORT].opening = true;
  assert_int_equal(add(f, HOST_PART_STORAGE, "bytes", &one, NULL), RKV_OK);
  assert_int_equal(add(f, HOST_PART_TRANSPORT, "bytes", &two, NULL), RKV_OK);
  assert_int_equal(host_metrics_format(&f->services.metrics, text, sizeof text), 20);
  assert_string_equal(text, " s.bytes:1 t.bytes:2");
  one = 10;
  assert_int_equal(host_metrics_format(&f->services.metrics, text, 14), 11);
  assert_string_equal(text, " s.bytes:10"); /* a pair that does not fit is left out whole */
  host_metrics_drop(&f->services.metrics, "s");
  (void)host_metrics_format(&f->services.metrics, text, sizeof text);
  assert_string_equal(text, " t.bytes:2");
}

/* One line for each, also of a help that would be more, or none. */
static void what_a_metric_means_is_a_line(void **state) {
  static const char *const helps[] = {"bytes\nwritten", NULL};
  struct fixture *f = *state;
  struct rkv_metric metric = {.read = read_number};
  uint64_t one = 1;
  char text[64];
  f->services.parts[HOST_PART_STORAGE].opening = true;
  metric.arg = &one;
  for (size_t i = 0; i < 2; i++) {
    const struct rkv_host *host = &f->services.parts[HOST_PART_STORAGE].host;
    metric.name = i ? "b" : "a";
    metric.help = helps[i];
    assert_int_equal(host->metric_register(host->ctx, &metric, NULL), RKV_OK);
  }
  assert_int_equal(host_metrics_help(&f->services.metrics, text, sizeof text), 15);
  assert_string_equal(text, "s.a=bytes\ns.b=\n");
  assert_int_equal(host_metrics_help(&f->services.metrics, text, 15), 10);
  assert_string_equal(text, "s.a=bytes\n"); /* a line that does not fit is left out whole */
}

static void a_metric_that_cannot_be_shown_is_refused(void **state) {
  struct fixture *f = *state;
  struct rkv_error error;
  uint64_t n = 0;
  assert_int_equal(add(f, HOST_PART_STORAGE, "late", &n, &error), RKV_INVALID);
  assert_string_equal(error.text, "metric of s: registered outside open");
  f->services.parts[HOST_PART_STORAGE].opening = true;
  assert_int_equal(add(f, HOST_PART_STORAGE, "a b", &n, &error), RKV_INVALID);
  assert_int_equal(add(f, HOST_PART_STORAGE, "a", &n, &error), RKV_OK);
  assert_int_equal(add(f, HOST_PART_STORAGE, "a", &n, &error), RKV_INVALID);
  assert_string_equal(error.text, "metric s.a: the name is taken");
}

static void metrics_are_bounded(void **state) {
  static char many[HOST_METRICS_MAX][8];
  struct fixture *f = *state;
  struct rkv_error error;
  uint64_t n = 0;
  f->services.parts[HOST_PART_STORAGE].opening = true;
  for (size_t i = 0; i < HOST_METRICS_MAX; i++) {
    (void)snprintf(many[i], sizeof many[i], "m%zu", i);
    assert_int_equal(add(f, HOST_PART_STORAGE, many[i], &n, &error), RKV_OK);
  }
  assert_int_equal(add(f, HOST_PART_STORAGE, "one_more", &n, &error), RKV_FULL);
}

/* ---- fatal ---- */

struct report {
  int count;
  enum rkv_status status;
  char text[RKV_ERROR_TEXT_MAX];
};

static void on_fatal(void *arg, enum rkv_status status, const char *text) {
  struct report *report = arg;
  report->count++;
  report->status = status;
  (void)snprintf(report->text, sizeof report->text, "%s", text);
}

/* The first reason is the one that counts, and it names the plugin. */
static void the_first_fatal_report_wins(void **state) {
  struct fixture *f = *state;
  struct report report = {0};
  host_services_bind(&f->services, on_fatal, &report);
  storage_host(f)->fatal(storage_host(f)->ctx, RKV_IO, "fsync failed");
  storage_host(f)->fatal(storage_host(f)->ctx, RKV_BROKEN, "and then");
  assert_int_equal(report.count, 1);
  assert_int_equal(report.status, RKV_IO);
  assert_string_equal(report.text, "s: fsync failed");
  host_services_unbind(&f->services);
}

/* A plugin may report before there is a node to tell. */
static void an_early_fatal_report_is_kept(void **state) {
  struct fixture *f = *state;
  struct report report = {0};
  storage_host(f)->fatal(storage_host(f)->ctx, RKV_NO_SPACE, "full");
  host_services_bind(&f->services, on_fatal, &report);
  assert_int_equal(report.count, 1);
  assert_string_equal(report.text, "s: full");
  assert_int_equal(f->services.fatal.status, RKV_NO_SPACE);
}

#define WITH_SERVICES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_line_is_logfmt),
      cmocka_unit_test(a_line_stays_one_line),
      cmocka_unit_test(only_whole_characters_are_shown),
      WITH_SERVICES(levels_below_the_chosen_one_are_dropped),
      WITH_SERVICES(the_level_may_change_at_any_time),
      WITH_SERVICES(a_log_without_a_reader_drops_lines),
      WITH_SERVICES(a_buffer_has_one_reference),
      WITH_SERVICES(the_clock_never_goes_back),
      WITH_SERVICES(what_a_metric_means_is_a_line),
      WITH_SERVICES(metrics_are_shown_while_their_plugin_is_open),
      WITH_SERVICES(a_metric_that_cannot_be_shown_is_refused),

      WITH_SERVICES(metrics_are_bounded),
      WITH_SERVICES(the_first_fatal_report_wins),
      WITH_SERVICES(an_early_fatal_report_is_kept),
  };
  return cmocka_run_group_tests_name("services", tests, NULL, NULL);
}
