/* support.h: what the tests of core/host share: files that remove themselves, captured outputs. */
#ifndef HOST_TEST_SUPPORT_H
#define HOST_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <host/check.h>
#include <host/commands.h>
#include <host/exit_codes.h>

#define FIXTURES RKV_BINARY_DIR "/tests/host-plugins" /* whole plugins, made by CMake */
#define BAD_PLUGINS RKV_BINARY_DIR "/tests/host-bad-plugins"

/* A file in a folder of its own; both are removed by scratch_end. */
struct scratch {
  char folder[1024];
  char file[1088];
};

struct scratch scratch_begin(const char *name, const char *text);
void scratch_end(const struct scratch *scratch);

/* A legal [node] section that finds the fixtures, on lines 1 to 4. */
#define NODE_LINES "[node]\nid = 1\naddr = 127.0.0.1:21001\nplugin_dir = " FIXTURES "\n"
/* Sections that name the fixtures. */
#define PART_LINES                                                                                 \
  "[transport]\nplugin = fix-transport\n[storage]\nplugin = fix-storage\n"                         \
  "[state-machine]\nplugin = fix-sm\nneeded = x\n"

/* How a command ended, and what it printed. */
struct outcome {
  int code;
  char *out, *err; /* freed by outcome_free */
};

typedef int command_function(const struct host_flags *flags, FILE *out, FILE *err);

/* Runs a command with these flags: a NULL-terminated list without the program's name. */
struct outcome run_command(command_function *command, const char *const words[]);
/* Runs `check` on a file node.ini with `text`; the file's folder is cut from the messages. */
struct outcome run_check(const char *text);
void outcome_free(struct outcome *outcome);

/* Fails the test and shows both texts if `text` does not hold `part`. */
void assert_holds(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);

#endif
