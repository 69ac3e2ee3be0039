/* storage_laws.h: the laws of a log storage (rkv/storage.h), by number. A number never changes its
 * meaning. Laws 1 to 31 are OpenRaft's suite of 45 situations, as far as its storage does what ours
 * does. Its situations of state machines are in sm_laws.h. */
#ifndef CONTRACT_STORAGE_LAWS_H
#define CONTRACT_STORAGE_LAWS_H

/* What a storage holds and gives back. */
#define STORAGE_LAWS_HOLD(X)                                                                       \
  X(1, starts_empty, BASIC, 0, 10,                                                                 \
    "A new storage has no vote, no entry, nothing purged and no snapshot.")                        \
  X(2, vote_is_kept, BASIC, RKV_CAP_DURABLE, 10,                                                   \
    "The last vote saved is the vote loaded, with term, node and committed, whatever else is "     \
    "done.")                                                                                       \
  X(3, append_is_read_at_once, BASIC, 0, 10,                                                       \
    "Entries can be read as soon as append has returned, also before its completion.")             \
  X(4, entries_keep_every_field, BASIC, 0, 10,                                                     \
    "Term, index, kind and payload come back as they were given, empty and binary ones too.")      \
  X(5, append_takes_references, BASIC, 0, 10,                                                      \
    "append borrows the array and shares the payloads: the caller may drop both when it returns.") \
  X(6, read_gives_every_range, BASIC, 0, 10,                                                       \
    "A read gives the entries of its range, both ends included, clipped to what is held.")         \
  X(7, read_heeds_capacity, BASIC, 0, 10, "A read gives at most `capacity` entries.")              \
  X(8, read_heeds_bytes_max, BASIC, 0, 10,                                                         \
    "A read stops before payloads exceed bytes_max, but gives at least one entry.")                \
  X(9, read_beyond_gives_nothing, BASIC, 0, 10,                                                    \
    "A read that begins behind the last entry gives no entry and no error.")                       \
  X(10, read_of_purged_is_refused, BASIC, 0, 10,                                                   \
    "A read that begins at a purged entry is NOT_FOUND, with a text.")                             \
  X(11, payloads_outlive_the_log, BASIC, 0, 10,                                                    \
    "A payload that was read stays as it is when its entry is truncated or purged.")               \
  X(12, truncate_drops_the_suffix, BASIC, 0, 20,                                                   \
    "truncate(after) drops exactly the entries above `after`, for every `after`.")                 \
  X(13, truncate_beyond_does_nothing, BASIC, 0, 10,                                                \
    "truncate at or behind the last entry changes nothing.")                                       \
  X(14, log_goes_on_after_truncate, BASIC, 0, 20,                                                  \
    "Entries appended after a truncate stand in the place of the dropped ones, which are gone "    \
    "for good.")                                                                                   \
  X(15, purge_drops_the_prefix, BASIC, 0, 20,                                                      \
    "purge(up_to) drops exactly the entries up to and including it, for every one.")               \
  X(16, purge_to_the_tip, BASIC, 0, 10,                                                            \
    "After a purge of everything the log is empty, and goes on behind the purged id.")             \
  X(17, purge_beyond_the_tip, BASIC, 0, 10,                                                        \
    "After a purge beyond the last entry, `up_to` is the last id and the log goes on behind it.")  \
  X(18, purge_below_does_nothing, BASIC, 0, 10,                                                    \
    "A purge at or below what is purged changes nothing, neither its index nor its term.")         \
  X(19, truncate_down_to_purged, BASIC, 0, 10,                                                     \
    "truncate(purged) empties the log; purged is its last id then.")                               \
  X(20, state_is_loaded, BASIC, RKV_CAP_DURABLE, 20,                                               \
    "vote, last, purged and snapshot are loaded as they were left, however often it is opened.")   \
  X(58, identity_is_kept, BASIC, RKV_CAP_DURABLE, 10,                                              \
    "The last identity saved is the one loaded, with cluster, incarnation and settled.")

/* Completions. */
#define STORAGE_LAWS_TOLD(X)                                                                       \
  X(21, completions_come_once, BASIC, 0, 20, "Each completion is called exactly once.")            \
  X(22, completions_come_in_order, BASIC, 0, 20,                                                   \
    "Completions are called in the order of the calls, votes and appends together.")               \
  X(23, completions_may_call_in, BASIC, 0, 20,                                                     \
    "A completion may call save_vote, append, truncate, purge and read.")                          \
  X(24, completions_may_free, BASIC, 0, 10,                                                        \
    "The storage does not touch a completion after it was called: it may be freed inside.")        \
  X(25, close_completes_everything, BASIC, 0, 20,                                                  \
    "When close returns every completion has been called; OK is kept, CANCELLED is a suffix.")

