/* map.c: one LMDB environment, by one process. */
#include "map.h"

#include "meta.h"

#include <storage-parts/ids.h>
#include <storage-parts/refuse.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define FIRST_BYTES (UINT64_C(1) << 20) /* of a new map */
#define STEP_MAX (UINT64_C(1) << 30)    /* bytes by which it grows at most unless it must */
enum { STEP_PART = 8 };                 /* it grows by this part of it */
enum { RESERVE = 64 };                  /* pages for purges, votes and the lists of free pages */
enum { FREE_TABLE = 0 };                /* LMDB's list of free pages */

void map_init(struct map *m, const struct folder *folder) {
  pthread_rwlockattr_t fair;
  m->folder = folder;
  m->file = -1;
  (void)pthread_mutex_init(&m->writing, NULL);
  (void)pthread_rwlockattr_init(&fair); /* readers must not keep the writer waiting for ever */
  (void)pthread_rwlockattr_setkind_np(&fair, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  (void)pthread_rwlock_init(&m->reading, &fair);
  (void)pthread_rwlockattr_destroy(&fair);
}

void map_close(struct map *m) {
  if (m->env) mdb_env_close(m->env);
  folder_close_file(m->folder, m->file);
  (void)pthread_rwlock_destroy(&m->reading);
  (void)pthread_mutex_destroy(&m->writing);
}

enum rkv_status map_result(const struct map *m, int result, const char *what,
                           struct rkv_error *error) {
  enum rkv_status status = RKV_IO;
  if (result == MDB_SUCCESS) return RKV_OK;
  errno = result;
  if (result == ENOMEM) return rkv_fail(error, RKV_NO_MEMORY, "%s: no memory to %s", m->path, what);
  if (result > 0) return refuse_errno(m->path, what, error);
  if (result == MDB_MAP_FULL) status = RKV_NO_SPACE;
  if (result == MDB_CORRUPTED || result == MDB_PAGE_NOTFOUND || result == MDB_INVALID ||
      result == MDB_VERSION_MISMATCH || result == MDB_NOTFOUND || result == MDB_KEYEXIST)
    status = RKV_CORRUPT;
  return rkv_fail(error, status, "%s: cannot %s: %s", m->path, what, mdb_strerror(result));
}

/* ---- the file's size ---- */

static bool is_long_enough(const struct map *m) {
  struct stat info;
  return fstat(m->file, &info) != 0 || (uint64_t)info.st_size >= m->bytes;
}

static enum rkv_status remap(struct map *m, uint64_t bytes, struct rkv_error *error) {
  int result;
  (void)pthread_mutex_lock(&m->writing);
  (void)pthread_rwlock_wrlock(&m->reading);
  result = mdb_env_set_mapsize(m->env, bytes);
  m->lost = result != MDB_SUCCESS;
  m->bytes = bytes;
  m->spare = 0;              /* to be counted */
  assert(is_long_enough(m)); /* (M1) */
  (void)pthread_rwlock_unlock(&m->reading);
  (void)pthread_mutex_unlock(&m->writing);
  if (result == MDB_SUCCESS) return RKV_OK;
  return rkv_fail(error, RKV_IO, "%s: cannot map %" PRIu64 " bytes: %s", m->path, bytes,
                  mdb_strerror(result)); /* final: LMDB has let go of the map before, too */
}

/* How much more; 0: there is no room. What leaves none to others takes no more than it needs. */
static uint64_t growth(const struct map *m, uint64_t needed, uint64_t left) {
  uint64_t room = folder_free_bytes(m->folder), better = m->bytes / STEP_PART;
  if (room <= left || room - left < needed) return 0;
  if (better > STEP_MAX) better = STEP_MAX;
  if (better < FIRST_BYTES) better = FIRST_BYTES;
  if (better > room - left) better = room - left;
  if (better < needed || left == 0) better = needed;
  return better / m->page_bytes * m->page_bytes;
}

enum rkv_status map_grow(struct map *m, uint64_t pages, uint64_t left, struct rkv_error *error) {
  uint64_t needed = (pages + RESERVE) * m->page_bytes, more = growth(m, needed, left);
  const struct files *files = m->folder->files;
  enum rkv_status status;
  if (more == 0)
    return rkv_fail(error, RKV_NO_SPACE,
                    "%s: %" PRIu64 " bytes are free, %" PRIu64
                    " are needed; writes wait (make room)",
                    m->path, folder_free_bytes(m->folder), needed + left);
  status = folder_fill(m->folder, m->file, MAP_FILE, m->bytes, m->bytes + more, error);
  if (status == RKV_OK) return remap(m, m->bytes + more, error);
  if (status == RKV_NO_SPACE && files->cut(files->ctx, m->file, (off_t)m->bytes) != 0)
    return refuse_errno(m->path, "cut it", error);
  return status;
}

uint64_t map_cost(const struct map *m, uint64_t len) {
  const uint64_t node = 64;                                    /* bytes beside the value, at most */
  if (len + node < m->page_bytes / 2) return 2 * (len + node); /* pages may be half full */
  return (2 + (len + node) / m->page_bytes) * m->page_bytes;
}

/* ---- open ---- */

/* `fresh`: there is no file. */
static enum rkv_status open_env(struct map *m, bool fresh, struct rkv_error *error) {
  MDB_envinfo info;
  MDB_stat stat;
  MDB_txn *txn = NULL;
  MDB_dbi table = MAP_TABLE;
  mdb_filehandle_t fd;
  int result = mdb_env_create(&m->env);
  if (result == MDB_SUCCESS && fresh) result = mdb_env_set_mapsize(m->env, FIRST_BYTES);
  if (result == MDB_SUCCESS)
    result = mdb_env_open(m->env, m->path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS, 0600);
  if (result == MDB_SUCCESS) result = mdb_env_info(m->env, &info);
  if (result == MDB_SUCCESS) result = mdb_env_stat(m->env, &stat);
  if (result == MDB_SUCCESS) result = mdb_env_get_fd(m->env, &fd);
  if (result == MDB_SUCCESS && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) result = errno;
  if (result == MDB_SUCCESS) result = mdb_txn_begin(m->env, NULL, MDB_RDONLY, &txn);
  if (result == MDB_SUCCESS) result = mdb_dbi_open(txn, NULL, 0, &table); /* how keys compare */
  if (txn) mdb_txn_abort(txn);
  assert(table == MAP_TABLE);
  if (result != MDB_SUCCESS) return map_result(m, result, "open it", error);
  m->bytes = info.me_mapsize;
  m->page_bytes = stat.ms_psize;
  return RKV_OK;
}

static enum rkv_status make(struct map *m, struct rkv_error *error) {
  uint64_t size = 0;
  enum rkv_status status = folder_drop(m->folder, MAP_FILE, error);
  if (status == RKV_OK) status = open_env(m, true, error);
  if (status == RKV_OK) status = folder_open_file(m->folder, MAP_FILE, O_RDWR, &m->file, error);
  if (status == RKV_OK) status = folder_file_size(m->folder, m->file, MAP_FILE, &size, error);
  if (status != RKV_OK) return status;
  return folder_fill(m->folder, m->file, MAP_FILE, size, m->bytes, error);
}

static enum rkv_status take(struct map *m, struct rkv_error *error) {
  enum rkv_status status;
  if (folder_lacks(m->folder, MAP_FILE))
    return rkv_fail(error, RKV_CORRUPT, "%s is missing", m->path);
  status = folder_open_file(m->folder, MAP_FILE, O_RDWR, &m->file, error);
  if (status == RKV_OK) status = folder_sync_file(m->folder, m->file, MAP_FILE, error);
  if (status == RKV_OK) status = meta_check(m->folder, m->file, MAP_FILE, error);
  return status == RKV_OK ? open_env(m, false, error) : status;
}

enum rkv_status map_open(struct map *m, bool fresh, struct rkv_error *error) {
  enum rkv_status status;
  if (snprintf(m->path, sizeof m->path, "%s/%s", m->folder->path, MAP_FILE) >= (int)sizeof m->path)
    return rkv_fail(error, RKV_IO, "%s: the path is too long", m->folder->path);
  status = fresh ? make(m, error) : take(m, error);
  assert(status != RKV_OK || is_long_enough(m)); /* (M1) */
  return status;
}

/* ---- writing ---- */

enum rkv_status map_begin(struct map *m, MDB_txn **txn, struct state *state,
                          struct rkv_error *error) {
  *txn = NULL;
  (void)pthread_mutex_lock(&m->writing);
  *state = m->state;
  return map_result(m, m->lost ? MDB_PANIC : mdb_txn_begin(m->env, NULL, 0, txn), "begin to write",
                    error);
}

static enum rkv_status put_state(const struct map *m, MDB_txn *txn, const struct state *state,
                                 struct rkv_error *error) {
  uint8_t number[IDS_KEY], bytes[RECORD_STATE];
  MDB_val key = {sizeof number, number}, value = {sizeof bytes, bytes};
  put_key(number, 0);
  record_put_state(bytes, state);
  return map_result(m, mdb_put(txn, MAP_TABLE, &key, &value, 0), "write the state", error);
}

static enum rkv_status commit(struct map *m, MDB_txn *txn, struct rkv_error *error) {
  enum rkv_status status;
  int result;
  (void)pthread_rwlock_wrlock(&m->reading);
  assert(pthread_rwlock_tryrdlock(&m->reading) != 0); /* (M3) */
  result = mdb_txn_commit(txn);
  (void)pthread_rwlock_unlock(&m->reading);
  status = map_result(m, result, "write", error);
  if (status == RKV_OK || result == MDB_MAP_FULL) return status;
  if (error) error->status = RKV_IO; /* final: nobody knows what stands on the device */
  return RKV_IO;
}

enum rkv_status map_end(struct map *m, MDB_txn *txn, const struct state *state,
                        enum rkv_status status, struct rkv_error *error) {
  assert(pthread_mutex_trylock(&m->writing) != 0); /* (M2) */
  if (status == RKV_OK && state) status = put_state(m, txn, state, error);
  if (status == RKV_OK)
    status = commit(m, txn, error);
  else if (txn)
    mdb_txn_abort(txn);
  if (status == RKV_OK && state) m->state = *state;
  if (status == RKV_NO_SPACE) m->spare = 0; /* to be counted */
  (void)pthread_mutex_unlock(&m->writing);
  return status;
}

/* ---- reading ---- */

enum rkv_status map_read(struct map *m, MDB_dbi table,
                         enum rkv_status (*read)(void *arg, MDB_cursor *cursor,
                                                 struct rkv_error *error),
                         void *arg, struct rkv_error *error) {
  MDB_txn *txn = NULL;
  MDB_cursor *cursor = NULL;
  enum rkv_status status;
  int result = MDB_PANIC;
  (void)pthread_rwlock_rdlock(&m->reading);
  if (!m->lost) result = mdb_txn_begin(m->env, NULL, MDB_RDONLY, &txn);
  if (result == MDB_SUCCESS) result = mdb_cursor_open(txn, table, &cursor);
  status = map_result(m, result, "read", error);
  if (status == RKV_OK) status = read(arg, cursor, error);
  if (cursor) mdb_cursor_close(cursor);
  if (txn) mdb_txn_abort(txn);
  (void)pthread_rwlock_unlock(&m->reading);
  return status;
}

/* Counts pages behind the last one, and those that the next transaction may take: all but what the
 * last one gave back. */
static enum rkv_status count(void *map, MDB_cursor *cursor, struct rkv_error *error) {
  struct map *m = map;
  MDB_val key, value;
  MDB_envinfo info;
  (void)error;
  (void)mdb_env_info(m->env, &info);
  m->spare = m->bytes / m->page_bytes - info.me_last_pgno - 1;
  while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS &&
         *(const size_t *)key.mv_data < info.me_last_txnid)
    m->spare += *(const size_t *)value.mv_data;
  return RKV_OK;
}

bool map_has(struct map *m, uint64_t pages) {
  bool has;
  (void)pthread_mutex_lock(&m->writing);
  if (m->spare < pages + RESERVE) (void)map_read(m, FREE_TABLE, count, m, NULL);
  has = m->spare >= pages + RESERVE;
  if (has) m->spare -= pages;
  (void)pthread_mutex_unlock(&m->writing);
  return has;
}
