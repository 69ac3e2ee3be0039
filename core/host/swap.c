/* swap.c: opens a storage beside the one that the node stands on. */
#include "swap.h"

#include "values.h"

#include <host/storage/spell.h>
#include <host/storage/token.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOG_MODULE "host"
#define LABEL "copy." /* before the plugin's name, in metrics and log */

/* What reading a request needs beside the subject; large. */
struct swap_reading {
  struct host_sets sets;
  struct host_place place;
  struct host_problems problems;
};

static struct host_seat *seat_now(struct host_swap *swap) {
  return &swap->seats[swap->now];
}

static struct host_seat *seat_beside(struct host_swap *swap) {
  return &swap->seats[1 - swap->now];
}

/* ---- what is asked for ---- */

static enum rkv_status check_allowed(const struct host_swap *swap, struct rkv_error *error) {
  const struct host_settings *settings = &swap->config->settings;
  if (swap->config->node[HOST_NODE_SWAP_STORAGE].number != 0) return RKV_OK;
  if (!settings->from_file)
    return rkv_fail(error, RKV_PRECONDITION,
                    "this node does not move to another storage (start it with --set "
                    "node.swap_storage=true)");
  return rkv_fail(error, RKV_PRECONDITION,
                  "this node does not move to another storage (set swap_storage = true in section "
                  "[node] of %.200s, and start it again)",
                  settings->where);
}

/* The file's hash is compared before it is loaded, because loading runs its constructors. */
static enum rkv_status check_plugin(const struct host_swap *swap, const char *name, char *folder,
                                    struct rkv_error *error) {
  const char *dir = swap->config->node[HOST_NODE_PLUGIN_DIR].text;
  const uint64_t level = swap->config->parts[HOST_PART_STORAGE].contract.number;
  char file[HOST_PATH_MAX];
  enum rkv_status status;
  if (name[0] == '\0' || name[0] == '.' || strchr(name, '/'))
    return rkv_fail(error, RKV_INVALID,
                    "\"%.100s\": not the name of a plugin (give one of this node's plugin_dir, as "
                    "storage-wal, and no path)",
                    name);
  status = host_plugin_folder(dir, folder, error);
  if (status == RKV_OK) status = host_plugin_file(folder, name, file, error);
  if (status != RKV_OK || !host_plugin_is_file(file)) return status; /* loading says it better */
  return host_contract_check(&(struct host_contract_asked){file, level, NULL}, NULL, error);
}

/* The worker reads the file of a secret, and must not wait at a pipe for who writes. That there is
 * no such file is said by who reads it. */
static enum rkv_status check_secret_file(const char *set, const char *value,
                                         struct rkv_error *error) {
  struct stat info;
  if (strncmp(value, HOST_FILE_PREFIX, strlen(HOST_FILE_PREFIX)) != 0 ||
      stat(value + strlen(HOST_FILE_PREFIX), &info) != 0 || S_ISREG(info.st_mode))
    return RKV_OK;
  return rkv_fail(error, RKV_INVALID, "\"%.100s\": not a plain file (write the secret into one)",
                  set);
}

static enum rkv_status take_settings(const struct node_swap_request *request,
                                     struct host_sets *sets, struct rkv_error *error) {
  if (request->setting_count > HOST_SETS_MAX)
    return rkv_fail(error, RKV_INVALID, "%zu settings (at most %d)", request->setting_count,
                    HOST_SETS_MAX);
  for (size_t i = 0; i < request->setting_count; i++) {
    const char *set = request->settings[i], *equals = strchr(set, '=');
    const size_t len = equals ? (size_t)(equals - set) : 0;
    if (len == 0)
      return rkv_fail(error, RKV_INVALID, "\"%.100s\": not KEY=VALUE (try dir=/path)", set);
    if ((len == strlen(HOST_PLUGIN_KEY) && strncmp(set, HOST_PLUGIN_KEY, len) == 0) ||
        (len == strlen(HOST_CONTRACT_KEY) && strncmp(set, HOST_CONTRACT_KEY, len) == 0))
      return rkv_fail(error, RKV_INVALID,
                      "\"%.100s\": no setting of a storage (leave it out; what the node's own "
                      "section [storage] asks for is asked for)",
                      set);
    if (check_secret_file(set, equals + 1, error) != RKV_OK) return RKV_INVALID;
    sets->list[sets->count++] = set;
  }
  return RKV_OK;
}

/* The plugin that a stacked one is to be built over is held to the same. */
static enum rkv_status check_swap_over(const struct host_swap *swap, const struct host_sets *sets,
                                       struct rkv_error *error) {
  static const char over[] = HOST_OVER_KEY "=";
  char folder[HOST_PATH_MAX];
  enum rkv_status status = RKV_OK;
  for (size_t i = 0; status == RKV_OK && i < sets->count; i++)
    if (strncmp(sets->list[i], over, strlen(over)) == 0)
      status = check_plugin(swap, sets->list[i] + strlen(over), folder, error);
  return status;
}

