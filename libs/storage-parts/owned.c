/* owned.c: refuses a directory that is another plugin's, another node's, or a newer version's. */
#include "owned.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PLUGIN_MAX = 64 }; /* bytes of a plugin's name, its NUL included */

static const char owned_by[] = "raft-key-value ";

enum rkv_status owned_check_plugin(const char *where, const char *plugin, const void *bytes,
                                   size_t len, struct rkv_error *error) {
  char found[PLUGIN_MAX];
  size_t begin = sizeof owned_by - 1, n = 0;
  const char *text = bytes;
  if (len > begin && memcmp(text, owned_by, begin) == 0)
    while (n + 1 < sizeof found && begin + n < len && text[begin + n] > ' ' &&
           text[begin + n] < 0x7f)
      n++;
  if (begin + n >= len || text[begin + n] != '\n') n = 0; /* cut off: it may be anybody's */
  (void)snprintf(found, sizeof found, "%.*s", (int)n, n > 0 ? text + begin : "");
  if (strcmp(found, plugin) == 0) return RKV_OK;
  if (n == 0)
    return rkv_fail(error, RKV_CORRUPT,
                    "%s: offset 0: expected the name of the storage whose directory this is, found "
                    "%zu other bytes",
                    where, len);
  return rkv_fail(error, RKV_FOREIGN,
                  "%s: this directory belongs to %s (give each storage a directory of its own)",
                  where, found);
}

enum rkv_status owned_check_format(const char *where, unsigned format, unsigned known,
                                   struct rkv_error *error) {
  if (format <= known) return RKV_OK;
  return rkv_fail(error, RKV_FOREIGN,
                  "%s: format %u, this version knows %u (a newer raft-key-value wrote it)", where,
                  format, known);
}

enum rkv_status owned_check_node(const char *where, rkv_node_id found, rkv_node_id self,
                                 struct rkv_error *error) {
  if (found == self) return RKV_OK;
  return rkv_fail(error, RKV_FOREIGN,
                  "%s: this directory belongs to node %" PRIu64 ", this is node %" PRIu64
                  " (give each node a directory of its own)",
                  where, found, self);
}
