/* device_test.c: the simulated device and the threads in virtual time: what is kept and what is
 * lost, who waits for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "device.h"
#include "turns.h"

enum { SECTOR = 512, ROUNDS = 200 };

struct bench {
  struct world *w;
  struct device *dev;
  const struct files *f;
  int dir;
};

static struct bench bench_new(uint64_t seed) {
  struct bench b = {.w = world_new(seed)};
  b.dev = device_new(b.w, NULL);
  b.f = device_files(b.dev);
  b.dir = b.f->open_dir(b.f->ctx, "disk");
  assert_true(b.dir > 0);
  return b;
}

static void bench_free(struct bench *b) {
  device_free(b->dev);
  world_free(b->w);
}

static int open_at(struct bench *b, const char *name) {
  int fd = b->f->open(b->f->ctx, b->dir, name, O_RDWR | O_CREAT);
  assert_true(fd > 0);
  return fd;
}

static void write_all(struct bench *b, int fd, uint8_t byte, size_t len, size_t to) {
  uint8_t *bytes = malloc(len);
  assert_non_null(bytes);
  memset(bytes, byte, len);
  for (size_t at = 0; at < len;) {
    struct iovec piece = {bytes + at, len - at};
    ssize_t wrote = b->f->write(b->f->ctx, fd, &piece, 1, (off_t)(to + at));
    assert_true(wrote > 0);
    at += (size_t)wrote;
  }
  free(bytes);
}

static uint8_t byte_at(struct bench *b, int fd, size_t at) {
  uint8_t byte = 0xff;
  assert_int_equal(b->f->read(b->f->ctx, fd, &byte, 1, (off_t)at), 1);
  return byte;
}

static void lose_power(struct bench *b) {
  device_kill(b->dev);
  b->f->close(b->f->ctx, b->dir);
  device_power_loss(b->dev);
  b->dir = b->f->open_dir(b->f->ctx, "disk");
}

/* What was synced, and its name too, is there after a loss of power; what was written over it is
 * there or has its old bytes, half a sector at least. */
static void synced_bytes_stay(void **state) {
  bool kept = false, lost = false, torn = false;
  (void)state;
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    struct bench b = bench_new(seed);
    int fd = open_at(&b, "file");
    write_all(&b, fd, 1, 4 * SECTOR, 0);
    assert_int_equal(b.f->sync(b.f->ctx, fd), 0);
    assert_int_equal(b.f->sync_dir(b.f->ctx, b.dir), 0);
    write_all(&b, fd, 2, SECTOR, 2 * SECTOR);
    b.f->close(b.f->ctx, fd);
    lose_power(&b);
    fd = open_at(&b, "file");
    for (size_t at = 0; at < 4 * SECTOR; at += SECTOR / 2)
      if (at / SECTOR != 2) assert_int_equal(byte_at(&b, fd, at), 1);
    uint8_t first = byte_at(&b, fd, 2 * SECTOR), last = byte_at(&b, fd, 3 * SECTOR - 1);
    assert_true(first >= last && last >= 1 && first <= 2);
    kept |= last == 2;
    lost |= first == 1;
    torn |= first != last;
    b.f->close(b.f->ctx, fd);
    b.f->close(b.f->ctx, b.dir);
    bench_free(&b);
  }
  assert_true(kept && lost && torn);
}

/* A change of names that was not synced happens or does not; one that was does. */
static void synced_names_stay(void **state) {
  bool old = false, new = false;
  (void)state;
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    struct bench b = bench_new(seed);
    struct stat info;
    b.f->close(b.f->ctx, open_at(&b, "one"));
    assert_int_equal(b.f->sync_dir(b.f->ctx, b.dir), 0);
    assert_int_equal(b.f->rename(b.f->ctx, b.dir, "one", "two"), 0);
    assert_int_equal(b.f->look(b.f->ctx, b.dir, "two", &info), 0);
    lose_power(&b);
    bool is_old = b.f->look(b.f->ctx, b.dir, "one", &info) == 0;
    assert_int_not_equal(is_old, b.f->look(b.f->ctx, b.dir, "two", &info) == 0);
    old |= is_old;
    new |= !is_old;
    b.f->close(b.f->ctx, b.dir);
    bench_free(&b);
  }
  assert_true(old && new);
}

