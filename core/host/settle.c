/* settle.c: follows the notes of retired storages to the one that the node goes on in. */
#include "settle.h"

#include <host/storage/note.h>
#include <host/storage/spell.h>
#include <host/storage/token.h>

#include <node/moved.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
  STEPS_MAX = 16, /* moves one after another, of a node that never started anew */
  WHERE_MAX = 320
};

/* What a step came to. */
enum settle_stop {
  STOP_HERE,    /* the node starts on `at` */
  STOP_MOVED,   /* `at` is retired, too */
  STOP_FORGOT,  /* the node went to a storage that forgets */
  STOP_MISSING, /* nothing is there */
  STOP_TROUBLE  /* `why` */
};

struct settle {
  const struct host_config *config;
  char folder[HOST_PATH_MAX];
  struct subject *from, *at; /* the retired one; the one that its note names */
  struct rkv_log_id last;    /* of the node's own log in `from` */
  rkv_index index;           /* the same of the first that was retired */
  char to[MOVED_TO_MAX + 1]; /* the note of `from`; "": it has none */
  char lines[2 * MOVED_TO_MAX];
  bool finished; /* the copy was finished here */
  struct rkv_error why;
};

/* ---- storages ---- */

static void close_subject(struct subject **s) {
  if (*s) subject_free(*s);
  free(*s);
  *s = NULL;
}

/* The configuration's own. */
static bool open_first(struct settle *s) {
  const struct host_part *part = &s->config->parts[HOST_PART_STORAGE];
  s->from = calloc(1, sizeof *s->from);
  if (!s->from) return false;
  s->from->part = *part;
  s->from->ops = part->plugin->ops;
  if (subject_open(s->from, s->config->node[HOST_NODE_ID].number, &s->why) != RKV_OK) return false;
  return s->from->state.identity.incarnation == RKV_INCARNATION_RETIRED;
}

static enum rkv_status save_finished(struct settle *s, struct rkv_identity identity) {
  struct rkv_completion *completion = pending_add(&s->at->pending);
  if (completion) s->at->ops->save_identity(s->at->storage, identity, completion);
  return subject_said(s->at, pending_wait(&s->at->pending, 0, &s->why), "save_identity", &s->why);
}

/* ---- one step ---- */

static enum settle_stop settle_open(struct settle *s) {
  char place[MOVED_TO_MAX + 1];
  struct rkv_identity finished;
  enum moved_left left;
  uint64_t token;
  (void)spell_note(s->at, place, sizeof place);
  if (token_read(subject_folder(&s->at->part), &token, &s->why) != RKV_OK) return STOP_TROUBLE;
  if (moved_settle(&s->from->state, &s->at->state, place, token, &left, &finished, &s->why) !=
      RKV_OK)
    return STOP_TROUBLE;
  if (left == MOVED_LEFT_FINISH) {
    if (save_finished(s, finished) != RKV_OK) return STOP_TROUBLE;
    s->finished = true;
    return STOP_HERE;
  }
  return s->at->state.identity.incarnation == RKV_INCARNATION_RETIRED ? STOP_MOVED : STOP_HERE;
}

/* ... and makes the subject that it is about. */
static bool read_note(struct settle *s) {
  const struct subject *from = s->from;
  if (moved_find_note(from->ops, from->storage, &from->state, &s->last, s->to, &s->why) != RKV_OK)
    return false;
  s->at = calloc(1, sizeof *s->at);
  if (!s->at)
    (void)rkv_fail(&s->why, RKV_NO_MEMORY, "out of memory");
  else if (!s->to[0])
    (void)rkv_fail(&s->why, RKV_NOT_FOUND, "there was no room to note where it is");
  return s->at && s->to[0];
}

