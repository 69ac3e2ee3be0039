/* abi_list.h: every public struct with its fields. A new struct or field of the headers is added
 * here; types and numbers: abi_numbers.h. */
#ifndef ABI_LIST_H
#define ABI_LIST_H

#define ABI_STRUCTS(SIZE, FIELD)                                                                   \
  SIZE(struct rkv_log_id)                                                                          \
  FIELD(struct rkv_log_id, term)                                                                   \
  FIELD(struct rkv_log_id, index)                                                                  \
  SIZE(struct rkv_vote)                                                                            \
  FIELD(struct rkv_vote, term)                                                                     \
  FIELD(struct rkv_vote, node_id)                                                                  \
  FIELD(struct rkv_vote, committed)                                                                \
  SIZE(struct rkv_cluster_id)                                                                      \
  FIELD(struct rkv_cluster_id, high)                                                               \
  FIELD(struct rkv_cluster_id, low)                                                                \
  SIZE(struct rkv_identity)                                                                        \
  FIELD(struct rkv_identity, cluster)                                                              \
  FIELD(struct rkv_identity, incarnation)                                                          \
  FIELD(struct rkv_identity, settled)                                                              \
  SIZE(struct rkv_error)                                                                           \
  FIELD(struct rkv_error, status)                                                                  \
  FIELD(struct rkv_error, reserved)                                                                \
  FIELD(struct rkv_error, leader_id)                                                               \
  FIELD(struct rkv_error, leader_addr)                                                             \
  FIELD(struct rkv_error, text)                                                                    \
  SIZE(struct rkv_buf_owner)                                                                       \
  FIELD(struct rkv_buf_owner, refs)                                                                \
  FIELD(struct rkv_buf_owner, reserved)                                                            \
  FIELD(struct rkv_buf_owner, free)                                                                \
  SIZE(struct rkv_buf)                                                                             \
  FIELD(struct rkv_buf, data)                                                                      \
  FIELD(struct rkv_buf, len)                                                                       \
  FIELD(struct rkv_buf, owner)                                                                     \
  SIZE(struct rkv_member)                                                                          \
  FIELD(struct rkv_member, id)                                                                     \
  FIELD(struct rkv_member, addr)                                                                   \
  FIELD(struct rkv_member, incarnation)                                                            \
  FIELD(struct rkv_member, returning)                                                              \
  FIELD(struct rkv_member, reserved)                                                               \
  SIZE(struct rkv_config_set)                                                                      \
  FIELD(struct rkv_config_set, count)                                                              \
  FIELD(struct rkv_config_set, reserved)                                                           \
  FIELD(struct rkv_config_set, ids)                                                                \
  SIZE(struct rkv_membership)                                                                      \
  FIELD(struct rkv_membership, config_count)                                                       \
  FIELD(struct rkv_membership, node_count)                                                         \
  FIELD(struct rkv_membership, configs)                                                            \
  FIELD(struct rkv_membership, nodes)                                                              \
  SIZE(struct rkv_entry)                                                                           \
  FIELD(struct rkv_entry, id)                                                                      \
  FIELD(struct rkv_entry, kind)                                                                    \
  FIELD(struct rkv_entry, reserved)                                                                \
  FIELD(struct rkv_entry, payload)                                                                 \
  SIZE(struct rkv_snapshot_meta)                                                                   \
  FIELD(struct rkv_snapshot_meta, last)                                                            \
  FIELD(struct rkv_snapshot_meta, membership_id)                                                   \
  FIELD(struct rkv_snapshot_meta, membership)                                                      \
  FIELD(struct rkv_snapshot_meta, size)                                                            \
  FIELD(struct rkv_snapshot_meta, id)                                                              \
  SIZE(struct rkv_call)                                                                            \
  FIELD(struct rkv_call, done)                                                                     \
  FIELD(struct rkv_call, deadline_ns)                                                              \
  FIELD(struct rkv_call, next)                                                                     \
  FIELD(struct rkv_call, kind)                                                                     \
  FIELD(struct rkv_call, abi_minor)                                                                \
  FIELD(struct rkv_call, callee)                                                                   \
  FIELD(struct rkv_call, envelope)                                                                 \
  SIZE(struct rkv_sender)                                                                          \
  FIELD(struct rkv_sender, id)                                                                     \
  FIELD(struct rkv_sender, incarnation)                                                            \
  SIZE(struct rkv_envelope)                                                                        \
  FIELD(struct rkv_envelope, cluster)                                                              \
  FIELD(struct rkv_envelope, to)                                                                   \
  FIELD(struct rkv_envelope, incarnation)                                                          \
  FIELD(struct rkv_envelope, from)                                                                 \
  FIELD(struct rkv_envelope, from_incarnation)                                                     \
  SIZE(struct rkv_vote_call)                                                                       \
  FIELD(struct rkv_vote_call, call)                                                                \
  FIELD(struct rkv_vote_call, vote)                                                                \
  FIELD(struct rkv_vote_call, last)                                                                \
  FIELD(struct rkv_vote_call, transfer)                                                            \
  FIELD(struct rkv_vote_call, granted)                                                             \
  FIELD(struct rkv_vote_call, voter_vote)                                                          \
  FIELD(struct rkv_vote_call, voter_last)                                                          \
  SIZE(struct rkv_append_call)                                                                     \
  FIELD(struct rkv_append_call, call)                                                              \
  FIELD(struct rkv_append_call, vote)                                                              \
  FIELD(struct rkv_append_call, prev)                                                              \
  FIELD(struct rkv_append_call, commit)                                                            \
  FIELD(struct rkv_append_call, entries)                                                           \
  FIELD(struct rkv_append_call, entry_count)                                                       \
  FIELD(struct rkv_append_call, result)                                                            \
  FIELD(struct rkv_append_call, inferred)                                                          \
  FIELD(struct rkv_append_call, matched)                                                           \
  FIELD(struct rkv_append_call, voter_vote)                                                        \
  FIELD(struct rkv_append_call, lease_ns)                                                          \
  FIELD(struct rkv_append_call, digest_index)                                                      \
  FIELD(struct rkv_append_call, digest)                                                            \
  FIELD(struct rkv_append_call, differs_at)                                                        \
  SIZE(struct rkv_snapshot_call)                                                                   \
  FIELD(struct rkv_snapshot_call, call)                                                            \
  FIELD(struct rkv_snapshot_call, vote)                                                            \
  FIELD(struct rkv_snapshot_call, meta)                                                            \
  FIELD(struct rkv_snapshot_call, chunk)                                                           \
  FIELD(struct rkv_snapshot_call, chunk_max)                                                       \
  FIELD(struct rkv_snapshot_call, stream)                                                          \
  FIELD(struct rkv_snapshot_call, finished)                                                        \
  FIELD(struct rkv_snapshot_call, voter_vote)                                                      \
  SIZE(struct rkv_propose_call)                                                                    \
  FIELD(struct rkv_propose_call, call)                                                             \
  FIELD(struct rkv_propose_call, command)                                                          \
  FIELD(struct rkv_propose_call, id)                                                               \
  FIELD(struct rkv_propose_call, result)                                                           \
  SIZE(struct rkv_query_call)                                                                      \
  FIELD(struct rkv_query_call, call)                                                               \
  FIELD(struct rkv_query_call, request)                                                            \
  FIELD(struct rkv_query_call, read)                                                               \
  FIELD(struct rkv_query_call, reserved)                                                           \
  FIELD(struct rkv_query_call, response)                                                           \
  SIZE(struct rkv_init_call)                                                                       \
  FIELD(struct rkv_init_call, call)                                                                \
  FIELD(struct rkv_init_call, membership)                                                          \
  FIELD(struct rkv_init_call, answering)                                                           \
  FIELD(struct rkv_init_call, reserved)                                                            \
  SIZE(struct rkv_membership_call)                                                                 \
  FIELD(struct rkv_membership_call, call)                                                          \
  FIELD(struct rkv_membership_call, learner)                                                       \
  FIELD(struct rkv_membership_call, voters)                                                        \
  FIELD(struct rkv_membership_call, retain)                                                        \
  FIELD(struct rkv_membership_call, id)                                                            \
  FIELD(struct rkv_membership_call, membership)                                                    \
  FIELD(struct rkv_membership_call, answering)                                                     \
  FIELD(struct rkv_membership_call, reserved)                                                      \
  SIZE(struct rkv_timeout_now_call)                                                                \
  FIELD(struct rkv_timeout_now_call, call)                                                         \
  FIELD(struct rkv_timeout_now_call, vote)                                                         \
  FIELD(struct rkv_timeout_now_call, last)                                                         \
  SIZE(struct rkv_read_index_call)                                                                 \
  FIELD(struct rkv_read_index_call, call)                                                          \
  FIELD(struct rkv_read_index_call, read)                                                          \
  FIELD(struct rkv_read_index_call, reserved)                                                      \
  FIELD(struct rkv_read_index_call, index)                                                         \
  SIZE(struct rkv_hello_call)                                                                      \
  FIELD(struct rkv_hello_call, call)                                                               \
  FIELD(struct rkv_hello_call, id)                                                                 \
  FIELD(struct rkv_hello_call, cluster)                                                            \
  FIELD(struct rkv_hello_call, incarnation)                                                        \
  FIELD(struct rkv_hello_call, membership)                                                         \
  FIELD(struct rkv_hello_call, names_asker)                                                        \
  FIELD(struct rkv_hello_call, reserved)                                                           \
  SIZE(struct rkv_transfer_call)                                                                   \
  FIELD(struct rkv_transfer_call, call)                                                            \
  FIELD(struct rkv_transfer_call, target)                                                          \
  SIZE(struct rkv_snapshot_now_call)                                                               \
  FIELD(struct rkv_snapshot_now_call, call)                                                        \
  FIELD(struct rkv_snapshot_now_call, last)                                                        \
  SIZE(struct rkv_metrics_call)                                                                    \
  FIELD(struct rkv_metrics_call, call)                                                             \
  FIELD(struct rkv_metrics_call, leader)                                                           \
  FIELD(struct rkv_metrics_call, state)                                                            \
  FIELD(struct rkv_metrics_call, vote)                                                             \
  FIELD(struct rkv_metrics_call, last)                                                             \
  FIELD(struct rkv_metrics_call, committed)                                                        \
  FIELD(struct rkv_metrics_call, applied)                                                          \
  FIELD(struct rkv_metrics_call, snapshot)                                                         \
  FIELD(struct rkv_metrics_call, purged)                                                           \
  FIELD(struct rkv_metrics_call, membership)                                                       \
  FIELD(struct rkv_metrics_call, text)                                                             \
  SIZE(struct rkv_admin_call)                                                                      \
  FIELD(struct rkv_admin_call, call)                                                               \
  FIELD(struct rkv_admin_call, method)                                                             \
  FIELD(struct rkv_admin_call, request)                                                            \
  FIELD(struct rkv_admin_call, answer)                                                             \
  SIZE(struct rkv_swap_call)                                                                       \
  FIELD(struct rkv_swap_call, call)                                                                \
  FIELD(struct rkv_swap_call, action)                                                              \
  FIELD(struct rkv_swap_call, forgetful)                                                           \
  FIELD(struct rkv_swap_call, plugin)                                                              \
  FIELD(struct rkv_swap_call, settings)                                                            \
  FIELD(struct rkv_swap_call, setting_count)                                                       \
  FIELD(struct rkv_swap_call, phase)                                                               \
  FIELD(struct rkv_swap_call, reserved)                                                            \
  FIELD(struct rkv_swap_call, done)                                                                \
  FIELD(struct rkv_swap_call, total)                                                               \
  FIELD(struct rkv_swap_call, text)                                                                \
  SIZE(struct rkv_option)                                                                          \
  FIELD(struct rkv_option, name)                                                                   \
  FIELD(struct rkv_option, default_text)                                                           \
  FIELD(struct rkv_option, help)                                                                   \
  FIELD(struct rkv_option, choices)                                                                \
  FIELD(struct rkv_option, min)                                                                    \
  FIELD(struct rkv_option, max)                                                                    \
  FIELD(struct rkv_option, type)                                                                   \
  FIELD(struct rkv_option, flags)                                                                  \
  SIZE(struct rkv_value)                                                                           \
  FIELD(struct rkv_value, text)                                                                    \
  FIELD(struct rkv_value, origin)                                                                  \
  FIELD(struct rkv_value, number)                                                                  \
  SIZE(struct rkv_config)                                                                          \
  FIELD(struct rkv_config, struct_size)                                                            \
  FIELD(struct rkv_config, count)                                                                  \
  FIELD(struct rkv_config, values)                                                                 \
  SIZE(struct rkv_metric)                                                                          \
  FIELD(struct rkv_metric, name)                                                                   \
  FIELD(struct rkv_metric, help)                                                                   \
  FIELD(struct rkv_metric, read)                                                                   \
  FIELD(struct rkv_metric, arg)                                                                    \
  SIZE(struct rkv_host)                                                                            \
  FIELD(struct rkv_host, struct_size)                                                              \
  FIELD(struct rkv_host, log_level)                                                                \
  FIELD(struct rkv_host, ctx)                                                                      \
  FIELD(struct rkv_host, node_id)                                                                  \
  FIELD(struct rkv_host, node_addr)                                                                \
  FIELD(struct rkv_host, log)                                                                      \
  FIELD(struct rkv_host, now_ns)                                                                   \
  FIELD(struct rkv_host, buf_alloc)                                                                \
  FIELD(struct rkv_host, metric_register)                                                          \
  FIELD(struct rkv_host, fatal)                                                                    \
  FIELD(struct rkv_host, open_under)                                                               \
  SIZE(struct rkv_under)                                                                           \
  FIELD(struct rkv_under, struct_size)                                                             \
  FIELD(struct rkv_under, abi_minor)                                                               \
  FIELD(struct rkv_under, name)                                                                    \
  FIELD(struct rkv_under, capabilities)                                                            \
  FIELD(struct rkv_under, ops)                                                                     \
  FIELD(struct rkv_under, instance)                                                                \
  SIZE(struct rkv_plugin)                                                                          \
  FIELD(struct rkv_plugin, magic)                                                                  \
  FIELD(struct rkv_plugin, abi_major)                                                              \
  FIELD(struct rkv_plugin, abi_minor)                                                              \
  FIELD(struct rkv_plugin, struct_size)                                                            \
  FIELD(struct rkv_plugin, kind)                                                                   \
  FIELD(struct rkv_plugin, name)                                                                   \
  FIELD(struct rkv_plugin, version)                                                                \
  FIELD(struct rkv_plugin, description)                                                            \
  FIELD(struct rkv_plugin, capabilities)                                                           \
  FIELD(struct rkv_plugin, options)                                                                \
  FIELD(struct rkv_plugin, option_count)                                                           \
  FIELD(struct rkv_plugin, option_size)                                                            \
  FIELD(struct rkv_plugin, ops)                                                                    \
  FIELD(struct rkv_plugin, ops_size)                                                               \
  FIELD(struct rkv_plugin, reserved)                                                               \
  SIZE(struct rkv_state_machine_ops)                                                               \
  FIELD(struct rkv_state_machine_ops, open)                                                        \
  FIELD(struct rkv_state_machine_ops, close)                                                       \
  FIELD(struct rkv_state_machine_ops, validate)                                                    \
  FIELD(struct rkv_state_machine_ops, apply)                                                       \
  FIELD(struct rkv_state_machine_ops, query)                                                       \
  FIELD(struct rkv_state_machine_ops, applied)                                                     \
  FIELD(struct rkv_state_machine_ops, snapshot_begin)                                              \
  FIELD(struct rkv_state_machine_ops, snapshot_read)                                               \
  FIELD(struct rkv_state_machine_ops, snapshot_end)                                                \
  FIELD(struct rkv_state_machine_ops, restore_begin)                                               \
  FIELD(struct rkv_state_machine_ops, restore_write)                                               \
  FIELD(struct rkv_state_machine_ops, restore_finish)                                              \
  FIELD(struct rkv_state_machine_ops, restore_abort)                                               \
  FIELD(struct rkv_state_machine_ops, restore_check)                                               \
  FIELD(struct rkv_state_machine_ops, describe)                                                    \
  FIELD(struct rkv_state_machine_ops, digest)                                                      \
  SIZE(struct rkv_completion)                                                                      \
  FIELD(struct rkv_completion, done)                                                               \
  SIZE(struct rkv_storage_state)                                                                   \
  FIELD(struct rkv_storage_state, vote)                                                            \
  FIELD(struct rkv_storage_state, last)                                                            \
  FIELD(struct rkv_storage_state, purged)                                                          \
  FIELD(struct rkv_storage_state, snapshot)                                                        \
  FIELD(struct rkv_storage_state, identity)                                                        \
  SIZE(struct rkv_storage_ops)                                                                     \
  FIELD(struct rkv_storage_ops, open)                                                              \
  FIELD(struct rkv_storage_ops, close)                                                             \
  FIELD(struct rkv_storage_ops, load)                                                              \
  FIELD(struct rkv_storage_ops, save_vote)                                                         \
  FIELD(struct rkv_storage_ops, save_identity)                                                     \
  FIELD(struct rkv_storage_ops, append)                                                            \
  FIELD(struct rkv_storage_ops, truncate)                                                          \
  FIELD(struct rkv_storage_ops, purge)                                                             \
  FIELD(struct rkv_storage_ops, read)                                                              \
  FIELD(struct rkv_storage_ops, snapshot_begin)                                                    \
  FIELD(struct rkv_storage_ops, snapshot_write)                                                    \
  FIELD(struct rkv_storage_ops, snapshot_commit)                                                   \
  FIELD(struct rkv_storage_ops, snapshot_abort)                                                    \
  FIELD(struct rkv_storage_ops, snapshot_open)                                                     \
  FIELD(struct rkv_storage_ops, snapshot_read)                                                     \
  FIELD(struct rkv_storage_ops, snapshot_close)                                                    \
  SIZE(struct rkv_node_api)                                                                        \
  FIELD(struct rkv_node_api, struct_size)                                                          \
  FIELD(struct rkv_node_api, reserved)                                                             \
  FIELD(struct rkv_node_api, ctx)                                                                  \
  FIELD(struct rkv_node_api, vote)                                                                 \
  FIELD(struct rkv_node_api, append)                                                               \
  FIELD(struct rkv_node_api, snapshot_begin)                                                       \
  FIELD(struct rkv_node_api, snapshot_write)                                                       \
  FIELD(struct rkv_node_api, snapshot_finish)                                                      \
  FIELD(struct rkv_node_api, snapshot_abort)                                                       \
  FIELD(struct rkv_node_api, propose)                                                              \
  FIELD(struct rkv_node_api, query)                                                                \
  FIELD(struct rkv_node_api, init)                                                                 \
  FIELD(struct rkv_node_api, add_learner)                                                          \
  FIELD(struct rkv_node_api, change_membership)                                                    \
  FIELD(struct rkv_node_api, metrics)                                                              \
  FIELD(struct rkv_node_api, kick)                                                                 \
  FIELD(struct rkv_node_api, pre_vote)                                                             \
  FIELD(struct rkv_node_api, timeout_now)                                                          \
  FIELD(struct rkv_node_api, read_index)                                                           \
  FIELD(struct rkv_node_api, transfer)                                                             \
  FIELD(struct rkv_node_api, snapshot_now)                                                         \
  FIELD(struct rkv_node_api, hello)                                                                \
  FIELD(struct rkv_node_api, remove)                                                               \
  FIELD(struct rkv_node_api, set_address)                                                          \
  FIELD(struct rkv_node_api, swap_storage)                                                         \
  FIELD(struct rkv_node_api, admin)                                                                \
  SIZE(struct rkv_peer_info)                                                                       \
  FIELD(struct rkv_peer_info, id)                                                                  \
  FIELD(struct rkv_peer_info, addr)                                                                \
  FIELD(struct rkv_peer_info, incarnation)                                                         \
  FIELD(struct rkv_peer_info, cluster)                                                             \
  FIELD(struct rkv_peer_info, from_incarnation)                                                    \
  SIZE(struct rkv_transport_ops)                                                                   \
  FIELD(struct rkv_transport_ops, open)                                                            \
  FIELD(struct rkv_transport_ops, start)                                                           \
  FIELD(struct rkv_transport_ops, stop)                                                            \
  FIELD(struct rkv_transport_ops, close)                                                           \
  FIELD(struct rkv_transport_ops, peer_open)                                                       \
  FIELD(struct rkv_transport_ops, peer_close)                                                      \
  FIELD(struct rkv_transport_ops, send_vote)                                                       \
  FIELD(struct rkv_transport_ops, send_append)                                                     \
  FIELD(struct rkv_transport_ops, send_snapshot_begin)                                             \
  FIELD(struct rkv_transport_ops, send_snapshot_write)                                             \
  FIELD(struct rkv_transport_ops, send_snapshot_finish)                                            \
  FIELD(struct rkv_transport_ops, send_snapshot_abort)                                             \
  FIELD(struct rkv_transport_ops, send_pre_vote)                                                   \
  FIELD(struct rkv_transport_ops, send_timeout_now)                                                \
  FIELD(struct rkv_transport_ops, send_read_index)                                                 \
  FIELD(struct rkv_transport_ops, send_hello)                                                      \
  FIELD(struct rkv_transport_ops, send_propose)                                                    \
  FIELD(struct rkv_transport_ops, send_query)                                                      \
  FIELD(struct rkv_transport_ops, send_init)                                                       \
  FIELD(struct rkv_transport_ops, send_add_learner)                                                \
  FIELD(struct rkv_transport_ops, send_change_membership)                                          \
  FIELD(struct rkv_transport_ops, send_remove)                                                     \
  FIELD(struct rkv_transport_ops, send_set_address)                                                \
  FIELD(struct rkv_transport_ops, send_transfer)                                                   \
  FIELD(struct rkv_transport_ops, send_snapshot_now)                                               \
  FIELD(struct rkv_transport_ops, send_metrics)                                                    \
  FIELD(struct rkv_transport_ops, send_admin)

#endif