/* Snapshots. */
#define STORAGE_LAWS_SNAPSHOT(X)                                                                   \
  X(26, snapshot_is_read_back, BASIC, 0, 20,                                                       \
    "A committed snapshot is opened with its meta, its size and every byte, empty ones too.")      \
  X(27, snapshot_is_read_anywhere, BASIC, 0, 20,                                                   \
    "snapshot_read gives the bytes at any offset, at most `max`; nothing behind the end.")         \
  X(28, snapshot_appears_at_commit, BASIC, 0, 10,                                                  \
    "Before its commit a snapshot is not to be seen; the present one is.")                         \
  X(29, aborted_snapshot_is_gone, BASIC, 0, 10, "An aborted snapshot leaves the present one.")     \
  X(30, readers_keep_their_snapshot, BASIC, 0, 10,                                                 \
    "A reader goes on with the snapshot it opened while newer ones are committed.")                \
  X(31, snapshot_is_kept, BASIC, RKV_CAP_DURABLE, 20,                                              \
    "After a reopen the newest committed snapshot is there; what was unfinished is not.")

/* Amounts and company. */
#define STORAGE_LAWS_LIMITS(X)                                                                     \
  X(32, sizes_of_entries, BASIC, 0, 60,                                                            \
    "Payloads of any size from 0 bytes to 64 MiB (level full; else 4 MiB) are kept.")              \
  X(33, many_small_entries, BASIC, 0, 60,                                                          \
    "A million small entries (level full; else 50,000) are held, read, cut at both ends, kept.")   \
  X(34, large_snapshot, BASIC, 0, 60, "A snapshot of 256 MiB (level full; else 16 MiB) is kept.")  \
  X(35, purge_returns_space, CRASH, 0, 60,                                                         \
    "A log that is purged behind its end needs a bounded room, in memory and in its directory.")   \
  X(36, memory_is_bounded, FULL, RKV_CAP_DURABLE, 60,                                              \
    "A durable log of 2 GiB does not stay in memory.")                                             \
  X(37, nothing_leaks, BASIC, 0, 60,                                                               \
    "Opening, working and closing again and again leaves no memory, descriptor or thread behind.") \
  X(38, instances_are_apart, BASIC, 0, 20,                                                         \
    "Two instances in one process know nothing of each "                                           \
    "other.")                                                                                      \
  X(39, readers_meet_an_appender, BASIC, 0, 60,                                                    \
    "Reads that overlap appends, truncates and purges give whole entries in order, never others.") \
  X(40, snapshots_meet_the_log, BASIC, 0, 60,                                                      \
    "A snapshot may be written and read while the log is worked on.")                              \
  X(41, model, BASIC, 0, 60,                                                                       \
    "Any sequence of operations leaves what a simple model says (a million at level full).")

