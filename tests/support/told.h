/* told.h: a completion that a test waits for. */
#ifndef SUPPORT_TOLD_H
#define SUPPORT_TOLD_H

#include <rkv/rkv.h>

struct told {
  struct rkv_completion completion;
  enum rkv_status status;
  bool has_error;
  char text[RKV_ERROR_TEXT_MAX]; /* the error's */
  int times;
};

void told_init(struct told *told);
/* Waits until it was told so often; fails the test after a while. */
void told_await(struct told *told, int times);
/* Waits until it was told, which must be once. */
enum rkv_status told_wait(struct told *told);
bool told_yet(struct told *told);

#endif
