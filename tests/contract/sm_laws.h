/* sm_laws.h: the laws of a state machine (rkv/state_machine.h), by number. */
#ifndef CONTRACT_SM_LAWS_H
#define CONTRACT_SM_LAWS_H

#define SM_QUERIES RKV_CAP_CONCURRENT_QUERIES

#define SM_LAWS(X)                                                                                 \
  X(1, opens_and_closes, BASIC, 0, 10, "It opens with legal options and closes; nothing is left.") \
  X(2, starts_empty, BASIC, 0, 10,                                                                 \
    "A new machine has applied nothing and holds no membership; its snapshot restores.")           \
  X(3, takes_commands, BASIC, 0, 10,                                                               \
    "validate takes some of the suite's commands, or those of --commands FILE.")                   \
  X(4, applied_follows, BASIC, 0, 20,                                                              \
    "applied() is the last entry of any kind, and the last membership with its log id.")           \
  X(5, same_log_same_state, BASIC, 0, 30,                                                          \
    "Two machines that applied the same log, in other batches, answer the same and are the same.") \
  X(6, instances_are_apart, BASIC, 0, 20, "What one machine applies changes no other one.")        \
  X(7, keeps_nothing_borrowed, BASIC, 0, 20,                                                       \
    "Entries, requests and chunks are borrowed: a machine shares or copies what it keeps.")        \
  X(8, answers_stay, BASIC, 0, 20,                                                                 \
    "Answers, chunks and memberships that were given stay as they were, also after close.")        \
  X(9, validate_is_right, BASIC, 0, 30,                                                            \
    "Whatever bytes validate takes, apply takes, with the same answer on two machines.")           \
  X(10, senseless_commands, BASIC, 0, 30,                                                          \
    "A committed command that validate would refuse is an answer and no error, everywhere alike.") \
  X(11, large_commands, BASIC, 0, 30,                                                              \
    "The largest command that validate takes is applied, written and restored.")                   \
  X(12, questions_change_nothing, BASIC, 0, 20,                                                    \
    "Any bytes may be asked: answered, or refused as RKV_INVALID; the state stays as it was.")     \
  X(13, any_chunk_size, BASIC, 0, 30,                                                              \
    "The same state gives the same bytes in chunks of 1 byte to 1 MiB, none over the wish.")       \
  X(14, snapshot_restores, BASIC, 0, 30,                                                           \
    "A snapshot restores to an equal state, cut anywhere, and goes on equally from there.")        \
  X(15, snapshot_is_a_point, BASIC, 0, 30,                                                         \
    "A snapshot read while entries are applied is the state at its begin.")                        \
  X(16, snapshots_beside, BASIC, 0, 20,                                                            \
    "Several views are apart, outlive a restore, and may be ended unread.")                        \
  X(17, restore_replaces, BASIC, 0, 20,                                                            \
    "A restore leaves nothing of the state before it, and applied() is the snapshot's.")           \
  X(18, half_restore_changes_nothing, BASIC, 0, 30,                                                \
    "A snapshot that was cut is refused as RKV_CORRUPT, and the state stays as it was.")           \
  X(19, damage_changes_nothing, BASIC, 0, 30,                                                      \
    "A damaged snapshot never crashes it; if refused, the state stays as it was.")                 \
  X(20, restore_in_service, BASIC, 0, 30,                                                          \
    "While a restore is written the present state is in service; abort leaves it as it was.")      \
  X(21, membership_survives, BASIC, 0, 20,                                                         \
    "Memberships survive a snapshot byte for byte: joint, learners, incarnations, 64 nodes.")      \
  X(22, many_keys, BASIC, 0, 60,                                                                   \
    "With very many commands a snapshot begins at once and restores to an equal state.")           \
  X(23, validate_anywhere, BASIC, 0, 30, "validate may be called by any thread at any time.")      \
  X(24, queries_see_a_prefix, BASIC, SM_QUERIES, 30,                                               \
    "A query beside apply is answered from one applied prefix, never older than one before it.")   \
  X(25, lives, BASIC, 0, 60, "Whatever is done in whatever order, the state is that of its log.")  \
  X(26, checked_restore_waits, BASIC, 0, 30,                                                       \
    "After restore_check the old state answers, applies and survives abort, until the finish.")    \
  X(27, membership_is_the_metas, BASIC, 0, 20,                                                     \
    "A snapshot of another membership than its meta's is refused, or the meta's is in force.")     \
  X(28, forgets_or_is_durable, BASIC, 0, 20,                                                       \
    "Opened again it is empty; a durable one holds what it applied, and has restore_check.")       \
  X(29, words_are_a_line, BASIC, 0, 30,                                                            \
    "describe puts any bytes into one line, always the same, by any thread, or says INVALID.")     \
  X(30, same_elsewhere, BASIC, 0, 60,                                                              \
    "Its log alone decides: node, address, clock, chance, environment, locale, memory do not.")    \
  X(31, nothing_beside, BASIC, 0, 30,                                                              \
    "What it answers by is in its snapshot: a restored machine answers everything alike.")         \
  X(32, size_survives, BASIC, 0, 60,                                                               \
    "Many keys, values up to 1 MiB and deletes: after a restore all goes on as before it.")        \
  X(33, same_state_same_digest, BASIC, 0, 30,                                                      \
    "The same state has the same digest: any batches, another node, after a restore, a restart.")  \
  X(34, other_state_other_digest, BASIC, 0, 30, "States that differ have digests that differ.")    \
  X(35, damage_is_refused, BASIC, 0, 60,                                                           \
    "A snapshot that was changed anywhere is refused: each bit and byte, cuts and additions.")

#endif
