/* writable_test.c: the writable data of a file is found, and no file harms its reader. */
#include "writable.h"

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

static void other_files_are_none(void **state) {
  struct writable w;
  (void)state;
  assert_false(writable_read(&w, "/dev/null"));
  assert_false(writable_read(&w, "/nowhere"));
  assert_false(writable_read(&w, __FILE__));
}

/* Cut anywhere, or with bytes changed in its head and its table of sections. */
static void damage_does_no_harm(void **state) {
  enum { CHANGES = 3000 };
  char path[] = "/tmp/writable_test.XXXXXX";
  int fd = mkstemp(path);
  FILE *own = fopen("/proc/self/exe", "rbe");
  struct writable w;
  uint8_t *bytes;
  long size;
  (void)state;
  assert_true(fd >= 0 && own);
  assert_int_equal(fseek(own, 0, SEEK_END), 0);
  size = ftell(own);
  bytes = malloc((size_t)size);
  assert_non_null(bytes);
  rewind(own);
  assert_int_equal(fread(bytes, 1, (size_t)size, own), size);
  assert_int_equal(pwrite(fd, bytes, (size_t)size, 0), size);
  srand(1);
  for (int i = 0; i < CHANGES; i++) {
    long table = size - 40 * 64; /* of sections: at the end */
    long at = i % 2 ? rand() % 64 : table + rand() % (40 * 64);
    uint8_t other = (uint8_t)rand();
    assert_int_equal(pwrite(fd, &other, 1, at), 1);
    (void)writable_read(&w, path);
    assert_true(w.count <= WRITABLE_LISTED_MAX);
    assert_int_equal(pwrite(fd, &bytes[at], 1, at), 1);
  }
  assert_true(writable_read(&w, path));
  for (long len = size; len > 0; len -= size / 100) {
    assert_int_equal(ftruncate(fd, len), 0);
    (void)writable_read(&w, path);
  }
  assert_int_equal(fclose(own), 0);
  (void)close(fd);
  (void)unlink(path);
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(objects_are_found),
      cmocka_unit_test(other_files_are_none),
      cmocka_unit_test(damage_does_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
