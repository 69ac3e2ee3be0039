/* linear.c: linearizability of registers (linear.h).
 *
 * The search walks a list of calls and returns in time order. Linearizing an operation removes its
 * two events; a return that is reached before its operation was linearized is a dead end, and the
 * last choice is undone. A state (set of linearized operations, value) is never visited twice. */
#include "linear.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct event {
  struct event *prev, *next, *match; /* match: a call's return */
  const struct history_op *op;
  size_t number; /* of the operation */
  bool is_call;
};

struct state {
  uint64_t *bits;
  uint64_t value, hash;
};

struct search {
  size_t count, words;
  struct event *events; /* 2 * count, and a head */
  struct event head;
  uint64_t *bits, value;
  struct state *table; /* open addressing */
  size_t table_size, table_used;
  struct {
    struct event *call;
    uint64_t value;
  } * stack;
  size_t depth;
};

size_t history_add(struct history *h, struct history_op op) {
  if (h->count == h->capacity) {
    h->capacity = h->capacity ? h->capacity * 2 : 256;
    h->ops = realloc(h->ops, h->capacity * sizeof *h->ops);
    assert(h->ops);
  }
  h->ops[h->count] = op;
  return h->count++;
}

void history_free(struct history *h) {
  free(h->ops);
  *h = (struct history){0};
}

/* ---- visited states ---- */

static uint64_t hash_of(const struct search *s) {
  uint64_t h = s->value * UINT64_C(0x9e3779b97f4a7c15);
  for (size_t i = 0; i < s->words; i++) h = (h ^ s->bits[i]) * UINT64_C(0xff51afd7ed558ccd);
  return h ^ (h >> 29);
}

static struct state *probe(struct state *table, size_t size, const struct search *s, uint64_t hash,
                           const uint64_t *bits, uint64_t value) {
  size_t i = (size_t)hash & (size - 1);
  while (table[i].bits && (table[i].hash != hash || table[i].value != value ||
                           memcmp(table[i].bits, bits, s->words * sizeof *bits) != 0))
    i = (i + 1) & (size - 1);
  return &table[i];
}

static void grow(struct search *s) {
  size_t size = s->table_size ? s->table_size * 2 : 1024;
  struct state *table = calloc(size, sizeof *table);
  assert(table);
  for (size_t i = 0; i < s->table_size; i++)
    if (s->table[i].bits)
      *probe(table, size, s, s->table[i].hash, s->table[i].bits, s->table[i].value) = s->table[i];
  free(s->table);
  s->table = table;
  s->table_size = size;
}

/* Notes the present state; false if it was seen before. */
static bool visit(struct search *s) {
  if (s->table_used * 2 >= s->table_size) grow(s);
  uint64_t hash = hash_of(s);
  struct state *at = probe(s->table, s->table_size, s, hash, s->bits, s->value);
  if (at->bits) return false;
  at->bits = malloc(s->words * sizeof *at->bits);
  assert(at->bits);
  memcpy(at->bits, s->bits, s->words * sizeof *at->bits);
  at->value = s->value;
  at->hash = hash;
  s->table_used++;
  return true;
}

/* ---- the list of events ---- */

static void lift(struct event *e) {
  e->prev->next = e->next;
  if (e->next) e->next->prev = e->prev;
}

static void unlift(struct event *e) {
  e->prev->next = e;
  if (e->next) e->next->prev = e;
}

static uint64_t time_of(const struct event *e) {
  return e->is_call ? e->op->invoked : e->op->returned;
}

static int by_time(const void *a, const void *b) {
  const struct event *x = *(struct event *const *)a, *y = *(struct event *const *)b;
  if (time_of(x) != time_of(y)) return time_of(x) < time_of(y) ? -1 : 1;
  if (x->is_call != y->is_call) return x->is_call ? -1 : 1;
  return x->number < y->number ? -1 : x->number > y->number;
}

static void link_events(struct search *s) {
  size_t n = 2 * s->count;
  struct event **order = malloc((n + 1) * sizeof(struct event *));
  assert(order);
  for (size_t i = 0; i < n; i++) order[i] = &s->events[i];
  qsort(order, n, sizeof(struct event *), by_time);
  struct event *last = &s->head;
  for (size_t i = 0; i < n; i++) {
    order[i]->prev = last;
    last->next = order[i];
    last = order[i];
  }
  last->next = NULL;
  free(order);
}