/* A process that is killed leaves the cache; a loss of power after that does not. */
static void cache_survives_a_kill(void **state) {
  struct bench b = bench_new(1);
  (void)state;
  int fd = open_at(&b, "file");
  write_all(&b, fd, 1, 4 * SECTOR, 0);
  b.f->close(b.f->ctx, fd);
  device_kill(b.dev);
  b.f->close(b.f->ctx, b.dir);
  device_process_killed(b.dev);
  b.dir = b.f->open_dir(b.f->ctx, "disk");
  fd = open_at(&b, "file");
  for (size_t at = 0; at < 4 * SECTOR; at++) assert_int_equal(byte_at(&b, fd, at), 1);
  b.f->close(b.f->ctx, fd);
  b.f->close(b.f->ctx, b.dir);
  bench_free(&b);
}

/* After power is gone no operation reaches the device. */
static void the_dead_do_nothing(void **state) {
  struct bench b = bench_new(1);
  struct stat info;
  uint8_t byte = 1;
  struct iovec piece = {&byte, 1};
  (void)state;
  int fd = open_at(&b, "file");
  device_faults(b.dev)->power_after = 1;
  assert_int_equal(b.f->write(b.f->ctx, fd, &piece, 1, 0), -1);
  assert_int_equal(errno, EIO);
  assert_true(device_is_dead(b.dev));
  assert_int_equal(b.f->sync(b.f->ctx, fd), -1);
  assert_int_equal(b.f->sync_dir(b.f->ctx, b.dir), -1);
  assert_int_equal(b.f->rename(b.f->ctx, b.dir, "file", "other"), -1);
  assert_int_equal(b.f->unlink(b.f->ctx, b.dir, "file"), -1);
  assert_int_equal(b.f->look(b.f->ctx, b.dir, "file", &info), -1);
  b.f->close(b.f->ctx, fd);
  b.f->close(b.f->ctx, b.dir);
  device_process_killed(b.dev);
  bench_free(&b);
}

/* A full device refuses what grows, and takes what is written over; its free bytes say so, or do
 * not know (a quota). */
static void full_refuses_what_grows(void **state) {
  bool told = false, hidden = false;
  (void)state;
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    struct bench b = bench_new(seed);
    uint8_t byte = 1;
    struct iovec piece = {&byte, 1};
    uint64_t free_bytes;
    int fd = open_at(&b, "file");
    write_all(&b, fd, 1, SECTOR, 0);
    device_faults(b.dev)->full_after = 1;
    assert_int_equal(b.f->write(b.f->ctx, fd, &piece, 1, SECTOR), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(b.f->write(b.f->ctx, fd, &piece, 1, 0), 1);
    assert_int_equal(b.f->free_bytes(b.f->ctx, b.dir, &free_bytes), 0);
    told |= free_bytes == 0;
    hidden |= free_bytes > 0;
    device_calm(b.dev);
    assert_int_equal(b.f->write(b.f->ctx, fd, &piece, 1, SECTOR), 1);
    b.f->close(b.f->ctx, fd);
    b.f->close(b.f->ctx, b.dir);
    bench_free(&b);
  }
  assert_true(told && hidden);
}

/* After a sync that failed the cache may call clean what is not on the disk: whoever drops the
 * cache sees that. */
static void failed_sync_may_lose(void **state) {
  bool lost = false, kept = false;
  (void)state;
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    struct bench b = bench_new(seed);
    int fd = open_at(&b, "file");
    write_all(&b, fd, 1, SECTOR, 0);
    device_faults(b.dev)->sync_error_ppm = 1000000;
    assert_int_equal(b.f->sync(b.f->ctx, fd), -1);
    device_calm(b.dev);
    assert_int_equal(byte_at(&b, fd, 0), 1);
    b.f->forget(b.f->ctx, fd);
    lost |= byte_at(&b, fd, 0) == 0;
    kept |= byte_at(&b, fd, 0) == 1;
    b.f->close(b.f->ctx, fd);
    b.f->close(b.f->ctx, b.dir);
    bench_free(&b);
  }
  assert_true(lost && kept);
}

/* ---- threads ---- */

struct hall {
  struct turns *turns;
  pthread_mutex_t lock, slow;
  pthread_cond_t come;
  bool called, timed_out;
  char story[16];
};

static void after(void *arg) {
  (void)arg;
}

static void tell(struct hall *h, const char *what) {
  strncat(h->story, what, sizeof h->story - strlen(h->story) - 1);
}

