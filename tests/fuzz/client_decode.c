/* client_decode.c: any bytes as a request of a client or an operator. What is taken is whole: a
 * membership that core/raft may be given, a learner with an address. */
#include <raft-wire/wire/codec.h>
#include "fuzz.h"

#include <node/swap_words.h>

static void init(struct rkv_buf message) {
  static struct rkv_membership membership;
  struct rkv_error error = {0};
  enum rkv_status status = codec_init_decode(message, &membership, &error);
  check_refusal(status, &error);
  if (status == RKV_OK) FUZZ_CHECK(rkv_membership_check(&membership, &error) == RKV_OK);
}

static void add_learner(struct rkv_buf message) {
  struct rkv_membership_call call = {0};
  struct rkv_error error = {0};
  enum rkv_status status = codec_add_learner_decode(message, &call, &error);
  check_refusal(status, &error);
  if (status == RKV_OK) FUZZ_CHECK(memchr(call.learner.addr, 0, sizeof call.learner.addr));
}

static void change(struct rkv_buf message) {
  struct rkv_membership_call call = {0};
  struct rkv_error error = {0};
  enum rkv_status status = codec_change_membership_decode(message, &call, &error);
  check_refusal(status, &error);
  if (status != RKV_OK) return;
  FUZZ_CHECK(call.voters.count <= RKV_NODES_MAX);
  for (uint32_t i = 1; i < call.voters.count; i++)
    FUZZ_CHECK(call.voters.ids[i - 1] < call.voters.ids[i]);
}

static void transfer(struct rkv_buf message) {
  struct rkv_transfer_call call = {0};
  struct rkv_error error = {0};
  check_refusal(codec_transfer_decode(message, &call, &error), &error);
}

static void correct(struct rkv_buf message) {
  struct rkv_membership_call moved = {0}, gone = {0};
  struct rkv_error error = {0};
  enum rkv_status status = codec_set_address_decode(message, &moved, &error);
  check_refusal(status, &error);
  if (status == RKV_OK)
    FUZZ_CHECK(moved.learner.id != 0 && memchr(moved.learner.addr, 0, sizeof moved.learner.addr));
  status = codec_remove_decode(message, &gone, &error);
  check_refusal(status, &error);
  if (status == RKV_OK) FUZZ_CHECK(gone.learner.id != 0);
}

/* What is taken are texts that the call owns, of a name and of keys with values. */
static void swap(struct rkv_buf message) {
  struct rkv_swap_call call = {0};
  struct rkv_error error = {0};
  void *space;
  enum rkv_status status = codec_swap_decode(message, &call, &space, &error);
  check_refusal(status, &error);
  FUZZ_CHECK((status == RKV_OK) == (space != NULL));
  if (status == RKV_OK) {
    FUZZ_CHECK(call.action <= RKV_SWAP_CANCEL && !strchr(call.plugin, '/'));
    FUZZ_CHECK(call.setting_count <= RKV_SWAP_SETTINGS_MAX);
    for (size_t i = 0; i < call.setting_count; i++) FUZZ_CHECK(strchr(call.settings[i], '='));
  }
  free(space);
}

/* What is taken has a name that can be one, and bytes inside of the message. */
static void admin(struct rkv_buf message) {
  struct rkv_admin_call call = {0};
  struct rkv_error error = {0};
  void *space;
  enum rkv_status status = codec_admin_decode(message, &call, &space, &error);
  check_refusal(status, &error);
  if (status == RKV_OK) {
    FUZZ_CHECK(!rkv_admin_method_refusal(call.method) && call.request.len <= message.len);
    FUZZ_CHECK(call.request.len == 0 ||
               (call.request.data >= message.data &&
                call.request.data + call.request.len <= message.data + message.len));
  }
  free(space);
}

/* The lines by which an operator moves the storage. */
static void words(struct rkv_buf message) {
  struct rkv_swap_call call = {0}, again = {0};
  struct rkv_error error = {0};
  void *space, *space_again = NULL;
  enum rkv_status status = swap_words_read_request(message, &call, &space, &error);
  check_refusal(status, &error);
  if (status == RKV_OK) {
    size_t len;
    char *text = swap_words_request(&call, &len);
    FUZZ_CHECK(text);
    FUZZ_CHECK(swap_words_read_request(rkv_buf_static(text, len), &again, &space_again, &error) ==
               RKV_OK);
    FUZZ_CHECK(again.action == call.action && again.setting_count == call.setting_count);
    FUZZ_CHECK(strcmp(again.plugin, call.plugin) == 0);
    free(space_again);
    free(text);
  }
  free(space);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct rkv_buf message = {data, size, NULL};
  init(message);
  add_learner(message);
  change(message);
  transfer(message);
  correct(message);
  swap(message);
  admin(message);
  words(message);
  return 0;
}