static enum settle_stop settle_step(struct settle *s) {
  const struct note_place place = {s->folder, s->config->parts[HOST_PART_STORAGE].contract.number};
  s->lines[0] = '\0';
  if (!read_note(s)) return STOP_TROUBLE;
  if (note_read(s->to, &place, s->at, &s->why) != RKV_OK) return STOP_TROUBLE;
  (void)spell_lines(s->at, "; ", s->lines, sizeof s->lines);
  if (!subject_is_durable(s->at)) return STOP_FORGOT;
  if (!subject_is_there(s->at)) return STOP_MISSING;
  if (subject_open(s->at, s->from->id, &s->why) != RKV_OK) return STOP_TROUBLE;
  return settle_open(s);
}

static enum settle_stop follow_notes(struct settle *s) {
  enum settle_stop stop = STOP_MOVED;
  for (unsigned i = 0; i < STEPS_MAX && stop == STOP_MOVED; i++) {
    if (s->at) {
      close_subject(&s->from);
      s->from = s->at;
      s->at = NULL;
    }
    stop = settle_step(s);
    if (i == 0) s->index = s->last.index;
  }
  return stop;
}

/* ---- what the user is told ---- */

/* Where the section is to be changed. */
static void tell_where(const struct settle *s, char out[WHERE_MAX]) {
  const struct host_settings *settings = &s->config->settings;
  if (settings->from_file)
    (void)snprintf(out, WHERE_MAX, "in %.256s, section [storage]", settings->where);
  else
    (void)snprintf(out, WHERE_MAX, "by --set storage.KEY=VALUE");
}

static void tell_remedy(const struct settle *s, enum settle_stop stop,
                        char out[SETTLE_REMEDY_MAX]) {
  char where[WHERE_MAX];
  tell_where(s, where);
  switch (stop) {
  case STOP_HERE:
  case STOP_MOVED:
    (void)snprintf(out, SETTLE_REMEDY_MAX, " (%s, write: %s%s)", where, s->lines,
                   s->finished ? "; the node had ended before that copy was finished, which is "
                                 "done now"
                               : "");
    break;
  case STOP_FORGOT:
    (void)snprintf(
        out, SETTLE_REMEDY_MAX,
        ", which forgot its vote and its log when the node stopped (%s, name the storage "
        "that the node went to from there; if it did not, an empty place, or %s again: "
        "the leader takes the node in anew; this storage stays retired, remove it)",
        where, subject_name(s->at));
    break;
  case STOP_MISSING:
    (void)snprintf(out, SETTLE_REMEDY_MAX,
                   ", where nothing is (put that storage back, and %s, write: %s; if it is lost, "
                   "name an empty place, and the leader takes the node in anew)",
                   where, s->lines);
    break;
  case STOP_TROUBLE:
    (void)snprintf(out, SETTLE_REMEDY_MAX,
                   ", which was not to be looked into: %s (%s, name that storage, a plugin of your "
                   "own by its path; if the node says of it that it is an unfinished copy, finish "
                   "it by storage copy)",
                   s->why.text, where);
    break;
  }
}

static void tell_retired(const struct settle *s, enum settle_stop stop, struct rkv_error *error,
                         char remedy[SETTLE_REMEDY_MAX]) {
  (void)rkv_fail(error, RKV_FOREIGN, "%s: retired at index %" PRIu64 ", its node goes on in %s",
                 s->config->parts[HOST_PART_STORAGE].plugin->name, s->index,
                 s->to[0] ? s->to : "the storage that it was copied to");
  tell_remedy(s, stop, remedy);
}

void settle_retired(const struct host_config *config, struct rkv_error *error,
                    char remedy[SETTLE_REMEDY_MAX]) {
  struct settle *s = calloc(1, sizeof *s);
  if (!s) return;
  s->config = config;
  if (host_plugin_folder(config->node[HOST_NODE_PLUGIN_DIR].text, s->folder, &s->why) == RKV_OK &&
      open_first(s))
    tell_retired(s, follow_notes(s), error, remedy);
  close_subject(&s->at);
  close_subject(&s->from);
  free(s);
}