static void *wait_for_a_call(void *arg) {
  struct hall *h = arg;
  const struct threads *t = turns_table(h->turns);
  t->lock(t->ctx, &h->lock);
  while (!h->called) t->wait(t->ctx, &h->come, &h->lock);
  tell(h, "b");
  (void)pthread_mutex_unlock(&h->lock);
  t->lock(t->ctx, &h->lock);
  h->timed_out = !t->wait_ms(t->ctx, &h->come, &h->lock, 250);
  tell(h, "c");
  (void)pthread_mutex_unlock(&h->lock);
  return NULL;
}

/* A thread waits until it is called, and then until a time is over, while the world goes on. */
static void threads_wait_in_virtual_time(void **state) {
  struct world *w = world_new(1);
  struct hall h = {.lock = PTHREAD_MUTEX_INITIALIZER, .come = PTHREAD_COND_INITIALIZER};
  struct thread *thread;
  (void)state;
  h.turns = turns_new(w, 1, after, NULL);
  const struct threads *t = turns_table(h.turns);
  assert_int_equal(t->start(t->ctx, &thread, wait_for_a_call, &h), 0);
  world_run(w, 1000000000);
  tell(&h, "a");
  t->lock(t->ctx, &h.lock);
  h.called = true;
  t->signal(t->ctx, &h.come);
  (void)pthread_mutex_unlock(&h.lock);
  world_run(w, 200000000);
  assert_string_equal(h.story, "ab");
  world_run(w, 100000000);
  assert_string_equal(h.story, "abc");
  assert_true(h.timed_out);
  t->join(t->ctx, thread);
  world_free(w);
  turns_free(h.turns);
}

static void *hold(void *arg) {
  struct hall *h = arg;
  const struct threads *t = turns_table(h->turns);
  t->lock(t->ctx, &h->slow);
  tell(h, "a");
  turns_sleep(h->turns, 1000000000);
  tell(h, "b");
  (void)pthread_mutex_unlock(&h->slow);
  return NULL;
}

static void *wait_in_vain(void *arg) {
  struct hall *h = arg;
  const struct threads *t = turns_table(h->turns);
  t->lock(t->ctx, &h->slow);
  h->timed_out = !t->wait_ms(t->ctx, &h->come, &h->slow, 100);
  tell(h, "c");
  (void)pthread_mutex_unlock(&h->slow);
  return NULL;
}

/* The time is over while another thread holds the mutex: the wait says so when it has it again. */
static void a_wait_that_is_over_says_so(void **state) {
  struct world *w = world_new(1);
  struct hall h = {.slow = PTHREAD_MUTEX_INITIALIZER, .come = PTHREAD_COND_INITIALIZER};
  struct thread *waiter, *holder;
  (void)state;
  h.turns = turns_new(w, 1, after, NULL);
  const struct threads *t = turns_table(h.turns);
  assert_int_equal(t->start(t->ctx, &waiter, wait_in_vain, &h), 0);
  world_run(w, 1000000);
  assert_int_equal(t->start(t->ctx, &holder, hold, &h), 0);
  world_run(w, 2000000000);
  assert_string_equal(h.story, "abc");
  assert_true(h.timed_out);
  t->join(t->ctx, waiter);
  t->join(t->ctx, holder);
  world_free(w);
  turns_free(h.turns);
}

/* The world's own thread that wants a mutex runs its holder on, and no time passes. */
static void who_waits_lets_others_run(void **state) {
  struct world *w = world_new(1);
  struct hall h = {.slow = PTHREAD_MUTEX_INITIALIZER};
  struct thread *thread;
  (void)state;
  h.turns = turns_new(w, 1, after, NULL);
  const struct threads *t = turns_table(h.turns);
  assert_int_equal(t->start(t->ctx, &thread, hold, &h), 0);
  world_run(w, 1000000);
  assert_string_equal(h.story, "a");
  uint64_t now = world_now(w);
  t->lock(t->ctx, &h.slow);
  assert_string_equal(h.story, "ab");
  assert_int_equal(world_now(w), now);
  (void)pthread_mutex_unlock(&h.slow);
  t->join(t->ctx, thread);
  world_free(w);
  turns_free(h.turns);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(synced_bytes_stay),
      cmocka_unit_test(synced_names_stay),
      cmocka_unit_test(cache_survives_a_kill),
      cmocka_unit_test(the_dead_do_nothing),
      cmocka_unit_test(full_refuses_what_grows),
      cmocka_unit_test(failed_sync_may_lose),
      cmocka_unit_test(threads_wait_in_virtual_time),
      cmocka_unit_test(a_wait_that_is_over_says_so),
      cmocka_unit_test(who_waits_lets_others_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