/* ---- the search ---- */

/* Linearizes the call at `e` if the value allows and the state is new. */
static bool try_call(struct search *s, struct event *e) {
  uint64_t before = s->value;
  if (!e->op->write && e->op->value != s->value) return false;
  if (e->op->write) s->value = e->op->value;
  s->bits[e->number / 64] |= UINT64_C(1) << (e->number % 64);
  if (!visit(s)) {
    s->bits[e->number / 64] &= ~(UINT64_C(1) << (e->number % 64));
    s->value = before;
    return false;
  }
  s->stack[s->depth].call = e;
  s->stack[s->depth].value = before;
  s->depth++;
  lift(e);
  lift(e->match);
  return true;
}

static struct event *undo(struct search *s) {
  s->depth--;
  struct event *e = s->stack[s->depth].call;
  s->value = s->stack[s->depth].value;
  s->bits[e->number / 64] &= ~(UINT64_C(1) << (e->number % 64));
  unlift(e->match);
  unlift(e);
  return e->next;
}

/* True once only writes that never returned are left: they need not have happened. */
static bool only_open_left(const struct search *s) {
  for (const struct event *e = s->head.next; e; e = e->next)
    if (e->is_call && e->op->returned != HISTORY_OPEN) return false;
  return true;
}

static enum history_result run(struct search *s, size_t states_max) {
  struct event *e = s->head.next;
  while (s->head.next) {
    if (s->table_used > states_max) return HISTORY_TOO_HARD;
    if (e && e->is_call) {
      e = try_call(s, e) ? s->head.next : e->next;
    } else if (!e || e->op->returned == HISTORY_OPEN) {
      if (only_open_left(s)) return HISTORY_LINEARIZABLE;
      if (s->depth == 0) return HISTORY_BROKEN;
      e = undo(s);
    } else {
      if (s->depth == 0) return HISTORY_BROKEN;
      e = undo(s);
    }
  }
  return HISTORY_LINEARIZABLE;
}

static bool was_read(const struct history *h, const struct history_op *op) {
  for (size_t i = 0; i < h->count; i++)
    if (h->ops[i].key == op->key && !h->ops[i].write && h->ops[i].value == op->value) return true;
  return false;
}

static void search_free(struct search *s) {
  for (size_t i = 0; i < s->table_size; i++) free(s->table[i].bits);
  free(s->table);
  free(s->events);
  free(s->bits);
  free(s->stack);
}

static enum history_result check_key(const struct history *h, uint32_t key, size_t states_max) {
  struct search s = {0};
  s.events = calloc(2 * h->count + 1, sizeof *s.events);
  assert(s.events);
  for (size_t i = 0; i < h->count; i++) {
    const struct history_op *op = &h->ops[i];
    if (op->key != key) continue;
    /* A write of unknown outcome that nobody read may as well not have happened. */
    if (op->write && op->returned == HISTORY_OPEN && !was_read(h, op)) continue;
    struct event *call = &s.events[2 * s.count], *ret = call + 1;
    *call = (struct event){.match = ret, .op = op, .number = s.count, .is_call = true};
    *ret = (struct event){.op = op, .number = s.count};
    s.count++;
  }
  s.words = s.count / 64 + 1;
  s.bits = calloc(s.words, sizeof *s.bits);
  s.stack = calloc(s.count + 1, sizeof *s.stack);
  assert(s.bits && s.stack);
  link_events(&s);
  enum history_result result = run(&s, states_max);
  search_free(&s);
  return result;
}

enum history_result history_check(const struct history *h, size_t states_max, uint32_t *key) {
  uint32_t keys = 0;
  for (size_t i = 0; i < h->count; i++)
    if (h->ops[i].key >= keys) keys = h->ops[i].key + 1;
  for (*key = 0; *key < keys; ++*key) {
    enum history_result result = check_key(h, *key, states_max);
    if (result != HISTORY_LINEARIZABLE) return result;
  }
  return HISTORY_LINEARIZABLE;
}