/* Trouble. */
#define STORAGE_LAWS_CRASH(X)                                                                      \
  X(42, acked_survives_kills, CRASH, RKV_CAP_DURABLE, 60,                                          \
    "After kill -9 at any moment all that was acknowledged is there; what was not is absent or "   \
    "whole.")                                                                                      \
  X(43, acked_survives_lost_power, CRASH, RKV_CAP_DURABLE, 60,                                     \
    "The same after a loss of power that drops any sectors (512 B, 4 KiB) not synced.")            \
  X(44, conflicts_survive_any_call, CRASH, RKV_CAP_DURABLE, 120,                                   \
    "Truncates and appends ended at any call that changes the disk: the old suffix never "         \
    "returns.")                                                                                    \
  X(45, snapshots_survive_any_call, CRASH, RKV_CAP_DURABLE, 120,                                   \
    "A snapshot whose commit is ended at any such call is there as a whole or not at all.")        \
  X(46, ack_waits_for_sync, CRASH, RKV_CAP_DURABLE, 20,                                            \
    "Nothing is acknowledged before a sync that came after it.")                                   \
  X(47, failed_write_is_final, CRASH, RKV_CAP_DURABLE, 60,                                         \
    "After a failed write nothing succeeds any more and fatal is called; what was acknowledged "   \
    "before is kept.")                                                                             \
  X(48, failed_sync_is_final, CRASH, RKV_CAP_DURABLE, 60,                                          \
    "The same after one failed sync, whose dirty pages the device has dropped.")                   \
  X(49, full_device_loses_nothing, CRASH, RKV_CAP_DURABLE, 60,                                     \
    "A device without room left costs nothing that was acknowledged.")                             \
  X(50, few_descriptors, CRASH, RKV_CAP_DURABLE, 60,                                               \
    "Without descriptors open is refused with a text, and harms nothing.")                         \
  X(51, read_only_directory, CRASH, RKV_CAP_DURABLE, 20,                                           \
    "On a read-only file system open is refused with a text, and harms nothing.")                  \
  X(52, one_process_at_a_time, CRASH, RKV_CAP_DURABLE, 60,                                         \
    "A directory in use is not opened by another process, and who uses it is not harmed.")         \
  X(53, foreign_node_is_refused, CRASH, RKV_CAP_DURABLE, 20,                                       \
    "The directory of another node is FOREIGN.")                                                   \
  X(54, refusal_changes_nothing, CRASH, RKV_CAP_DURABLE, 20,                                       \
    "An open that is refused leaves every byte of the directory as it was.")                       \
  X(55, torn_tail_is_cut, CRASH, RKV_CAP_DURABLE, 60,                                              \
    "Of what was not synced any part may be cut off or changed: it opens to all that was "         \
    "acknowledged, and goes on.")                                                                  \
  X(56, damage_is_found, CRASH, RKV_CAP_DURABLE | RKV_CAP_FINDS_DAMAGE, 60,                        \
    "A bit flipped in what was synced before the last entries is CORRUPT or changes nothing: the " \
    "log is never changed or shortened silently.")                                                 \
  X(57, garbage_is_no_entry, CRASH, RKV_CAP_DURABLE, 60,                                           \
    "Garbage in the place of what was not synced is no entry and no reason to refuse the others.") \
  X(59, lost_batch_never_returns, CRASH, RKV_CAP_DURABLE, 60,                                      \
    "Entries of a batch that power loss tore do not come back behind new ones of the same size.")

/* Lives one after the other, with a page cache that outlives them. */
#define STORAGE_LAWS_HEIR(X)                                                                       \
  X(60, acks_rest_on_what_is_durable, CRASH, RKV_CAP_DURABLE, 120,                                 \
    "What is acknowledged after a kill and a restart outlives power loss, whatever names and "     \
    "bytes the killed life had not made durable.")                                                 \
  X(61, sync_settles_the_past, CRASH, RKV_CAP_DURABLE, 60,                                         \
    "With sync on again, all that lives without it left is durable before anything is "            \
    "acknowledged.")

/* A device that has a size. */
#define STORAGE_LAWS_FULL(X)                                                                       \
  X(63, purge_makes_room, CRASH, RKV_CAP_DURABLE, 120,                                             \
    "While an append waits for room a snapshot as large as the one before can be written, and a "  \
    "purge behind the append goes ahead and gives it its room.")                                   \
  X(64, full_device_opens, CRASH, RKV_CAP_DURABLE, 120,                                            \
    "After a kill a storage on a full device opens with all that was acknowledged, and a purge "   \
    "gives room.")                                                                                 \
  X(65, waiting_is_quiet, CRASH, RKV_CAP_DURABLE, 60,                                              \
    "Who waits for room looks for it, and does not write what finds none.")                        \
  X(66, refused_snapshot_leaves_nothing, CRASH, RKV_CAP_DURABLE, 60,                               \
    "A snapshot that finds no room, at whichever call, leaves its room to others.")

/* Opens that are refused. */
#define STORAGE_LAWS_REFUSED(X)                                                                    \
  X(62, refusal_keeps_every_byte, CRASH, RKV_CAP_DURABLE, 60,                                      \
    "An open that is refused for any damaged file leaves the bytes of every file, perhaps under "  \
    "another name.")

/* Directories with missing files, and with files of something else. */
#define STORAGE_LAWS_MISSING(X)                                                                    \
  X(67, missing_files_are_told, CRASH, RKV_CAP_DURABLE, 120,                                       \
    "Where files of a directory were removed or emptied, whichever and however many, open is "     \
    "CORRUPT, names one of them and changes nothing, or all that was acknowledged is there. All "  \
    "removed: a new directory.")                                                                   \
  X(68, strangers_are_refused, CRASH, RKV_CAP_DURABLE, 20,                                         \
    "A directory in which there is only what others made is no new one: open is refused, names "   \
    "one of the files and changes nothing. Names with a leading dot and lost+found are nobody's.")

