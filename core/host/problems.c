/* problems.c: the list of what is wrong. */
#include "problems.h"

#include "exit_codes.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#define LINE_BYTES_MAX 2048 /* of one problem; a longer text is cut */

void host_problems_add(struct host_problems *problems, enum host_blame blame, unsigned line,
                       const char *format, ...) {
  char text[LINE_BYTES_MAX];
  va_list args;
  assert(problems->count <= HOST_PROBLEMS_MAX); /* (B1) */
  if (blame == HOST_BLAME_CONFIG) problems->config = true;
  if (problems->count == HOST_PROBLEMS_MAX) {
    problems->dropped++;
    return;
  }
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  problems->list[problems->count].text = host_texts_format(&problems->texts, "%s", text);
  problems->list[problems->count].line = line;
  problems->count++;
}

void host_problems_no_memory(struct host_problems *problems) {
  problems->texts.failed = true;
}

bool host_problems_none(const struct host_problems *problems) {
  return problems->count == 0 && !host_texts_failed(&problems->texts);
}

/* A stable sort: problems of one line keep the order in which they were found. */
static void sort_by_line(struct host_problems *problems) {
  for (size_t i = 1; i < problems->count; i++) {
    struct host_problem moved = problems->list[i];
    size_t at = i;
    for (; at > 0 && problems->list[at - 1].line > moved.line; at--)
      problems->list[at] = problems->list[at - 1];
    problems->list[at] = moved;
  }
}

void host_problems_each(struct host_problems *problems, void (*each)(void *arg, const char *text),
                        void *arg) {
  char more[64];
  if (host_texts_failed(&problems->texts)) { /* other problems may come from that */
    each(arg, "raft-key-value: out of memory");
    return;
  }
  sort_by_line(problems);
  for (size_t i = 0; i < problems->count; i++) each(arg, problems->list[i].text);
  if (problems->dropped == 0) return;
  (void)snprintf(more, sizeof more, "and %zu more (repair these first)", problems->dropped);
  each(arg, more);
}

static void print_line(void *out, const char *text) {
  (void)fprintf(out, "%s\n", text);
}

void host_problems_print(struct host_problems *problems, FILE *out) {
  host_problems_each(problems, print_line, out);
}

static void add_problem_text(void *arg, const char *text) {
  struct rkv_error *error = arg;
  const size_t used = strlen(error->text);
  (void)snprintf(error->text + used, sizeof error->text - used, "%s%s", used ? "; " : "", text);
}

enum rkv_status host_problems_tell(struct host_problems *problems, struct rkv_error *error) {
  const bool memory = host_texts_failed(&problems->texts);
  assert(!host_problems_none(problems));
  (void)rkv_fail(error, memory ? RKV_NO_MEMORY : RKV_INVALID, "%s", memory ? "out of memory" : "");
  if (!memory) host_problems_each(problems, add_problem_text, error);
  return (enum rkv_status)error->status;
}

int host_problems_exit_code(const struct host_problems *problems) {
  if (host_texts_failed(&problems->texts)) return HOST_EXIT_UNAVAILABLE;
  if (host_problems_none(problems)) return HOST_EXIT_OK;
  return problems->config ? HOST_EXIT_CONFIG : HOST_EXIT_USAGE;
}

void host_problems_free(struct host_problems *problems) {
  host_texts_free(&problems->texts);
}
