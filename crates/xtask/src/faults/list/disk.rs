//! Faults of the disk below the embedded log and the keys. Only the table; `list` says how a test is named.

use super::{Fault, fault};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        30,
        "power cut",
        &[
            "crates/segment/tests/space/power.rs::whatever_a_power_cut_leaves_holds_every_acknowledged_call_whole_and_in_order",
            "crates/segment/tests/it/crash.rs::after_a_crash_at_any_moment_the_store_is_a_prefix_that_holds_every_acknowledged_call",
        ],
    ),
    fault(
        31,
        "the last record torn at every byte",
        &[
            "crates/segment/tests/it/damage.rs::a_torn_last_block_is_cut_at_every_length",
            "crates/keyring/tests/files.rs::a_torn_tail_is_cut_at_every_byte_and_nothing_else_is_lost",
            "crates/log/tests/record.rs::every_cut_is_refused",
        ],
    ),
    fault(
        32,
        "a bit flipped in any byte",
        &[
            "crates/segment/tests/it/damage.rs::a_changed_bit_in_any_byte_is_found_and_never_costs_a_confirmed_entry",
            "crates/segment/tests/it/damage.rs::a_thousand_random_single_changes_are_all_found",
            "crates/audit/tests/it/changes.rs::each_of_a_thousand_random_changes_is_found_and_none_in_the_original",
            "crates/keyring/tests/files.rs::any_changed_bit_is_found",
            "crates/log-embedded/src/manifest.rs::every_changed_byte_is_found",
            "crates/log-kafka/tests/it/replica.rs::a_damaged_replica_is_read_again",
            "crates/segment/tests/fuzzed.rs::a_segment_of_any_bytes_gives_what_was_written_or_nothing",
        ],
    ),
    fault(
        33,
        "a write or a sync fails once",
        &[
            "crates/segment/tests/space/space.rs::after_one_failed_sync_every_append_fails_and_acknowledged_entries_are_kept",
            "crates/segment/tests/space/space.rs::after_one_failed_write_every_append_fails_and_acknowledged_entries_are_kept",
        ],
    ),
    fault(
        34,
        "no room, and room again",
        &[
            "crates/segment/tests/space/space.rs::a_full_disk_refuses_whole_appends_until_there_is_room",
            "crates/segment/tests/space/space.rs::without_room_for_a_segment_appends_fail_whole_and_go_on_when_there_is_room",
        ],
    ),
    fault(
        35,
        "a directory that cannot be written",
        &["tests/e2e/operate.rs::a_data_directory_that_cannot_be_made_is_refused_by_its_name"],
    ),
    fault(
        36,
        "a slow sync, under five times the load that it carries",
        &[
            "tests/e2e/strain.rs::five_times_the_load_is_refused_without_effect_and_the_product_recovers",
        ],
    ),
    fault(
        37,
        "a new file is gone after a power cut",
        &[
            "crates/segment/tests/space/power.rs::whatever_a_power_cut_leaves_holds_every_acknowledged_call_whole_and_in_order",
        ],
    ),
    fault(
        38,
        "an old copy of the data is started",
        &[
            "crates/audit/tests/it/changes.rs::a_log_that_was_rolled_back_is_found_by_a_head_that_was_kept",
            "crates/keyring/tests/keys.rs::an_old_backup_says_that_it_is_too_old",
            "tests/e2e/operate.rs::a_backup_restored_elsewhere_has_the_same_history_and_keys",
        ],
    ),
];
