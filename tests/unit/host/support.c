/* support.c: scratch files and captured commands. */
#include "support.h"

#include <stdio.h>
#include <unistd.h>

#define WORDS_MAX 16

struct scratch scratch_begin(const char *name, const char *text) {
  struct scratch s;
  FILE *file;
  (void)snprintf(s.folder, sizeof s.folder, "%s/tests/scratch-XXXXXX", RKV_BINARY_DIR);
  assert_non_null(mkdtemp(s.folder));
  (void)snprintf(s.file, sizeof s.file, "%s/%s", s.folder, name);
  file = fopen(s.file, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
  assert_int_equal(fclose(file), 0);
  return s;
}

void scratch_end(const struct scratch *scratch) {
  assert_int_equal(unlink(scratch->file), 0);
  assert_int_equal(rmdir(scratch->folder), 0);
}

struct outcome run_command(command_function *command, const char *const words[]) {
  struct outcome o = {0, NULL, NULL};
  char *argv[WORDS_MAX] = {NULL};
  int argc = 1;
  size_t out_len, err_len;
  FILE *out = open_memstream(&o.out, &out_len), *err = open_memstream(&o.err, &err_len);
  struct host_flags flags;
  struct rkv_error error;
  assert_true(out && err);
  for (; words[argc - 1]; argc++) {
    assert_true(argc < WORDS_MAX);
    argv[argc] = strdup(words[argc - 1]);
  }
  if (host_flags_parse(argc, argv, &flags, &error) != RKV_OK) fail_msg("%s", error.text);
  o.code = command(&flags, out, err);
  (void)fclose(out);
  (void)fclose(err);
  for (int i = 1; i < argc; i++) free(argv[i]);
  return o;
}

/* Cuts every mention of the scratch folder, so that expected texts can be written down. */
static void cut(char *text, const char *folder) {
  char *found;
  size_t len = strlen(folder) + 1;
  while ((found = strstr(text, folder)) != NULL)
    memmove(found, found + len, strlen(found + len) + 1);
}

struct outcome run_check(const char *text) {
  struct scratch s = scratch_begin("node.ini", text);
  const char *words[] = {"check", "--config", s.file, NULL};
  struct outcome o = run_command(host_command_check, words);
  cut(o.out, s.folder);
  cut(o.err, s.folder);
  scratch_end(&s);
  return o;
}

void outcome_free(struct outcome *outcome) {
  free(outcome->out);
  free(outcome->err);
}

void assert_holds(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("expected\n  %s\nin\n%s", part, text);
}

void assert_lacks(const char *text, const char *part) {
  if (strstr(text, part)) fail_msg("did not expect\n  %s\nin\n%s", part, text);
}
