/* writable_test.c: the writable data of a file is found, and no file harms its reader. */
#include "writable.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What the test finds in itself. */
static volatile char shared_data[12345] = {1};
static volatile uint64_t shared_zeros[321];
static const char *const never_written[] = {"a", "b"};

static const struct writable_object *find(const struct writable *w, const char *name) {
  for (size_t i = 0; i < w->count; i++)
    if (strcmp(w->objects[i].name, name) == 0) return &w->objects[i];
  return NULL;
}

static void objects_are_found(void **state) {
  static struct writable w;
  (void)state;
  shared_data[0] = never_written[0][0];
  shared_zeros[0]++;
  assert_true(writable_read(&w, "/proc/self/exe"));
  assert_false(w.stripped);
  assert_non_null(find(&w, "shared_data"));
  assert_int_equal(find(&w, "shared_data")->size, sizeof shared_data);
  assert_int_equal(find(&w, "shared_zeros")->size, sizeof shared_zeros);
  assert_null(find(&w, "never_written"));
  assert_null(find(&w, "completed.0"));
  for (size_t i = 1; i < w.count; i++) assert_true(w.objects[i - 1].size >= w.objects[i].size);
}

/* ---- a copy of this program, to be changed ---- */

struct copy {
  char path[32];
  uint8_t *bytes; /* as they are in the program */
  long size;
  int fd;
};

static void copy_make(struct copy *c) {
  FILE *own = fopen("/proc/self/exe", "rbe");
  (void)snprintf(c->path, sizeof c->path, "/tmp/writable_test.XXXXXX");
  c->fd = mkstemp(c->path);
  assert_true(c->fd >= 0 && own);
  assert_int_equal(fseek(own, 0, SEEK_END), 0);
  c->size = ftell(own);
  c->bytes = malloc((size_t)c->size);
  assert_non_null(c->bytes);
  rewind(own);
  assert_int_equal(fread(c->bytes, 1, (size_t)c->size, own), c->size);
  assert_int_equal(pwrite(c->fd, c->bytes, (size_t)c->size, 0), c->size);
  assert_int_equal(fclose(own), 0);
}

/* Reads the copy while one byte of it is another one. */
static bool copy_read(const struct copy *c, long at, uint8_t other, struct writable *w) {
  bool good;
  assert_int_equal(pwrite(c->fd, &other, 1, at), 1);
  good = writable_read(w, c->path);
  assert_int_equal(pwrite(c->fd, &c->bytes[at], 1, at), 1);
  return good;
}

static void copy_end(struct copy *c) {
  (void)close(c->fd);
  (void)unlink(c->path);
  free(c->bytes);
}

static void other_files_are_none(void **state) {
  struct writable w;
  struct copy c;
  (void)state;
  assert_false(writable_read(&w, "/dev/null"));
  assert_false(writable_read(&w, "/nowhere"));
  assert_false(writable_read(&w, __FILE__));
  copy_make(&c);
  assert_false(copy_read(&c, EI_MAG0, 'x', &w));
  assert_false(copy_read(&c, EI_CLASS, ELFCLASS32, &w));
  assert_false(copy_read(&c, EI_DATA, c.bytes[EI_DATA] ^ (ELFDATA2LSB ^ ELFDATA2MSB), &w));
  assert_true(copy_read(&c, EI_PAD, 1, &w)); /* which says nothing */
  copy_end(&c);
}

/* Cut anywhere, or with bytes changed in its head and its table of sections. */
static void damage_does_no_harm(void **state) {
  enum { CHANGES = 3000 };
  struct writable w;
  struct copy c;
  (void)state;
  copy_make(&c);
  srand(1);
  for (int i = 0; i < CHANGES; i++) {
    long table = c.size - 40 * 64; /* of sections: at the end */
    long at = i % 2 ? rand() % 64 : table + rand() % (40 * 64);
    (void)copy_read(&c, at, (uint8_t)rand(), &w);
    assert_true(w.count <= WRITABLE_LISTED_MAX);
  }
  assert_true(writable_read(&w, c.path));
  for (long len = c.size; len > 0; len -= c.size / 100) {
    assert_int_equal(ftruncate(c.fd, len), 0);
    (void)writable_read(&w, c.path);
  }
  copy_end(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(objects_are_found),
      cmocka_unit_test(other_files_are_none),
      cmocka_unit_test(damage_does_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
