/* map_test.c: the copy-on-write map, compared with the simplest correct one: a sorted array. */
#include "map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEYS_MAX 12000
#define COPIES 6

/* ---- memory that can run out ---- */

static long mallocs_left = -1; /* negative: no end */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size) {
  if (mallocs_left == 0) return NULL;
  if (mallocs_left > 0) mallocs_left--;
  return __real_malloc(size);
}

/* ---- the model ---- */

struct pair {
  uint8_t key[40];
  size_t key_len;
  unsigned value;
};

struct model {
  struct pair pairs[KEYS_MAX];
  size_t count;
};

static int compare(const struct pair *a, const uint8_t *key, size_t key_len) {
  size_t len = a->key_len < key_len ? a->key_len : key_len;
  int order = memcmp(a->key, key, len);
  return order != 0 ? order : (a->key_len > key_len) - (a->key_len < key_len);
}

/* Where the key is or would be. */
static size_t model_find(const struct model *m, const uint8_t *key, size_t key_len, bool *there) {
  size_t low = 0, high = m->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (compare(&m->pairs[middle], key, key_len) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  *there = low < m->count && compare(&m->pairs[low], key, key_len) == 0;
  return low;
}

static void model_put(struct model *m, const uint8_t *key, size_t key_len, unsigned value) {
  bool there;
  size_t at = model_find(m, key, key_len, &there);
  if (!there) {
    assert_true(m->count < KEYS_MAX);
    memmove(&m->pairs[at + 1], &m->pairs[at], (m->count - at) * sizeof m->pairs[0]);
    m->count++;
    memcpy(m->pairs[at].key, key, key_len);
    m->pairs[at].key_len = key_len;
  }
  m->pairs[at].value = value;
}

/* ---- acts ---- */

static enum rkv_status try_put(struct map *map, const uint8_t *key, size_t key_len,
                               unsigned value) {
  struct item *replaced, *item = item_new(key, key_len, (const uint8_t *)&value, sizeof value);
  enum rkv_status status = item ? map_put(map, item, &replaced) : RKV_NO_MEMORY;
  if (status == RKV_OK)
    item_drop(replaced);
  else
    item_drop(item);
  return status;
}

static void put(struct map *map, struct model *m, const uint8_t *key, size_t key_len,
                unsigned value) {
  assert_int_equal(try_put(map, key, key_len, value), RKV_OK);
  model_put(m, key, key_len, value);
}

static unsigned value_of(struct item *item) {
  struct rkv_buf answer = item_answer(item);
  unsigned value;
  assert_int_equal(answer.len, 2 + sizeof value); /* 0a 04 value */
  memcpy(&value, answer.data + 2, sizeof value);
  return value;
}

/* The walk gives exactly the model's pairs in its order. */
static void walks_as(const struct map *map, const struct model *m) {
  struct map_cursor cursor;
  struct item *item;
  size_t n = 0;
  assert_int_equal(map->count, m->count);
  map_walk(&cursor, map);
  for (; (item = map_next(&cursor)) != NULL; n++) {
    assert_true(n < m->count);
    assert_int_equal(item->key_len, m->pairs[n].key_len);
    assert_memory_equal(item->bytes, m->pairs[n].key, item->key_len);
    assert_int_equal(value_of(item), m->pairs[n].value);
  }
  assert_int_equal(n, m->count);
  assert_null(map_next(&cursor));
}

static void finds_as(const struct map *map, const struct model *m, const uint8_t *key,
                     size_t key_len) {
  bool there;
  size_t at = model_find(m, key, key_len, &there);
  struct item *item = map_find(map, key, key_len);
  assert_int_equal(item != NULL, there);
  if (there) assert_int_equal(value_of(item), m->pairs[at].value);
}

/* Keys of several kinds: short ones of few letters (with NUL), long common starts, numbers. */
static size_t random_key(unsigned kind, uint8_t *key) {
  size_t len = 0;
  switch (kind % 3) {
  case 0:
    len = (size_t)rand() % 7;
    for (size_t i = 0; i < len; i++) key[i] = (uint8_t)("\0\1a\xff"[rand() % 4]);
    return len;
  case 1:
    return (size_t)snprintf((char *)key, 40, "/registry/pods/namespace%02d/%03d", rand() % 20,
                            rand() % 100);
  default: return (size_t)snprintf((char *)key, 40, "%08d", rand() % 2000);
  }
}

/* ---- stories ---- */

/* Nothing is found in, and nothing walked over, a map of nothing; freeing and copying it is
 * free. */
static void empty_map(void **state) {
  struct map map = {NULL, 0}, copy = map_copy(&map);
  struct map_cursor cursor;
  (void)state;
  assert_null(map_find(&map, (const uint8_t *)"a", 1));
  map_walk(&cursor, &map);
  assert_null(map_next(&cursor));
  map_free(&map);
  map_free(&copy);
}

/* Random puts: after each the key is found as in the model; every so often a copy is taken or
 * dropped, and each copy stays what it was when it was taken. */
static void agrees_with_the_model(void **state) {
  struct map map = {NULL, 0}, copies[COPIES] = {{NULL, 0}};
  struct model *m = calloc(1 + COPIES, sizeof *m);
  (void)state;
  assert_non_null(m);
  srand(42);
  for (unsigned step = 0; step < 40000; step++) {
    uint8_t key[40];
    size_t len = random_key((unsigned)rand(), key);
    put(&map, m, key, len, step);
    finds_as(&map, m, key, len);
    len = random_key((unsigned)rand(), key);
    finds_as(&map, m, key, len);
    if (step % 997 == 0) {
      unsigned n = (unsigned)rand() % COPIES;
      walks_as(&copies[n], &m[1 + n]);
      map_free(&copies[n]);
      copies[n] = map_copy(&map);
      m[1 + n] = m[0];
    }
  }
  walks_as(&map, m);
  map_free(&map); /* the copies live on without the map */
  for (unsigned n = 0; n < COPIES; n++) walks_as(&copies[n], &m[1 + n]), map_free(&copies[n]);
  free(m);
}

/* Two copies that are both written go apart. */
static void copies_are_independent(void **state) {
  struct map a = {NULL, 0}, b;
  struct model *m = calloc(2, sizeof *m);
  uint8_t key[40];
  (void)state;
  assert_non_null(m);
  srand(1);
  for (unsigned i = 0; i < 3000; i++) put(&a, &m[0], key, random_key(2, key), i);
  b = map_copy(&a);
  m[1] = m[0];
  for (unsigned i = 0; i < 3000; i++) {
    put(&a, &m[0], key, random_key(1, key), i);
    put(&b, &m[1], key, random_key(0, key), i);
  }
  walks_as(&a, &m[0]);
  walks_as(&b, &m[1]);
  map_free(&b);
  walks_as(&a, &m[0]);
  map_free(&a);
  free(m);
}

/* Filled in order, upwards and downwards, then once more in place. */
static void fills_in_order(void **state) {
  struct model *m = calloc(1, sizeof *m);
  (void)state;
  assert_non_null(m);
  for (int down = 0; down < 2; down++) {
    struct map map = {NULL, 0};
    m->count = 0;
    for (unsigned round = 0; round < 2; round++)
      for (unsigned i = 0; i < 5000; i++) {
        char key[40];
        int len = snprintf(key, sizeof key, "a/long/common/start/%06u", down ? 9999 - i : i);
        put(&map, m, (uint8_t *)key, (size_t)len, round * 10000 + i);
      }
    walks_as(&map, m);
    map_free(&map);
  }
  free(m);
}

/* Keys that are each other's starts, with zeros behind them, are different keys. */
static void tells_zeros_apart(void **state) {
  struct map map = {NULL, 0};
  struct model *m = calloc(1, sizeof *m);
  uint8_t zeros[40] = {0}, as[40];
  (void)state;
  assert_non_null(m);
  memset(as, 'a', sizeof as);
  for (unsigned len = 0; len < 40; len++) {
    put(&map, m, zeros, len, len);
    put(&map, m, as, len, 100 + len);
    as[len] = 0; /* aaa\0\0\0 beside aaaaaa */
    put(&map, m, as, 39, 200 + len);
    as[len] = 'a';
  }
  for (unsigned len = 0; len < 40; len++) finds_as(&map, m, zeros, len), finds_as(&map, m, as, len);
  walks_as(&map, m);
  map_free(&map);
  free(m);
}

/* A put that runs out of memory, at whichever allocation, changes nothing that can be seen. */
static void survives_exhausted_memory(void **state) {
  struct map map = {NULL, 0}, copy = {NULL, 0};
  struct model *m = calloc(2, sizeof *m);
  unsigned failures = 0;
  (void)state;
  assert_non_null(m);
  srand(3);
  for (unsigned step = 0; step < 4000; step++) {
    uint8_t key[40];
    size_t len = random_key((unsigned)rand(), key);
    if (step % 100 == 0) { /* so that paths have to be copied */
      map_free(&copy);
      copy = map_copy(&map);
      m[1] = m[0];
    }
    for (long left = 0;; left++) {
      enum rkv_status status;
      mallocs_left = left;
      status = try_put(&map, key, len, step);
      mallocs_left = -1;
      if (status == RKV_OK) break;
      assert_int_equal(status, RKV_NO_MEMORY);
      finds_as(&map, m, key, len);
      if (++failures % 200 == 0) walks_as(&map, m);
    }
    model_put(m, key, len, step);
  }
  assert_true(failures > 4000); /* more than the items' own allocations failed */
  walks_as(&map, m);
  walks_as(&copy, &m[1]);
  map_free(&map);
  map_free(&copy);
  free(m);
}

enum { LARGE = 80000 };

/* Keys of several lengths, whose first bytes are alike. */
static struct map_key large_key(unsigned n, char *room, size_t size) {
  int len = snprintf(room, size, n % 3 ? "prefix-%u" : "%u", n * 2654435761u);
  return (struct map_key){(const uint8_t *)room, (size_t)len};
}

/* A prefetch, of keys that are there and of others, changes nothing and finds its way. */
static void prefetch_is_only_a_hint(void **state) {
  struct map map = {NULL, 0};
  char rooms[MAP_PREFETCH_MAX][24];
  struct map_key keys[MAP_PREFETCH_MAX] = {{(const uint8_t *)"", 0}};
  (void)state;
  map_prefetch(&map, keys, 1);
  for (unsigned n = 0; n < LARGE; n++) {
    struct map_key key = large_key(n, rooms[0], sizeof rooms[0]);
    assert_int_equal(try_put(&map, key.bytes, key.len, n), RKV_OK);
    if (n % 1000 != 0) continue;
    for (unsigned i = 1; i < MAP_PREFETCH_MAX; i++)
      keys[i] = large_key(n / 2 + i * 997, rooms[i], sizeof rooms[i]);
    map_prefetch(&map, keys, MAP_PREFETCH_MAX);
  }
  assert_int_equal(map.count, LARGE);
  for (unsigned n = 0; n < LARGE; n += 7) {
    struct map_key key = large_key(n, rooms[0], sizeof rooms[0]);
    assert_non_null(map_find(&map, key.bytes, key.len));
  }
  map_free(&map);
}

int main(void) {
  const struct CMUnitTest stories[] = {
      cmocka_unit_test(empty_map),
      cmocka_unit_test(agrees_with_the_model),
      cmocka_unit_test(fills_in_order),
      cmocka_unit_test(copies_are_independent),
      cmocka_unit_test(tells_zeros_apart),
      cmocka_unit_test(survives_exhausted_memory),
      cmocka_unit_test(prefetch_is_only_a_hint),
  };
  return cmocka_run_group_tests_name("sm-protobuf map", stories, NULL, NULL);
}
