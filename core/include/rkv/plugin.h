/* rkv/plugin.h: what a plugin exports, how it is configured, and what the host gives it.
 *
 * A plugin is one shared object with ONE exported symbol, the constant struct rkv_plugin
 * `rkv_plugin_entry`, its descriptor: RKV_PLUGIN at the end of this file defines it. It links with
 * -Wl,-z,defs and without any library of the host. It keeps no mutable file-scope state: several
 * instances live in one process. It is loaded with RTLD_NOW | RTLD_LOCAL and never unloaded. What
 * an operation makes (an instance, a peer, a snapshot's writer, reader or view, a restore) is never
 * NULL when it succeeded: the node takes that for RKV_BROKEN.
 *
 * Growth: within one ABI major version fields and operations are only appended; `struct_size`,
 * `option_size` and `ops_size` tell what a side knows. The host reads magic, then abi_major,
 * abi_minor and struct_size before it reads anything else. A plugin that was built with an older
 * minor goes on working: a field that its tables lack counts as zero, an operation as NULL. Every
 * plugin has the operations of 1.0; each later operation says at its place what the node does
 * without it. A size that does not end between two fields, and a plugin of a newer minor than the
 * host's, are refused.
 *
 * Words about time, for all operations. "Must not block": the call waits for no device, peer or
 * other thread's work, only for short locks; of the time that its thread could have had a processor
 * it takes at most a millisecond. "At once" is the same; "in microseconds" means work that does not
 * grow with what is held. rkv-contract allows each of them 100 ms of waiting, and says so.
 *
 * Never growing: structs that lie in arrays or inside of others, and those that a plugin makes or
 * fills without saying a size (struct rkv_value, rkv_entry, rkv_snapshot_meta, rkv_metric,
 * rkv_error). */
#ifndef RKV_PLUGIN_H
#define RKV_PLUGIN_H

#include <rkv/buf.h>
#include <rkv/status.h>
#include <rkv/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RKV_PLUGIN_MAGIC UINT64_C(0x3147554c50564b52) /* the bytes "RKVPLUG1" */
#define RKV_ABI_MAJOR 1u
#define RKV_ABI_MINOR 5u
#define RKV_PLUGIN_SYMBOL "rkv_plugin_entry"

/* X(NAME, number, text as in the INI section). */
#define RKV_PLUGIN_KIND_LIST(X)                                                                    \
  X(TRANSPORT, 1, "transport")                                                                     \
  X(STORAGE, 2, "storage")                                                                         \
  X(STATE_MACHINE, 3, "state-machine")

enum rkv_plugin_kind {
#define RKV_KIND_ENUM(name, number, text) RKV_KIND_##name = number,
  RKV_PLUGIN_KIND_LIST(RKV_KIND_ENUM)
#undef RKV_KIND_ENUM
};

/* Capability flags: X(NAME, bit, text). What the host may rely on; none is required.
 *   DURABLE             storage: what is acknowledged survives kill -9 and power loss
 *                       state machine, since 1.3: a new instance finds what was applied before
 *   CONCURRENT_QUERIES  state machine: query may overlap with apply
 *   STREAMING           transport: pipelines appends to one peer
 *   FINDS_DAMAGE        storage, since 1.4: a byte that a decaying device changed is CORRUPT or
 *                       changes nothing; without it, it does not notice a decaying disk
 *   STACKED             since 1.5: it is built over another plugin of its kind, which it opens by
 *                       rkv_host.open_under; what else it declares counts as far as that one
 *                       declares it, too */
#define RKV_CAP_LIST(X)                                                                            \
  X(DURABLE, 0, "durable")                                                                         \
  X(CONCURRENT_QUERIES, 1, "concurrent-queries")                                                   \
  X(STREAMING, 2, "streaming")                                                                     \
  X(FINDS_DAMAGE, 3, "finds-damage")                                                               \
  X(STACKED, 4, "stacked")

#define RKV_CAP_BIT(name, bit, text) RKV_CAP_##name = 1u << bit,
enum rkv_capability { RKV_CAP_LIST(RKV_CAP_BIT) };
#undef RKV_CAP_BIT

/* ---- options: the HOST validates the plugin's INI section against this table ---- */

/* X(NAME, number, text). How a value is written and what rkv_value carries:
 *   STRING any text -> text            PATH a file or directory -> text
 *   BOOL true|false -> number 0 or 1   UINT 42 -> number
 *   SIZE 64KiB, 4MiB, 100 -> bytes     DURATION 500ms, 3s, 10us -> nanoseconds
 *   ENUM one of `choices` -> number = its position, text = the choice
 * Units of a SIZE: none (bytes), KiB, MiB, GiB (powers of 1024); of a DURATION: us, ms, s. A PATH
 * is handed on as it was written: a relative one is relative to the directory in which the process
 * was started. */
#define RKV_OPTION_TYPE_LIST(X)                                                                    \
  X(STRING, 1, "string")                                                                           \
  X(BOOL, 2, "bool")                                                                               \
  X(UINT, 3, "uint")                                                                               \
  X(SIZE, 4, "size")                                                                               \
  X(DURATION, 5, "duration")                                                                       \
  X(PATH, 6, "path")                                                                               \
  X(ENUM, 7, "enum")

