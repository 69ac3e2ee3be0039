/* claim.c: reads and writes the file that says whose directory it is. */
#include "claim.h"

#include "crc32c.h"
#include "refuse.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_MAX = 160, CHECK = 15 }; /* bytes: of all before the lines, and of the last line */

/* A first claim that a crash ends leaves nothing that counts: a leading dot is nobody's. */
static const char first_temporary[] = "." OWNED_FILE;

static const char *const state_names[] = {
#define CLAIM_STATE_NAME(name, text) text,
    CLAIM_STATE_LIST(CLAIM_STATE_NAME)
#undef CLAIM_STATE_NAME
};

static enum rkv_status claim_no_memory(const struct claim *c, struct rkv_error *error) {
  return rkv_fail(error, RKV_NO_MEMORY, "%s/%s: no memory for it", c->log->folder.path, OWNED_FILE);
}

/* ---- write ---- */

static void print_check(const char *text, size_t len, char check[CHECK + 1]) {
  (void)snprintf(check, CHECK + 1, "check %08" PRIx32 "\n", crc32c(0, text, len));
}

static enum rkv_status claim_put(const struct claim *c, const char *name, const char *text,
                                 struct rkv_error *error) {
  struct folder folder = c->log->folder;
  int fd;
  enum rkv_status status;
  folder.sync = true;
  status = folder_open_file(&folder, name, O_RDWR | O_CREAT | O_TRUNC, &fd, error);
  if (status != RKV_OK) return status;
  status = folder_write(&folder, fd, name, text, strlen(text), 0, error);
  if (status == RKV_OK) status = folder_sync_file(&folder, fd, name, error);
  folder_close_file(&folder, fd);
  return status == RKV_OK ? folder_rename(&folder, name, OWNED_FILE, error) : status;
}

enum rkv_status claim_write(const struct claim *c, enum claim_state state, const char *lines,
                            struct rkv_error *error) {
  size_t max = HEAD_MAX + strlen(lines) + CHECK + 1;
  char *text = malloc(max);
  enum rkv_status status;
  int len;
  if (!text) return claim_no_memory(c, error);
  len = snprintf(text, max, "raft-key-value %.64s\nformat %u\nnode %" PRIu64 "\n%s\n%s",
                 c->log->ops->plugin, c->format, c->log->host->node_id, state_names[state], lines);
  print_check(text, (size_t)len, text + len);
  status = claim_put(c, state == CLAIM_NEW ? first_temporary : OWNED_FILE_NEW, text, error);
  free(text);
  return status;
}

/* ---- read ---- */

struct claim_head {
  unsigned format;
  rkv_node_id node_id;
  char state[16];
};

static void put_lines(char *lines, size_t max, const char *at, size_t len) {
  if (max > 0) (void)snprintf(lines, max, "%.*s", (int)len, at);
}

/* The lines stand from `at` to the checksum. False: these are other bytes. */
static bool take_lines(const char *text, const char *at, char *lines, size_t max) {
  size_t len = strlen(at);
  char check[CHECK + 1];
  if (len < CHECK || (len > CHECK && len - CHECK >= max)) return false;
  len -= CHECK;
  print_check(text, (size_t)(at - text) + len, check);
  put_lines(lines, max, at, len);
  return strcmp(at + len, check) == 0;
}

static bool take_state(const char *name, enum claim_state *state) {
  unsigned found = 0;
  while (found < CLAIM_STATES && strcmp(name, state_names[found]) != 0) found++;
  *state = (enum claim_state)found;
  return found < CLAIM_STATES;
}

static enum rkv_status claim_parse(const struct claim *c, const char *text, enum claim_state *state,
                                   char *lines, size_t max, struct rkv_error *error) {
  struct claim_head head = {0};
  char where[PATH_MAX];
  int found, len = 0;
  enum rkv_status status;
  (void)snprintf(where, sizeof where, "%.*s/%s", PATH_MAX - 16, c->log->folder.path, OWNED_FILE);
  status = owned_check_plugin(where, c->log->ops->plugin, text, strlen(text), error);
  if (status != RKV_OK) return status;
  found = sscanf(text, "%*[^\n]\nformat %u\nnode %" SCNu64 "\n%15[a-z]\n%n", &head.format,
                 &head.node_id, head.state, &len);
  if (found >= 1) status = owned_check_format(where, head.format, c->format, error);
  if (status != RKV_OK) return status;
  put_lines(lines, max, "", 0);
  if (found != 3 || len == 0 || head.format == 0 || !take_state(head.state, state) ||
      (head.format <= c->format_unchecked ? text[len] != '\0'
                                          : !take_lines(text, text + len, lines, max)))
    return rkv_fail(error, RKV_CORRUPT, "%s: does not say whose directory this is", where);
  return owned_check_node(where, head.node_id, c->log->host->node_id, error);
}

static enum rkv_status claim_read(const struct claim *c, char *text, size_t max,
                                  struct rkv_error *error) {
  size_t got = 0;
  int fd;
  enum rkv_status status = folder_open_file(&c->log->folder, OWNED_FILE, O_RDONLY, &fd, error);
  if (status != RKV_OK) return status;
  status = folder_read(&c->log->folder, fd, OWNED_FILE, text, max, 0, &got, error);
  folder_close_file(&c->log->folder, fd);
  text[got] = '\0';
  return status;
}

/* ---- a directory that nobody has claimed ---- */

static enum folder_maker claim_maker(const void *arg, const char *name) {
  const struct claim *c = arg;
  if (strcmp(name, OWNED_FILE_NEW) == 0) return FOLDER_OURS;
  for (const char *const *our = c->ours; *our; our++)
    if (fnmatch(*our, name, 0) == 0) return FOLDER_OURS;
  return FOLDER_OTHERS;
}

static enum rkv_status claim_check_new(const struct claim *c, struct rkv_error *error) {
  const char *path = c->log->folder.path, *maker;
  struct folder_found found;
  enum rkv_status status = folder_look(&c->log->folder, claim_maker, c, &found, error);
  if (status != RKV_OK) return status;
  if (found.ours[0])
    return rkv_fail(error, RKV_CORRUPT,
                    "%s/%s is missing beside %s; if that is another program's, give the node a "
                    "directory of its own instead",
                    path, OWNED_FILE, found.ours);
  if (!found.others[0]) return RKV_OK;
  maker = c->maker ? c->maker(found.others) : NULL;
  return rkv_fail(error, RKV_FOREIGN,
                  "%s: holds %s, which %s made (give each storage a directory of its own)", path,
                  found.others, maker ? maker : "somebody else");
}

enum rkv_status claim_take(const struct claim *c, enum claim_state *state, char *lines, size_t max,
                           struct rkv_error *error) {
  size_t text_max = HEAD_MAX + max + CHECK;
  char *text;
  enum rkv_status status;
  *state = CLAIM_NEW;
  put_lines(lines, max, "", 0);
  if (folder_lacks(&c->log->folder, OWNED_FILE)) {
    status = claim_check_new(c, error);
    return status == RKV_OK ? claim_write(c, CLAIM_NEW, "", error) : status;
  }
  text = malloc(text_max + 1);
  if (!text) return claim_no_memory(c, error);
  status = claim_read(c, text, text_max, error);
  if (status == RKV_OK) status = claim_parse(c, text, state, lines, max, error);
  free(text);
  return status;
}
