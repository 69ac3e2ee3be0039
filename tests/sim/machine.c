/* machine.c: the real state machine, watched: every entry applied is compared with what any node
 * applied at its index, and what the machine then holds with what it must; a restored state goes on
 * where the snapshot says, and holds what applying would have made of it.
 *
 * In some seeds it outlives its node: it is durable by itself, at every call, and must never be
 * ahead of what its node's disk holds (a node whose two sides contradict each other does not
 * start). */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "sim.h"

#define INSTALL_OPERATIONS 7 /* of the device, and one more */

struct machine {
  struct sim *sim;
  rkv_node_id id;
  void *inner;
  rkv_index applied;
};

struct restore {
  struct machine *machine;
  void *inner;
  rkv_index last;
};

/* The inner operations: one state machine plugin for the whole process. */
static const struct rkv_state_machine_ops *inner_of(const struct machine *m) {
  return ((struct rkv_state_machine_ops *const *)m->sim->w->sm)[-1];
}

static enum rkv_status machine_open(const struct rkv_host *host, const struct rkv_config *config,
                                    void **sm, struct rkv_error *error) {
  struct world_node *wn = host->ctx;
  struct sim *s = sim_of(wn->world);
  struct machine *m = s->nodes[wn->id].machine;
  s->nodes[wn->id].machine = NULL;
  if (m) { /* its host lies where it lay */
    if (m->applied > 0) sim_count(s, SIM_EFFECT_KEPT);
    *sm = m;
    return RKV_OK;
  }
  m = calloc(1, sizeof *m);
  assert(m);
  m->sim = s;
  m->id = wn->id;
  s->nodes[wn->id].astray = false;
  enum rkv_status status = inner_of(m)->open(host, config, &m->inner, error);
  if (status == RKV_OK)
    *sm = m;
  else
    free(m);
  return status;
}

static void end(struct machine *m) {
  inner_of(m)->close(m->inner);
  free(m);
}

static void machine_close(void *sm) {
  struct machine *m = sm;
  if (m->sim->durable)
    m->sim->nodes[m->id].machine = m;
  else
    end(m);
}

void machine_wipe(struct sim *s, rkv_node_id id) {
  if (s->nodes[id].machine) end(s->nodes[id].machine);
  s->nodes[id].machine = NULL;
}

static enum rkv_status machine_validate(void *sm, struct rkv_buf command, struct rkv_error *error) {
  struct machine *m = sm;
  return inner_of(m)->validate(m->inner, command, error);
}

/* What the machine holds at `applied`: the same on every node, applied or restored. */
static void check_values(struct machine *m) {
  struct sim *s = m->sim;
  struct rkv_error error;
  if (m->applied >= s->committed_count || s->committed[m->applied].hash == 0) return;
  for (uint32_t key = 0; key < SIM_KEYS; key++) {
    uint8_t request[CLIENT_KEY_MAX];
    struct rkv_buf response = rkv_buf_none();
    size_t len = client_put_key(request, key);
    if (inner_of(m)->query(m->inner, rkv_buf_static(request, len), &response, &error) != RKV_OK)
      return; /* memory is short */
    uint64_t value = client_value_in(response);
    rkv_buf_drop(&response);
    if (value != s->committed[m->applied].values[key])
      sim_fail(s,
               "node %" PRIu64 " holds %" PRIu64 " for key-%u at index %" PRIu64 ", %" PRIu64
               " was written",
               m->id, value, key, m->applied, s->committed[m->applied].values[key]);
  }
}

/* Memory was short: some entries of a batch may be applied. */
static void note_applied(struct machine *m) {
  struct rkv_snapshot_meta meta = {0};
  struct rkv_error error;
  if (inner_of(m)->applied(m->inner, &meta, &error) == RKV_OK) m->applied = meta.last.index;
  rkv_buf_drop(&meta.membership);
}

static enum rkv_status machine_apply(void *sm, const struct rkv_entry *entries, size_t count,
                                     struct rkv_buf *results, struct rkv_error *error) {
  struct machine *m = sm;
  for (size_t i = 0; i < count; i++)
    if (entries[i].id.index != m->applied + 1 + i)
      sim_fail(m->sim, "node %" PRIu64 " applies index %" PRIu64 " after %" PRIu64, m->id,
               entries[i].id.index, m->applied + i);
  check_applied(m->sim, m->id, entries, count);
  enum rkv_status status = inner_of(m)->apply(m->inner, entries, count, results, error);
  if (status != RKV_OK) {
    note_applied(m);
    return status;
  }
  m->applied = entries[count - 1].id.index;
  check_values(m);
  return RKV_OK;
}

static enum rkv_status machine_query(void *sm, struct rkv_buf request, struct rkv_buf *response,
                                     struct rkv_error *error) {
  struct machine *m = sm;
  return inner_of(m)->query(m->inner, request, response, error);
}

static enum rkv_status machine_digest(void *sm, uint64_t *value, struct rkv_error *error) {
  struct machine *m = sm;
  enum rkv_status status = inner_of(m)->digest(m->inner, value, error);
  if (status == RKV_OK) *value = astray_digest(m->sim, m->id, m->applied, *value);
  return status;
}

static enum rkv_status machine_applied(void *sm, struct rkv_snapshot_meta *meta,
                                       struct rkv_error *error) {
  struct machine *m = sm;
  return inner_of(m)->applied(m->inner, meta, error);
}

struct view {
  struct machine *machine;
  void *inner;
};