static enum rkv_status read_with(struct host_swap *swap, const struct node_swap_request *request,
                                 struct swap_reading *r, struct rkv_error *error) {
  const struct subject_source source = {.flag = "--plugin",
                                        .set_flag = "--set",
                                        .plugin = request->plugin,
                                        .sets = &r->sets,
                                        .by_wire = true};
  struct subject *s = seat_beside(swap)->subject;
  enum rkv_status status = check_plugin(swap, request->plugin, r->place.folder, error);
  if (status == RKV_OK) status = take_settings(request, &r->sets, error);
  if (status == RKV_OK) status = check_swap_over(swap, &r->sets, error);
  if (status != RKV_OK) return status;
  r->place.contract = swap->config->parts[HOST_PART_STORAGE].contract.number;
  if (!subject_read(s, &source, &r->place, &r->problems))
    return host_problems_tell(&r->problems, error);
  s->part.named = subject_name(s); /* the request is freed */
  return RKV_OK;
}

static enum rkv_status read_swap_request(struct host_swap *swap,
                                         const struct node_swap_request *request,
                                         struct rkv_error *error) {
  struct host_seat *seat = seat_beside(swap);
  struct swap_reading *r = calloc(1, sizeof *r);
  enum rkv_status status = RKV_NO_MEMORY;
  seat->subject = calloc(1, sizeof *seat->subject);
  if (r && seat->subject)
    status = read_with(swap, request, r, error);
  else
    (void)rkv_fail(error, RKV_NO_MEMORY, "out of memory");
  if (r) host_problems_free(&r->problems);
  free(r);
  return status;
}

/* ---- whether it fits ---- */

/* What the node would lose. */
static enum rkv_status check_forgets(struct host_swap *swap, bool forgetful,
                                     struct rkv_error *error) {
  const struct host_config *config = swap->config;
  const struct subject *s = seat_beside(swap)->subject;
  const uint64_t now = host_part_capabilities(seat_now(swap)->part);
  const struct host_part *machine = &config->parts[HOST_PART_STATE_MACHINE];
  if (subject_is_durable(s)) return RKV_OK;
  if (host_part_capabilities(machine) & RKV_CAP_DURABLE)
    return rkv_fail(error, RKV_PRECONDITION,
                    "%s forgets what it holds when the node stops, and %s does not: they would "
                    "contradict each other (name a durable storage, as storage-wal)",
                    subject_name(s), machine->plugin->name);
  if (!(now & RKV_CAP_DURABLE) || forgetful) return RKV_OK;
  return rkv_fail(error, RKV_PRECONDITION,
                  "%s forgets what it holds when the node stops: then its vote and its log are "
                  "gone, it has no vote until the leader has taken it in anew, and if a majority "
                  "of the voters is like this at once, everything is gone (name a durable storage, "
                  "or give --yes)",
                  subject_name(s));
}

static enum rkv_status check_fit(struct host_swap *swap, bool forgetful, struct rkv_error *error) {
  const struct host_part *now = seat_now(swap)->part;
  const struct subject *s = seat_beside(swap)->subject;
  struct subject_meeting meeting;
  if (subject_is_scattered(&s->part))
    return rkv_fail(
        error, RKV_PRECONDITION,
        "%s and %s under it have a directory each, and a running node moves to one (stop "
        "the node, and move it by raft-key-value storage copy)",
        subject_name(s), s->part.under->plugin->name);
  if (!subject_is_beside(now, &s->part, &meeting))
    return rkv_fail(error, RKV_INVALID,
                    "%.200s: the node's storage is there, or inside of it, or around it (name an "
                    "empty place outside of %.200s)",
                    meeting.other, meeting.own);
  return check_forgets(swap, forgetful, error);
}

static enum rkv_status check_is_empty(const struct subject *s, struct rkv_error *error) {
  if (subject_is_empty(s)) return RKV_OK;
  (void)subject_refuse_full(s, error);
  error->status = RKV_PRECONDITION;
  return RKV_PRECONDITION;
}

/* A place that is cut would lead elsewhere. */
static enum rkv_status spell_seat(struct host_seat *seat, struct rkv_error *error) {
  if (spell_note(seat->subject, seat->place, sizeof seat->place) > MOVED_TO_MAX ||
      spell_lines(seat->subject, "\n", seat->lines, sizeof seat->lines) >= sizeof seat->lines)
    return rkv_fail(error, RKV_INVALID,
                    "%s: the settings are too long to be noted in the storage that is left (at "
                    "most %d bytes)",
                    subject_name(seat->subject), MOVED_TO_MAX);
  return RKV_OK;
}

/* ---- open and close ---- */

static void close_seat(struct host_swap *swap, struct host_seat *seat) {
  struct subject *s = seat->subject;
  if (s) {
    subject_close(s);
    if (seat->shown) host_texts_hand_over(&swap->texts, &s->own.texts);
    subject_free(s);
    free(s);
  } else if (seat->storage) {
    host_services_drop_metrics(seat->user);
    seat->ops->close(seat->storage);
  }
  seat->subject = NULL;
  seat->storage = NULL;
  seat->shown = false;
}

