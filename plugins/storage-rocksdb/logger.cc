/* logger.cc: a logger for RocksDB. C++, like active_log.cc alone: the C API takes a logger, but
 * makes none before RocksDB 8.9. */
#include "logger.h"

#include <rocksdb/env.h>

#include <memory>

/* What the C API's opaque type is (RocksDB's db/c.cc): it is copied out of here at once. */
struct rocksdb_logger_t {
  std::shared_ptr<rocksdb::Logger> rep;
};

namespace {

class node_logger final : public rocksdb::Logger {
public:
  explicit node_logger(const rkv_host *to)
      : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), host(to) {}

  /* The options of the database, at each start. */
  void LogHeader(const char *, va_list) override {}

  void Logv(const char *format, va_list args) override {
    Logv(rocksdb::InfoLogLevel::WARN_LEVEL, format, args);
  }

  void Logv(const rocksdb::InfoLogLevel level, const char *format, va_list args) override {
    char text[RKV_LOG_TEXT_MAX];
    if (level < rocksdb::InfoLogLevel::WARN_LEVEL || level >= rocksdb::InfoLogLevel::HEADER_LEVEL)
      return;
    (void)vsnprintf(text, sizeof text, format, args);
    for (char *at = text; *at; at++)
      if (*at == '\n') *at = ' ';
    rkv_log(host, level == rocksdb::InfoLogLevel::WARN_LEVEL ? RKV_LOG_INFO : RKV_LOG_WARN,
            "rocksdb", "%s", text);
  }

private:
  const rkv_host *host;
};

} // namespace

void logger_use(rocksdb_options_t *options, const rkv_host *host) {
  rocksdb_logger_t logger{std::make_shared<node_logger>(host)};
  rocksdb_options_set_info_log(options, &logger);
}
