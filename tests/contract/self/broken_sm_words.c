/* broken_sm_words.c: the faults of describe. */
#include "broken_sm.h"

#include <sched.h>
#include <stdio.h>

static enum sm_fault fault; /* FAULT_none until an instance was opened */

void broken_describe_as(enum sm_fault chosen) {
  fault = chosen;
}

static void say(struct rkv_buf command, char *text, size_t size) {
  (void)snprintf(text, size, "%zu bytes, the first is %d", command.len,
                 command.len > 0 ? command.data[0] : -1);
}

/* All threads write in the same place. */
static void say_in_one_place(struct rkv_buf command, char *text, size_t size) {
  static char place[64];
  say(command, place, sizeof place);
  (void)sched_yield();
  (void)snprintf(text, size, "%s", place);
}

enum rkv_status broken_describe(struct rkv_buf command, char *text, size_t size,
                                struct rkv_error *error) {
  exact_described();
  say(command, text, size);
  if (fault == FAULT_words_without_end) memset(text, 'x', size);
  if (fault == FAULT_words_beyond_room) text[size] = '\0';
  if (fault == FAULT_words_of_two_lines) (void)snprintf(text, size, "two\nlines");
  if (fault == FAULT_words_by_instance) (void)snprintf(text, size, "bytes");
  if (fault == FAULT_words_in_one_place) say_in_one_place(command, text, size);
  if (fault == FAULT_words_fail_oddly && command.len % 2)
    return rkv_fail(error, RKV_IO, "broken: cannot read");
  return RKV_OK;
}