/* ... and leaves nothing of it. */
static void drop_seat(struct host_swap *swap, struct host_seat *seat) {
  struct rkv_error error;
  close_seat(swap, seat);
  if (footprint_remove(&seat->footprint, &error) != RKV_OK)
    rkv_log(&swap->services->node.host, RKV_LOG_WARN, LOG_MODULE, "%s", error.text);
}

static enum rkv_status open_seat(struct host_swap *swap, struct rkv_error *error) {
  struct host_seat *seat = seat_beside(swap);
  struct subject *s = seat->subject;
  enum rkv_status status;
  if (swap->opened >= HOST_SWAP_OPENED_MAX)
    return rkv_fail(error, RKV_FULL,
                    "this node has opened %d storages for moves since it started (start it again)",
                    HOST_SWAP_OPENED_MAX);
  status = footprint_begin(&seat->footprint, subject_folder(&s->part), error);
  if (status != RKV_OK) return status;
  swap->opened++;
  seat->shown = true;
  (void)snprintf(seat->label, sizeof seat->label, LABEL "%s", subject_name(s));
  host_services_part(seat->user, seat->label);
  s->user = seat->user;
  status = subject_open(s, swap->services->node.host.node_id, error);
  if (status == RKV_OK && host_services_reported(seat->user, error))
    status = (enum rkv_status)error->status;
  if (status == RKV_OK) status = check_is_empty(s, error);
  if (status == RKV_OK) status = spell_seat(seat, error);
  return status;
}

static void give_seat(struct host_seat *seat) {
  struct subject *s = seat->subject;
  seat->part = &s->part;
  seat->ops = s->ops;
  seat->storage = s->storage;
  seat->given = (struct node_storage){.ops = seat->ops,
                                      .storage = seat->storage,
                                      .capabilities = host_part_capabilities(&s->part),
                                      .place = seat->place,
                                      .lines = seat->lines,
                                      .token = seat->token};
}

static enum rkv_status swap_open(void *ctx, const struct node_swap_request *request,
                                 const struct node_storage **out, struct rkv_error *error) {
  struct host_swap *swap = ctx;
  struct host_seat *seat = seat_beside(swap);
  enum rkv_status status = check_allowed(swap, error);
  assert(!seat->storage && !seat->subject); /* (M1) */
  *out = NULL;
  if (status != RKV_OK) return status;
  status = read_swap_request(swap, request, error);
  if (status == RKV_OK) status = check_fit(swap, request->forgetful, error);
  if (status == RKV_OK) status = open_seat(swap, error);
  if (status == RKV_OK && !request->check)
    status = token_draw(subject_folder(&seat->subject->part), &seat->token, error);
  if (status != RKV_OK || request->check) {
    drop_seat(swap, seat);
    return status;
  }
  give_seat(seat);
  *out = &seat->given;
  return RKV_OK;
}

static void swap_drop(void *ctx) {
  struct host_swap *swap = ctx;
  assert(seat_beside(swap)->storage);
  drop_seat(swap, seat_beside(swap));
}

static void swap_moved(void *ctx) {
  struct host_swap *swap = ctx;
  struct host_seat *left = seat_now(swap), *now = seat_beside(swap);
  assert(left->storage && now->storage);
  host_services_leave(left->user); /* its device may be why the node left */
  close_seat(swap, left);
  footprint_keep(&now->footprint);
  host_services_take(now->user, now->part->plugin->name);
  (void)pthread_mutex_lock(&swap->lock);
  swap->now = 1 - swap->now;
  (void)pthread_mutex_unlock(&swap->lock);
}

/* ---- life ---- */

void host_swap_init(struct host_swap *swap, const struct host_config *config,
                    struct host_services *services, void *storage) {
  const struct host_part *part = &config->parts[HOST_PART_STORAGE];
  memset(swap, 0, sizeof *swap);
  swap->storages = (struct node_storages){swap, swap_open, swap_drop, swap_moved};
  swap->config = config;
  (void)pthread_mutex_init(&swap->lock, NULL);
  swap->services = services;
  swap->seats[0].user = &services->parts[HOST_PART_STORAGE];
  swap->seats[1].user = &services->beside;
  swap->seats[0].footprint.fd = swap->seats[1].footprint.fd = -1;
  swap->seats[0].part = part;
  swap->seats[0].ops = part->plugin->ops;
  swap->seats[0].storage = storage;
}

/* A seat's lines are written only while the node does not stand on it. */
bool host_swap_moved(struct host_swap *swap, char lines[2 * MOVED_TO_MAX]) {
  (void)pthread_mutex_lock(&swap->lock);
  (void)snprintf(lines, sizeof swap->seats[0].lines, "%s", seat_now(swap)->lines);
  (void)pthread_mutex_unlock(&swap->lock);
  return lines[0] != '\0';
}

/* Nothing is removed: the node may have to start on the copy. */
void host_swap_end(struct host_swap *swap) {
  for (size_t i = 0; i < 2; i++) {
    close_seat(swap, &swap->seats[i]);
    footprint_keep(&swap->seats[i].footprint);
  }
  host_texts_free(&swap->texts);
  (void)pthread_mutex_destroy(&swap->lock);
}