/* Ids of any size and in any order. */
#define STORAGE_LAWS_IDS(X)                                                                        \
  X(69, large_ids, BASIC, 0, 20,                                                                   \
    "Indexes, terms and node ids beyond 2^31, 2^32, 2^40 and 2^53 pass every operation.")          \
  X(70, falling_terms, BASIC, 0, 20,                                                               \
    "Terms are not compared: entries whose terms fall are held, cut, purged and kept as given.")   \
  X(71, purged_as_given, BASIC, 0, 10,                                                             \
    "A purge drops by index, and its id is the one kept, also where the entry has another term.")

/* What a caller may ask. */
#define STORAGE_LAWS_ASK(X)                                                                        \
  X(72, load_at_any_time, BASIC, 0, 20,                                                            \
    "load gives what all calls so far led to, at any time and as often as it is asked.")           \
  X(73, empty_state_has_a_snapshot, BASIC, 0, 20,                                                  \
    "A snapshot of the empty state can be told from none, by its id.")                             \
  X(74, read_at_the_edges, BASIC, 0, 10,                                                           \
    "A read from 0 is NOT_FOUND, one that ends before it begins gives nothing; `to` is any "       \
    "number.")                                                                                     \
  X(75, size_is_counted, BASIC, 0, 10,                                                             \
    "A snapshot has as many bytes as were written, whatever its description said.")

/* Callers that break the contract. */
#define STORAGE_LAWS_BREACH(X)                                                                     \
  X(76, breach_is_fatal, BASIC, 0, 60,                                                             \
    "An append with a hole, or a truncation below what is purged, changes nothing; fatal is "      \
    "called, with a text that names the entry, and nothing handed in later succeeds.")

/* Threads that must not wait. */
#define STORAGE_LAWS_BLOCKS(X)                                                                     \
  X(77, calls_do_not_block, BASIC, 0, 60,                                                          \
    "append, save_vote, save_identity, truncate and purge do not wait for a device that takes a "  \
    "second for each call, and do not work long on large entries.")

/* Bytes that decay while they are in use. */
#define STORAGE_LAWS_DECAY(X)                                                                      \
  X(78, reads_meet_decay, CRASH, RKV_CAP_DURABLE | RKV_CAP_FINDS_DAMAGE, 60,                       \
    "A bit flipped while the storage is open: a read of entries or of a snapshot is CORRUPT or "   \
    "gives what was written.")

/* What a crash leaves. */
#define STORAGE_LAWS_SWEPT(X)                                                                      \
  X(79, unfinished_is_swept, CRASH, RKV_CAP_DURABLE, 120,                                          \
    "What a kill at any call of a snapshot left unfinished is gone once the storage is open "      \
    "again.")

/* Bytes that compress. */
#define STORAGE_LAWS_TEXTURE(X)                                                                    \
  X(80, any_bytes_are_kept, BASIC, 0, 20,                                                          \
    "Zeros, repeats, text and mixtures, which compress, are kept as random bytes are: in entries " \
    "and snapshots of every size, and in memberships.")

#define STORAGE_LAWS(X)                                                                            \
  STORAGE_LAWS_HOLD(X)                                                                             \
  STORAGE_LAWS_TOLD(X)                                                                             \
  STORAGE_LAWS_SNAPSHOT(X)                                                                         \
  STORAGE_LAWS_LIMITS(X)                                                                           \
  STORAGE_LAWS_CRASH(X)                                                                            \
  STORAGE_LAWS_HEIR(X)                                                                             \
  STORAGE_LAWS_REFUSED(X)                                                                          \
  STORAGE_LAWS_MISSING(X)                                                                          \
  STORAGE_LAWS_FULL(X)                                                                             \
  STORAGE_LAWS_IDS(X)                                                                              \
  STORAGE_LAWS_ASK(X)                                                                              \
  STORAGE_LAWS_BREACH(X)                                                                           \
  STORAGE_LAWS_BLOCKS(X)                                                                           \
  STORAGE_LAWS_DECAY(X)                                                                            \
  STORAGE_LAWS_SWEPT(X)                                                                            \
  STORAGE_LAWS_TEXTURE(X)

/* For the files with laws. */
struct contract;
#define STORAGE_LAW_PROTOTYPE(number, name, level, needs, seconds, says)                           \
  void storage_law_##name(struct contract *c);

#endif
