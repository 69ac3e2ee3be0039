/* subject.h: one storage that a command looks into or copies, outside any node. */
#ifndef HOST_STORAGE_SUBJECT_H
#define HOST_STORAGE_SUBJECT_H

#include <host/config.h>
#include <host/services.h>
#include <host/storage/pending.h>

/* Where its settings come from. */
struct subject_source {
  const char *flag, *set_flag; /* "--from", "--set-from": named in problems */
  const char *plugin;          /* NULL: the one of the configuration's section [storage] */
  const struct host_sets *sets;
  bool there;   /* it must be there already: open would make an empty one */
  bool by_wire; /* settings.h */
};

struct subject {
  struct host_settings own;       /* of the flags */
  struct host_settings *settings; /* that it was read from; NULL: by somebody else */
  struct host_part part;
  struct host_services services;
  struct host_user *user; /* whose services it uses; NULL when it opens: a node's, by itself */
  rkv_node_id id;
  const struct rkv_storage_ops *ops;
  void *storage; /* NULL: not open */
  struct rkv_storage_state state;
  struct pending pending; /* what the storage has to complete */
};

/* Fills *subject, all zero before: loads the plugin, checks its settings. False after a problem;
 * in either case subject_free follows. */
bool subject_read(struct subject *subject, const struct subject_source *source,
                  struct host_place *place, struct host_problems *problems);

/* Opens the storage for the node `id` and loads its state. With `user` NULL, its log lines from
 * WARN on go to stderr. Errors: the plugin's, with its name before the text. */
enum rkv_status subject_open(struct subject *subject, rkv_node_id id, struct rkv_error *error);
/* Asks again what is held. Errors likewise. */
enum rkv_status subject_load(struct subject *subject, struct rkv_error *error);
/* Every operation has ended when it returns. */
void subject_close(struct subject *subject);
void subject_free(struct subject *subject);

const char *subject_name(const struct subject *subject);
bool subject_is_durable(const struct subject *subject);
/* Whether it holds a snapshot; one of the empty state counts, too. */
bool subject_has_snapshot(const struct subject *subject);
/* Nothing was ever stored. */
bool subject_is_empty(const struct subject *subject);
/* Says what is in it: RKV_INVALID. */
enum rkv_status subject_refuse_full(const struct subject *subject, struct rkv_error *error);
/* The directory in which it, or the storage under it, keeps its files, as it was given; NULL: they
 * have no option `dir`. */
const char *subject_folder(const struct host_part *part);

/* Every path of the storage leads to something: open makes nothing anew. */
bool subject_is_there(const struct subject *subject);
/* It and the storage under it have a directory each. */
bool subject_is_scattered(const struct host_part *part);

/* Two paths, as they were given. */
struct subject_meeting {
  const char *own, *other;
};

/* No path of the one, or of the storage under it, is a path of the other, or inside of it; `other`
 * need not be there yet. Else *meeting. */
bool subject_is_beside(const struct host_part *part, const struct host_part *other,
                       struct subject_meeting *meeting);

/* Puts the plugin's name before the text of a failed operation, and returns its status. */
enum rkv_status subject_said(const struct subject *subject, enum rkv_status status,
                             const char *operation, struct rkv_error *error);

#endif
