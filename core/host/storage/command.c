/* command.c: storage copy, verify, dump, stat: from flags to exit code. */
#include <host/storage/command.h>

#include <host/config.h>
#include <host/exit_codes.h>
#include <host/storage/copy.h>
#include <host/storage/dump.h>
#include <host/storage/look.h>
#include <host/storage/spell.h>

#include <inttypes.h>
#include <stdlib.h>

enum { SUBJECTS_MAX = 2, WHERE_MAX = 512 };

struct command {
  const struct host_flags *flags;
  FILE *out, *err;
  struct host_place place;
  struct host_problems problems;
  struct subject subjects[SUBJECTS_MAX];
  size_t count;
  struct words words; /* of dump */
};

static int failed(const struct command *c, enum rkv_status status, const struct rkv_error *error) {
  const char *full = " (give the command again once the device has room)";
  (void)fprintf(c->err, "raft-key-value: %s%s\n", error->text,
                status == RKV_NO_SPACE ? full : host_remedy(status));
  return host_exit_code(status);
}

/* ---- begin and end ---- */

static struct command *command_new(const struct host_flags *flags, FILE *out, FILE *err) {
  struct command *c = calloc(1, sizeof *c);
  if (!c) {
    (void)fprintf(err, "raft-key-value: out of memory\n");
    return NULL;
  }
  c->flags = flags;
  c->out = out;
  c->err = err;
  return c;
}

static void command_free(struct command *c) {
  for (size_t i = 0; i < c->count; i++) subject_free(&c->subjects[i]);
  host_place_free(&c->place);
  host_problems_free(&c->problems);
  free(c);
}

/* Everything that is wrong with flags and settings is told at once. */
static int read_all(struct command *c, const struct subject_source *sources, size_t count) {
  bool ok = host_config_place(c->flags, &c->place, &c->problems);
  if (ok && c->place.id == 0) {
    host_problems_add(&c->problems, HOST_BLAME_USAGE, 0,
                      "--id N is missing: a storage belongs to one node (or name its --config "
                      "FILE)");
    ok = false;
  }
  for (; ok && c->count < count; c->count++)
    (void)subject_read(&c->subjects[c->count], &sources[c->count], &c->place, &c->problems);
  if (ok && c->flags->command == HOST_COMMAND_STORAGE_DUMP)
    (void)words_find(&c->words, c->flags->machine, &c->place, &c->problems);
  if (host_problems_none(&c->problems)) return HOST_EXIT_OK;
  host_problems_print(&c->problems, c->err);
  return host_problems_exit_code(&c->problems);
}

/* ---- copy ---- */

/* A storage that forgets has nothing when its node is stopped. */
static enum rkv_status check_pair(const struct command *c, struct rkv_error *error) {
  static const char *const why[SUBJECTS_MAX] = {
      "forgets what it holds when its node stops: there is nothing to copy (have the cluster send "
      "it: start the node on the new storage, empty)",
      "forgets what it holds when its node stops: the copy would be lost (name a durable storage, "
      "as storage-wal)"};
  struct subject_meeting meeting;
  for (size_t i = 0; i < SUBJECTS_MAX; i++)
    if (!subject_is_durable(&c->subjects[i]))
      return rkv_fail(error, RKV_INVALID, "%s %s", subject_name(&c->subjects[i]), why[i]);
  if (!subject_is_beside(&c->subjects[0].part, &c->subjects[1].part, &meeting))
    return rkv_fail(error, RKV_INVALID,
                    "source and copy are in the same place: %.200s (name an empty place outside of "
                    "%.200s for the copy)",
                    meeting.other, meeting.own);
  return RKV_OK;
}

static void report_copy(const struct command *c, const struct copy *copy) {
  static const char *const said[] = {[COPY_WHOLE] = "copied and compared",
                                     [COPY_FINISHED] = "an earlier copy compared and finished",
                                     [COPY_BEFORE] = "nothing to do, it was copied before"};
  const struct rkv_storage_state *state = &copy->from->state;
  char where[WHERE_MAX];
  (void)spell_words(copy->to, where, sizeof where);
  (void)fprintf(
      c->out,
      "%s: vote of term %" PRIu64 ", %" PRIu64 " entries up to %" PRIu64 ", a snapshot of %" PRIu64
      " bytes\n%s is retired: start node %" PRIu64 " with the section [storage] of %s\n",
      said[copy->done], state->vote.term, copy->last.index - state->purged.index, copy->last.index,
      state->snapshot.size, subject_name(copy->from), copy->from->id, where);
}

int storage_command_copy(const struct host_flags *flags, FILE *out, FILE *err) {
  const struct subject_source sources[SUBJECTS_MAX] = {
      {"--from", "--set-from", flags->from, &flags->from_sets, .there = true},
      {"--to", "--set-to", flags->to, &flags->to_sets, .there = false}};
  struct command *c = command_new(flags, out, err);
  struct rkv_error error;
  struct copy copy = {0};
  enum rkv_status status;
  int code;
  if (!c) return HOST_EXIT_UNAVAILABLE;
  code = read_all(c, sources, SUBJECTS_MAX);
  if (code == HOST_EXIT_OK) {
    copy.from = &c->subjects[0];
    copy.to = &c->subjects[1];
    progress_init(&copy.progress, err);
    status = check_pair(c, &error);
    if (status == RKV_OK) status = subject_open(copy.from, c->place.id, &error);
    if (status == RKV_OK) status = copy_check_source(&copy, &error);
    if (status == RKV_OK) status = subject_open(copy.to, c->place.id, &error);
    if (status == RKV_OK) status = copy_run(&copy, &error);
    if (status == RKV_OK)
      report_copy(c, &copy);
    else
      code = failed(c, status, &error);
  }
  command_free(c);
  return code;
}

/* ---- verify, dump, stat ---- */

static enum rkv_status look(const struct command *c, struct subject *s, struct rkv_error *error) {
  struct progress progress;
  progress_init(&progress, c->err);
  switch (c->flags->command) {
  case HOST_COMMAND_STORAGE_VERIFY: return look_verify(s, c->flags->json, c->out, &progress, error);
  case HOST_COMMAND_STORAGE_DUMP: return dump_log(s, &c->words, c->flags->json, c->out, error);
  default: return look_stat(s, c->flags->json, c->out, error);
  }
}

int storage_command_look(const struct host_flags *flags, FILE *out, FILE *err) {
  const struct subject_source source = {"--plugin", "--set", flags->storage, &flags->storage_sets,
                                        .there = true};
  struct command *c = command_new(flags, out, err);
  struct subject *s;
  struct rkv_error error;
  enum rkv_status status;
  int code;
  if (!c) return HOST_EXIT_UNAVAILABLE;
  code = read_all(c, &source, 1);
  if (code == HOST_EXIT_OK) {
    s = &c->subjects[0];
    status = subject_open(s, c->place.id, &error);
    if (status == RKV_OK) status = look(c, s, &error);
    if (status != RKV_OK) code = failed(c, status, &error);
  }
  command_free(c);
  return code;
}