enum rkv_option_type {
#define RKV_OPTION_ENUM(name, number, text) RKV_OPTION_##name = number,
  RKV_OPTION_TYPE_LIST(RKV_OPTION_ENUM)
#undef RKV_OPTION_ENUM
};

/* The value is never printed or logged; ${ENV} and file:PATH are offered for it. */
#define RKV_OPTION_SECRET 1u
/* The option has no default: the section must give it. */
#define RKV_OPTION_REQUIRED 2u

struct rkv_option {
  const char *name;           /* the key in the INI section: lower case, digits, '_' */
  const char *default_text;   /* as a user would write it; NULL with RKV_OPTION_REQUIRED */
  const char *help;           /* one line */
  const char *const *choices; /* ENUM only: NULL-terminated list; else NULL */
  /* BOOL, STRING, PATH, ENUM: 0, 0; else the smallest and the largest legal number. */
  uint64_t min, max;
  uint32_t type;  /* an enum rkv_option_type */
  uint32_t flags; /* RKV_OPTION_* */
};

/* One option's value after validation. All texts live as long as the process. */
struct rkv_value {
  const char *text;   /* as given or defaulted, after ${ENV} and file: */
  const char *origin; /* "node.ini:14", "--set", "default": for error texts */
  uint64_t number;
};

/* The values of a plugin's options, in the order of its own table. Borrowed by open. */
struct rkv_config {
  uint32_t struct_size;
  uint32_t count;
  const struct rkv_value *values;
};

/* ---- what the host gives ---- */

/* X(NAME, number, text). */
#define RKV_LOG_LEVEL_LIST(X)                                                                      \
  X(DEBUG, 0, "DEBUG")                                                                             \
  X(INFO, 1, "INFO")                                                                               \
  X(WARN, 2, "WARN")                                                                               \
  X(ERROR, 3, "ERROR")

enum rkv_log_level {
#define RKV_LOG_ENUM(name, number, text) RKV_LOG_##name = number,
  RKV_LOG_LEVEL_LIST(RKV_LOG_ENUM)
#undef RKV_LOG_ENUM
};

/* Bytes of one log message, its NUL included; longer ones are cut. */
#define RKV_LOG_TEXT_MAX 1024

/* A number that the node shows in its metrics as `<plugin name>.<name>`. */
struct rkv_metric {
  const char *name; /* lower case, '_'; lives as long as the instance */
  const char *help; /* one line, with the unit, for `rkvctl metrics --help`; lives as long */
  /* Any thread, must not block; not called after the instance's close began. */
  uint64_t (*read)(void *arg);
  void *arg;
};

struct rkv_node_api;

/* Since 1.5: the plugin under a stacked one (RKV_CAP_STACKED), opened. The instance is the stacked
 * plugin's, which calls the operations as a host does: from the threads, and in the order, that the
 * header of its kind says. The texts and tables live as long as the process. */
struct rkv_under {
  uint32_t struct_size;  /* sizeof(struct rkv_under), set by the caller of open_under */
  uint32_t abi_minor;    /* RKV_ABI_MINOR that it was built with */
  const char *name;      /* its plugin's, for texts */
  uint64_t capabilities; /* RKV_CAP_* that it declares */
  /* struct rkv_transport_ops, rkv_storage_ops or rkv_state_machine_ops with the operations of the
   * host's ABI, those that it lacks NULL. Its `open` was called and is not called again. */
  const void *ops;
  void *instance; /* never NULL */
};

/* Host services of one node. Borrowed: valid from open until close returns. Every function: any
 * thread, no blocking beyond a short lock, may be called from inside any operation. */
struct rkv_host {
  uint32_t struct_size;
  uint32_t log_level; /* an enum rkv_log_level: messages below it are dropped. It may change at any
                         time: ask rkv_log_wants at each use, keep no copy */
  void *ctx;          /* first argument of every function below */
  rkv_node_id node_id;
  const char *node_addr; /* HOST:PORT this node serves on and is known by */

  /* Writes one line to the node's log. `module` is a short static word ("grpc"), `text` one line
   * without newline; values as logfmt: `split peer=2 parts=3`. */
  void (*log)(void *ctx, enum rkv_log_level level, const char *module, const char *text);

  /* Monotonic time in nanoseconds. Under simulation it is virtual: plugins read no other clock for
   * decisions. */
  uint64_t (*now_ns)(void *ctx);

  /* Makes a buffer of `len` bytes with one reference, which *out owns, and returns where to write
   * them before the slice is handed on. Returns NULL (and leaves *out empty) when memory is
   * exhausted. */
  uint8_t *(*buf_alloc)(void *ctx, size_t len, struct rkv_buf *out);

  /* Shows a metric until the instance is closed. Only inside open.
   * Errors: RKV_FULL over the host's limit of metrics, RKV_INVALID for a name taken. */
  enum rkv_status (*metric_register)(void *ctx, const struct rkv_metric *metric,
                                     struct rkv_error *error);

