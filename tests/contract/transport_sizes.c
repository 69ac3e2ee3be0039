/* transport_sizes.c: laws of sizes: large entries, empty entries, and appends that a peer refuses
 * as too large. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "texture.h"
#include "transport.h"

void transport_law_large_entries(struct contract *c);
void transport_law_oversized_is_split(struct contract *c);

enum { LARGE = 1 << 20, MANY = 300, LIMIT = 1024, VALUES = 10, VALUE = 200 };

/* Entries with payloads of exactly these sizes. */
static struct rkv_entry *entries_of(struct contract *c, const size_t *sizes, size_t count) {
  struct rkv_entry *entries = calloc(count + 1, sizeof *entries);
  uint64_t seed = c->seed;
  CONTRACT_REQUIRE(c, entries, "the suite has no memory");
  for (size_t i = 0; i < count; i++) {
    uint8_t *bytes = malloc(sizes[i] + 1);
    CONTRACT_REQUIRE(c, bytes, "the suite has no memory");
    texture_some(&seed, bytes, sizes[i]);
    entries[i].id = (struct rkv_log_id){1, i + 1};
    entries[i].kind = RKV_ENTRY_COMMAND;
    entries[i].payload = contract_bytes(c, bytes, sizes[i]);
    free(bytes);
  }
  return entries;
}

void transport_law_large_entries(struct contract *c) {
  /* a slow (sanitized) build looks at threads and memory, not at sizes */
  size_t large_bytes = c->slow > 1 ? LARGE / 64 : LARGE;
  size_t sizes[] = {large_bytes, 0,           large_bytes, large_bytes, 1,
                    large_bytes, large_bytes, 0,           large_bytes, large_bytes - 1};
  size_t count = sizeof sizes / sizeof sizes[0], calls;
  struct rkv_entry *large = entries_of(c, sizes, count);
  struct rkv_entry *many = entries_make(c, 1, MANY, 100, c->seed);
  struct side a, b, d;
  void *to_b, *to_d;
  side_begin(&a, c, 1);
  side_begin(&b, c, 2);
  side_begin(&d, c, 3);
  to_b = side_peer(&a, &b, 1);
  to_d = side_peer(&a, &d, 1);
  calls = lead(&a, to_b, large, 0, count);
  follower_holds(&b, large, count);
  (void)lead(&a, to_d, many, 0, MANY);
  follower_holds(&d, many, MANY);
  contract_note(c, "7 entries of %zu bytes in %zu calls", large_bytes, calls);
  a.ops->peer_close(to_b);
  a.ops->peer_close(to_d);
  side_end(&a);
  side_end(&b);
  side_end(&d);
  entries_free(large, count);
  entries_free(many, MANY);
}

/* ---- split ---- */

static void append_all(struct asked *a, struct side *s, void *peer, const struct rkv_entry *entries,
                       size_t from, size_t count) {
  ask_init(a, s, peer, CALL_APPEND);
  if (from > 0) a->call.append.prev = entries[from - 1].id;
  a->call.append.entries = entries + from;
  a->call.append.entry_count = count - from;
  ask(a);
  (void)ask_wait(a);
}

/* One call of ten values, of which the peer takes a few at a time. */
static void split(struct side *a, struct side *b, void *peer) {
  struct contract *c = a->c;
  size_t sizes[VALUES], parts;
  struct rkv_entry *entries;
  struct asked asked;
  for (size_t i = 0; i < VALUES; i++) sizes[i] = VALUE;
  entries = entries_of(c, sizes, VALUES);
  append_all(&asked, a, peer, entries, 0, VALUES);
  ask_ok(&asked);
  CONTRACT_REQUIRE(c,
                   asked.call.append.result == RKV_APPEND_SUCCESS &&
                       asked.call.append.matched.index == VALUES,
                   "an append of %d values was answered with result %u up to %" PRIu64, VALUES,
                   asked.call.append.result, asked.call.append.matched.index);
  follower_holds(b, entries, VALUES);
  parts = side_handed(b, CALL_APPEND);
  CONTRACT_REQUIRE(c, parts > 1, "%d values of %d bytes came in one message over the limit of %d",
                   VALUES, VALUE, LIMIT);
  contract_note(c, "%d values of %d bytes in %zu parts of at most %d bytes", VALUES, VALUE, parts,
                LIMIT);
  entries_free(entries, VALUES);
}

/* A value that can never fit, behind some that do and before one more. */
static void never_fits(struct side *a, struct side *b, void *peer) {
  struct contract *c = a->c;
  size_t sizes[VALUES + 6], count = VALUES + 6;
  struct rkv_entry *entries;
  struct asked asked;
  for (size_t i = 0; i < count; i++) sizes[i] = VALUE;
  sizes[VALUES + 3] = 4 * LIMIT;
  entries = entries_of(c, sizes, count);
  append_all(&asked, a, peer, entries, VALUES, count);
  CONTRACT_REQUIRE(c, asked.status == RKV_TOO_LARGE,
                   "an entry that can never fit ended the append with %s",
                   rkv_status_name(asked.status));
  CONTRACT_REQUIRE(c, asked.call.append.matched.index == VALUES + 3,
                   "`matched` of an append refused at index %d is %" PRIu64, VALUES + 4,
                   asked.call.append.matched.index);
  CONTRACT_REQUIRE(c, strstr(asked.error.text, "14"),
                   "the text of a refused append does not name the index 14: %s", asked.error.text);
  CONTRACT_REQUIRE(c, b->f.count == VALUES + 3, "the peer holds %zu entries instead of %d",
                   b->f.count, VALUES + 3);
  entries_free(entries, count);
}

void transport_law_oversized_is_split(struct contract *c) {
  struct side a, b;
  void *peer;
  side_init(&b, c, 2);
  if (!side_option(&b, "raft_message_max", LIMIT))
    contract_skip(c, "by its declaration: it has no option raft_message_max that takes %d", LIMIT);
  side_begin(&a, c, 1);
  side_open(&b);
  side_start(&b);
  peer = side_peer(&a, &b, 1);
  split(&a, &b, peer);
  never_fits(&a, &b, peer);
  ask_hello(&a, peer);
  a.ops->peer_close(peer);
  side_end(&a);
  side_end(&b);
}
