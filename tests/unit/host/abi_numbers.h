/* abi_numbers.h: every public type that is no struct, and every public number that is in no X-macro
 * list of the headers. A new one is added here. */
#ifndef ABI_NUMBERS_H
#define ABI_NUMBERS_H

#define ABI_TYPES(SIZE)                                                                            \
  SIZE(rkv_term)                                                                                   \
  SIZE(rkv_index)                                                                                  \
  SIZE(rkv_node_id)                                                                                \
  SIZE(enum rkv_order)                                                                             \
  SIZE(enum rkv_status)                                                                            \
  SIZE(enum rkv_entry_kind)

#define ABI_NUMBERS(NUMBER)                                                                        \
  NUMBER(RKV_PLUGIN_MAGIC)                                                                         \
  NUMBER(RKV_ABI_MAJOR)                                                                            \
  NUMBER(RKV_ABI_MINOR)                                                                            \
  NUMBER(RKV_ADDR_MAX)                                                                             \
  NUMBER(RKV_ERROR_TEXT_MAX)                                                                       \
  NUMBER(RKV_NODES_MAX)                                                                            \
  NUMBER(RKV_CONFIGS_MAX)                                                                          \
  NUMBER(RKV_SNAPSHOT_ID_MAX)                                                                      \
  NUMBER(RKV_LOG_TEXT_MAX)                                                                         \
  NUMBER(RKV_ADMIN_METHOD_MAX)                                                                     \
  NUMBER(RKV_ADMIN_BYTES_MAX)                                                                      \
  NUMBER(RKV_SWAP_SETTINGS_MAX)                                                                    \
  NUMBER(RKV_SWAP_SETTING_BYTES_MAX)                                                               \
  NUMBER(RKV_OPTION_SECRET)                                                                        \
  NUMBER(RKV_OPTION_REQUIRED)                                                                      \
  NUMBER(RKV_ENTRY_BLANK)                                                                          \
  NUMBER(RKV_ENTRY_COMMAND)                                                                        \
  NUMBER(RKV_ENTRY_MEMBERSHIP)

#define ABI_SIGNED_NUMBERS(NUMBER)                                                                 \
  NUMBER(RKV_LESS)                                                                                 \
  NUMBER(RKV_EQUAL)                                                                                \
  NUMBER(RKV_GREATER)                                                                              \
  NUMBER(RKV_INCOMPARABLE)

#endif