  /* Says that the instance cannot keep its promises any more (a failed write, a contract broken).
   * The node stops in an orderly way with `text` as the reason; the first report wins. Returns at
   * once. */
  void (*fatal)(void *ctx, enum rkv_status status, const char *text);

  /* Since 1.5. Opens the plugin that the section of a stacked plugin names by `over`, with the
   * values of the section [KIND.under], and fills *under. Only inside of the stacked plugin's open,
   * once, on the same thread. `kind` is the stacked plugin's own; `node`: what a transport under it
   * is to call (borrowed as that of its own open); NULL for the other kinds.
   * The stacked plugin ends the instance by the operation `close`, within its own close, or before
   * its open returns an error. A fatal report of the one under it ends the node as its own does.
   * Errors: the other plugin's, with its name before the text; RKV_INVALID if there is none, for
   * another kind, and outside of open. */
  enum rkv_status (*open_under)(void *ctx, enum rkv_plugin_kind kind,
                                const struct rkv_node_api *node, struct rkv_under *under,
                                struct rkv_error *error);
};

/* True if messages of this level are logged now. To be asked before work that only a message
 * needs. */
static inline int rkv_log_wants(const struct rkv_host *host, enum rkv_log_level level) {
#if defined(__GNUC__)
  uint32_t least = __atomic_load_n(&host->log_level, __ATOMIC_RELAXED);
#else
  uint32_t least = *(const volatile uint32_t *)&host->log_level;
#endif
  return (uint32_t)level >= least;
}

/* Formats and logs one line; costs one comparison when the level is off. */
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
static inline void
rkv_log(const struct rkv_host *host, enum rkv_log_level level, const char *module,
        const char *format, ...) {
  char text[RKV_LOG_TEXT_MAX];
  va_list args;
  if (!rkv_log_wants(host, level)) return;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  host->log(host->ctx, level, module, text);
}

/* ---- the descriptor ---- */

struct rkv_plugin {
  uint64_t magic;          /* RKV_PLUGIN_MAGIC */
  uint32_t abi_major;      /* RKV_ABI_MAJOR the plugin was built with: must equal the host's */
  uint32_t abi_minor;      /* RKV_ABI_MINOR the plugin was built with: at most the host's */
  uint32_t struct_size;    /* sizeof(struct rkv_plugin) the plugin was built with */
  uint32_t kind;           /* an enum rkv_plugin_kind: what `ops` points to */
  const char *name;        /* as in `plugin = name` and the file name: lower case, digits, '-' */
  const char *version;     /* of the plugin */
  const char *description; /* one line */
  uint64_t capabilities;   /* RKV_CAP_* */
  const struct rkv_option *options;
  uint32_t option_count;
  uint32_t option_size; /* sizeof(struct rkv_option) the plugin was built with */
  const void *ops;      /* struct rkv_transport_ops, rkv_storage_ops or rkv_state_machine_ops */
  uint32_t ops_size;    /* its sizeof */
  uint32_t reserved;    /* 0 */
};

#if defined(_WIN32)
#error "raft-key-value plugins are ELF shared objects"
#endif
#define RKV_PLUGIN_EXPORT __attribute__((visibility("default")))

/* Defines the descriptor, in C11 and in C++17, and is ended by a semicolon:
 *
 *     RKV_PLUGIN(STORAGE, "my-storage", "1.0.0", "what it is, in one line", RKV_CAP_DURABLE,
 *                RKV_OPTIONS(options), ops);
 *
 * `kind` is a word of RKV_PLUGIN_KIND_LIST, `capabilities` are RKV_CAP_* or 0, `opts` is
 * RKV_OPTIONS(an array of struct rkv_option) or RKV_NO_OPTIONS, and `table` the constant struct of
 * the kind's operations. One of another kind is an error in C++ and a warning in C. */
#define RKV_PLUGIN(kind, name, version, description, capabilities, opts, table)                    \
  extern RKV_PLUGIN_EXPORT const struct rkv_plugin rkv_plugin_entry;                               \
  const struct rkv_plugin rkv_plugin_entry = {RKV_PLUGIN_MAGIC,                                    \
                                              RKV_ABI_MAJOR,                                       \
                                              RKV_ABI_MINOR,                                       \
                                              sizeof(struct rkv_plugin),                           \
                                              RKV_KIND_##kind,                                     \
                                              name,                                                \
                                              version,                                             \
                                              description,                                         \
                                              capabilities,                                        \
                                              opts,                                                \
                                              sizeof(struct rkv_option),                           \
                                              1 ? &(table) : (const struct RKV_OPS_OF_##kind *)0,  \
                                              sizeof(table),                                       \
                                              0}
#define RKV_OPTIONS(array) array, sizeof(array) / sizeof((array)[0])
#define RKV_NO_OPTIONS NULL, 0
#define RKV_OPS_OF_TRANSPORT rkv_transport_ops
#define RKV_OPS_OF_STORAGE rkv_storage_ops
#define RKV_OPS_OF_STATE_MACHINE rkv_state_machine_ops

#ifdef __cplusplus
}
#endif
#endif
