/* members.c: memberships as JSON and as a line. */
#include "members.h"

#include "print.h"

#include <inttypes.h>

static void print_ids_json(const struct rkv_config_set *config) {
  (void)printf("[");
  for (uint32_t i = 0; i < config->count; i++)
    (void)printf("%s%" PRIu64, i ? "," : "", config->ids[i]);
  (void)printf("]");
}

void members_print_json(const struct rkv_membership *m) {
  (void)printf("{\"configs\":[");
  for (uint32_t i = 0; i < m->config_count; i++) {
    if (i) (void)printf(",");
    print_ids_json(&m->configs[i]);
  }
  (void)printf("],\"nodes\":[");
  for (uint32_t i = 0; i < m->node_count; i++) {
    (void)printf("%s{\"id\":%" PRIu64 ",\"addr\":", i ? "," : "", m->nodes[i].id);
    print_json_text(stdout, m->nodes[i].addr);
    (void)printf(",\"role\":\"%s\"}", wire_role(m, m->nodes[i].id));
  }
  (void)printf("]}");
}

/* "voters 1 2 3, learners 4" */
static void print_membership_line(const struct rkv_membership *m) {
  const struct rkv_config_set *voters;
  const char *word = ", learners";
  if (m->config_count == 0) return;
  voters = &m->configs[m->config_count - 1];
  (void)printf("voters");
  for (uint32_t i = 0; i < voters->count; i++) (void)printf(" %" PRIu64, voters->ids[i]);
  for (uint32_t i = 0; i < m->node_count; i++) {
    if (rkv_membership_is_voter(m, m->nodes[i].id)) continue;
    (void)printf("%s %" PRIu64, word, m->nodes[i].id);
    word = "";
  }
}

void members_print_change(const struct session *session, const Openraftpb__LogId *id,
                          const Openraftpb__Membership *membership) {
  struct rkv_membership m;
  wire_membership(membership, &m);
  if (session->args->json) {
    (void)printf("{");
    if (id)
      (void)printf("\"log_id\":{\"term\":%" PRIu64 ",\"index\":%" PRIu64 "},", id->term,
                   id->index + 1); /* the wire counts from 0 */
    (void)printf("\"membership\":");
    members_print_json(&m);
    (void)printf("}\n");
  } else {
    print_membership_line(&m);
    if (id) (void)printf(" (log %" PRIu64 ".%" PRIu64 ")", id->term, id->index + 1);
    (void)printf("\n");
  }
}
