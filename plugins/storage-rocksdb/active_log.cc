/* active_log.cc: asks RocksDB for its log file, which the C API does not. */
#include "active_log.h"

#include <rocksdb/db.h>
#include <rocksdb/transaction_log.h>

#include <memory>

/* What the C API's opaque type is (RocksDB's db/c.cc). */
struct rocksdb_t {
  rocksdb::DB *rep;
};

/* RocksDB looks the file up by the number that it read before: both may be gone meanwhile. */
enum { TRIES = 8 };

uint64_t active_log(rocksdb_t *rocks) {
  for (int i = 0; i < TRIES; i++) {
    std::unique_ptr<rocksdb::LogFile> file;
    if (rocks->rep->GetCurrentWalFile(&file).ok()) return file->LogNumber();
  }
  return 0;
}