static enum rkv_status machine_snapshot_begin(void *sm, void **snapshot,
                                              struct rkv_snapshot_meta *meta,
                                              struct rkv_error *error) {
  struct machine *m = sm;
  struct view *v = calloc(1, sizeof *v);
  assert(v);
  v->machine = m;
  enum rkv_status status = inner_of(m)->snapshot_begin(m->inner, &v->inner, meta, error);
  if (status == RKV_OK)
    *snapshot = v;
  else
    free(v);
  return status;
}

static enum rkv_status machine_snapshot_read(void *snapshot, size_t max, struct rkv_buf *chunk,
                                             struct rkv_error *error) {
  struct view *v = snapshot;
  return inner_of(v->machine)->snapshot_read(v->inner, max, chunk, error);
}

static void machine_snapshot_end(void *snapshot) {
  struct view *v = snapshot;
  inner_of(v->machine)->snapshot_end(v->inner);
  free(v);
}

/* A snapshot that is sent to a running node; the second one in a life is a repetition. */
static void note_install(struct machine *m) {
  struct sim *s = m->sim;
  struct world_node *wn = &s->w->nodes[m->id];
  if (!wn->running) return;
  sim_cover(s, SIM_OP_INSTALL);
  if (s->nodes[m->id].installs_life == wn->life) sim_cover(s, SIM_OP_INSTALL_AGAIN);
  s->nodes[m->id].installs_life = wn->life;
}

static enum rkv_status machine_restore_begin(void *sm, const struct rkv_snapshot_meta *meta,
                                             void **restore, struct rkv_error *error) {
  struct machine *m = sm;
  struct restore *r = calloc(1, sizeof *r);
  assert(r);
  r->machine = m;
  r->last = meta->last.index;
  note_install(m);
  if (!m->sim->w->nodes[m->id].running && m->applied > 0) sim_count(m->sim, SIM_EFFECT_BEHIND);
  enum rkv_status status = inner_of(m)->restore_begin(m->inner, meta, &r->inner, error);
  if (status == RKV_OK)
    *restore = r;
  else
    free(r);
  return status;
}

static enum rkv_status machine_restore_write(void *restore, struct rkv_buf chunk,
                                             struct rkv_error *error) {
  struct restore *r = restore;
  return inner_of(r->machine)->restore_write(r->inner, chunk, error);
}

/* Power goes when the snapshot is durable: its storage has named it, and goes on. */
static void cut_behind(struct machine *m) {
  struct sim *s = m->sim;
  struct device_faults *f = disk_faults(s->nodes[m->id].disk);
  if (s->healing || !s->w->nodes[m->id].running ||
      s->active[SIM_FAULT_POWER_INSTALL] <= s->w->now_ns || f->power_after > 0)
    return;
  f->power_after = INSTALL_OPERATIONS + world_random(s->w) % 3;
  sim_count(s, SIM_EFFECT_CUT_INSTALL);
}

static enum rkv_status machine_restore_check(void *restore, struct rkv_error *error) {
  struct restore *r = restore;
  enum rkv_status status = inner_of(r->machine)->restore_check(r->inner, error);
  if (status == RKV_OK) cut_behind(r->machine);
  return status;
}

static enum rkv_status machine_restore_finish(void *restore, struct rkv_error *error) {
  struct restore *r = restore;
  struct machine *m = r->machine;
  enum rkv_status status = inner_of(m)->restore_finish(r->inner, error);
  if (status == RKV_OK && r->last < m->applied)
    sim_fail(m->sim, "node %" PRIu64 " went back from %" PRIu64 " to a snapshot of %" PRIu64, m->id,
             m->applied, r->last);
  if (status == RKV_OK) {
    m->applied = r->last;
    m->sim->nodes[m->id].astray = false;
    check_values(m);
  }
  free(r);
  return status;
}

static void machine_restore_abort(void *restore) {
  struct restore *r = restore;
  if (r->machine->sim->w->nodes[r->machine->id].running)
    sim_cover(r->machine->sim, SIM_OP_INSTALL_BROKEN);
  inner_of(r->machine)->restore_abort(r->inner);
  free(r);
}

/* The watching table, with the watched one just before it. */
struct watched {
  const struct rkv_state_machine_ops *inner;
  struct rkv_state_machine_ops ops;
};

_Static_assert(offsetof(struct watched, ops) == sizeof(void *), "inner_of looks just before");

void machine_watch(struct sim *s) {
  struct watched *watched = calloc(1, sizeof *watched);
  assert(watched);
  watched->inner = s->w->sm;
  watched->ops = (struct rkv_state_machine_ops){.open = machine_open,
                                                .close = machine_close,
                                                .validate = machine_validate,
                                                .apply = machine_apply,
                                                .query = machine_query,
                                                .applied = machine_applied,
                                                .snapshot_begin = machine_snapshot_begin,
                                                .snapshot_read = machine_snapshot_read,
                                                .snapshot_end = machine_snapshot_end,
                                                .restore_begin = machine_restore_begin,
                                                .restore_write = machine_restore_write,
                                                .restore_finish = machine_restore_finish,
                                                .restore_abort = machine_restore_abort,
                                                .restore_check = machine_restore_check,
                                                .digest = machine_digest};
  s->w->sm = &watched->ops;
}

void machine_unwatch(struct sim *s) {
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) machine_wipe(s, id);
  struct watched *watched =
      (struct watched *)((char *)(uintptr_t)s->w->sm - offsetof(struct watched, ops));
  s->w->sm = watched->inner;
  free(watched);
}
