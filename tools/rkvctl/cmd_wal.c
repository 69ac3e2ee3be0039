/* cmd_wal.c: wal verify, dump, stat: the files of a storage-wal, without a node. */
#include "print.h"
#include "wal_look.h"

#include <inttypes.h>
#include <string.h>

static enum outcome say_trouble(const struct session *session, const char *what, const char *dir,
                                const struct rkv_error *error) {
  const char *status = rkv_status_name((enum rkv_status)error->status);
  if (session->args->json) {
    (void)printf("{\"command\":\"wal %s\",\"error\":\"%s\",\"dir\":", what, status);
    print_json_text(stdout, dir);
    (void)printf(",\"text\":");
    print_json_text(stdout, error->text);
    (void)printf("}\n");
  }
  (void)fprintf(stderr, "rkvctl: wal %s: ", what);
  /* the text may name it already */
  if (!strstr(error->text, dir)) (void)fprintf(stderr, "%s: ", dir);
  print_text(session->args, stderr, error->text);
  (void)fprintf(stderr, " (%s)\n", status);
  if (error->status == RKV_CORRUPT)
    (void)fputs(
        "  put the directory aside and start the node with an empty one, and the leader takes it "
        "in "
        "anew; where a majority of the voters is like this, restore their storages from copies\n",
        stderr);
  return OUTCOME_REFUSED;
}

/* ---- verify ---- */

static void print_torn(const struct wal_look *look) {
  if (look->torn)
    (void)printf("torn: %s: offset %" PRIu64 ": %s\n      a write that a crash cut off, which "
                 "nobody was told had succeeded; a node drops it\n",
                 look->last_segment, look->end, look->torn_why);
}

static void print_verified(const struct wal_look *look) {
  (void)printf("whole: %" PRIu64 " segments, %" PRIu64 " records, entries %" PRIu64 " to %" PRIu64,
               look->segments, look->records, look->purged.index + 1, look->last.index);
  if (look->has_snapshot)
    (void)printf(", snapshot %" PRIu64 ".%" PRIu64 " of %" PRIu64 " bytes",
                 look->snapshot.last.term, look->snapshot.last.index, look->snapshot.size);
  (void)printf("\n");
  print_torn(look);
}

/* ---- dump ---- */

static void dump_record(void *arg, const struct scan *scan) {
  const struct session *session = arg;
  const struct record *r = &scan->record;
  if (session->args->json)
    (void)printf("{\"segment\":\"%s\",\"offset\":%" PRIu64 ",\"type\":\"%s\",\"term\":\"%" PRIu64
                 "\",\"index\":\"%" PRIu64 "\",\"kind\":%u,\"length\":%" PRIu32
                 ",\"batch\":%" PRIu32 ",\"checksum\":\"%08" PRIx32 "\"}\n",
                 scan->name.text, scan->at, record_type_name(r->type), r->term, r->index, r->kind,
                 r->length, r->batch, r->header_crc);
  else
    (void)printf("%s %10" PRIu64 "  %-11s %8" PRIu64 " %10" PRIu64 "  kind=%u length=%" PRIu32
                 " checksum=%08" PRIx32 "\n",
                 scan->name.text, scan->at, record_type_name(r->type), r->term, r->index, r->kind,
                 r->length, r->header_crc);
}

/* ---- stat ---- */

/* A number of 64 bits is a string in JSON: not every reader keeps it as a number. */
static void put(const struct session *session, const char *name, const char *format,
                uint64_t value) {
  char text[32];
  (void)snprintf(text, sizeof text, format, value);
  if (session->args->json) {
    (void)printf(",\"%s\":", name);
    print_json_value(stdout, text, strlen(text));
  } else {
    (void)printf("%-16s %s\n", name, text);
  }
}

static void put_number(const struct session *session, const char *name, uint64_t value) {
  put(session, name, "%" PRIu64, value);
}

/* What a node that starts on it would say. */
static const char *standing(const struct rkv_identity *identity) {
  if (identity->incarnation == RKV_INCARNATION_RETIRED) return "retired";
  if (identity->incarnation == RKV_INCARNATION_UNFINISHED) return "unfinished copy";
  return identity->incarnation == 0 ? "new" : "ready";
}

static void put_standing(const struct session *session, const struct rkv_identity *identity) {
  const char *word = standing(identity);
  if (session->args->json)
    (void)printf(",\"state\":\"%s\"", word);
  else
    (void)printf("%-16s %s%s\n", "state", word,
                 strcmp(word, "retired") == 0
                     ? ": no node starts on it; `raft-key-value storage stat` says where its own "
                       "went"
                     : "");
}

static void put_types(const struct session *session, const struct wal_look *look) {
  for (uint16_t type = 0; type < WAL_TYPES; type++) {
    char name[32];
    if (!record_type_name(type)) continue;
    (void)snprintf(name, sizeof name, "%s_records", record_type_name(type));
    put_number(session, name, look->by_type[type]);
  }
}

static void print_stat(const struct session *session, const char *dir,
                       const struct wal_look *look) {
  if (session->args->json) {
    (void)printf("{\"dir\":");
    print_json_text(stdout, dir);
  } else {
    (void)printf("%-16s %s\n", "dir", dir);
  }
  put_number(session, "format", look->format);
  put_number(session, "node", look->node_id);
  put_standing(session, &look->identity);
  put(session, "cluster_high", "%016" PRIx64, look->identity.cluster.high);
  put(session, "cluster_low", "%016" PRIx64, look->identity.cluster.low);
  put(session, "incarnation", "%016" PRIx64, look->identity.incarnation);
  put_number(session, "vote_term", look->vote.term);
  put_number(session, "vote_node", look->vote.node_id);
  put_number(session, "vote_committed", look->vote.committed);
  put_number(session, "first", look->purged.index + 1);
  put_number(session, "last", look->last.index);
  put_number(session, "last_term", look->last.term);
  put_number(session, "segments", look->segments);
  put_number(session, "file_bytes", look->file_bytes);
  put_number(session, "record_bytes", look->record_bytes);
  put_number(session, "payload_bytes", look->payload_bytes);
  put_types(session, look);
  put_number(session, "snapshot_last", look->has_snapshot ? look->snapshot.last.index : 0);
  put_number(session, "snapshot_bytes", look->has_snapshot ? look->snapshot.size : 0);
  put_number(session, "closed", look->closed);
  put_number(session, "torn", look->torn);
  if (session->args->json)
    (void)printf("}\n");
  else
    print_torn(look);
}

enum outcome cmd_wal(struct session *session, const char *const *words, unsigned count) {
  const char *what = words[0], *dir = words[1];
  bool verify = strcmp(what, "verify") == 0, dump = strcmp(what, "dump") == 0;
  struct wal_look look = {.record = dump ? dump_record : NULL, .arg = session};
  struct rkv_error error;
  (void)count;
  if (!verify && !dump && strcmp(what, "stat") != 0)
    return print_usage_error(session->args, "wal", "say what to do: verify, dump or stat");
  if (wal_look(&look, dir, verify, &error) != RKV_OK)
    return say_trouble(session, what, dir, &error);
  if (dump) return OUTCOME_DONE;
  if (verify && !session->args->json)
    print_verified(&look);
  else
    print_stat(session, dir, &look);
  return OUTCOME_DONE;
}
