//! Which tests put which fault in. The faults are numbered as in the plan of the proof
//! (`docs/evidence/README.md` has the table the other way round, by invariant).
//!
//! A test stands as `file::name`; `model` is the exhaustive check, `sim` a campaign of the simulator. A
//! fault without a test says so.

/// A fault.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) number: u8,
    pub(crate) what: &'static str,
    pub(crate) tests: &'static [&'static str],
}

const fn fault(number: u8, what: &'static str, tests: &'static [&'static str]) -> Fault {
    Fault { number, what, tests }
}

/// All of them, in order.
pub(crate) const FAULTS: &[Fault] = &[
    fault(
        1,
        "kill -9 of an owner, at random and at every append",
        &[
            "tests/e2e/crash.rs::every_acknowledged_command_survives_kill_nine_exactly_once",
            "crates/log-embedded/tests/kill.rs::what_was_acknowledged_survives_twenty_kills",
            "crates/orchestrator/tests/run/crash.rs::killed_at_each_append_it_comes_to_its_end_with_no_effect_twice",
            "crates/orchestrator/tests/run/crash.rs::killed_at_each_append_it_takes_everything_back_once_in_reverse_order",
            "crates/segment/tests/it/crash.rs::after_a_crash_at_any_moment_the_store_is_a_prefix_that_holds_every_acknowledged_call",
            "model",
            "tests/e2e/saga_crash.rs::every_saga_ends_or_waits_in_sight_though_the_product_is_killed_at_any_moment",
            "tests/cluster/kills.rs::nothing_acknowledged_is_lost_or_doubled_though_nodes_and_brokers_die_freeze_and_come",
            "sim",
        ],
    ),
    fault(
        2,
        "an owner stands still and goes on as a zombie",
        &[
            "crates/log-kafka/tests/failover/main.rs::a_zombie_sees_it_at_its_first_report_and_its_records_are_void",
            "crates/lane/tests/it/commands.rs::a_zombie_cannot_write_behind_the_claim_of_another_owner",
            "model",
            "crates/lane/tests/it/cluster.rs::a_node_that_was_not_told_sees_the_newer_claim_and_steps_down",
            "tests/cluster/kills.rs::nothing_acknowledged_is_lost_or_doubled_though_nodes_and_brokers_die_freeze_and_come",
            "sim",
        ],
    ),
    fault(
        3,
        "crash inside recovery",
        &[
            "crates/segment/tests/it/damage.rs::a_crash_between_two_segments_is_finished_when_opened",
            "crates/segment/tests/it/damage.rs::a_spare_file_left_by_a_crash_is_no_damage",
            "crates/postgres/tests/private_server.rs::a_parent_killed_at_any_moment_of_its_start_leaves_a_directory_that_starts",
            "crates/keyring/tests/files.rs::a_crash_while_a_key_is_destroyed_leaves_the_file_before_or_after",
        ],
    ),
    fault(
        4,
        "two processes with the same data",
        &[
            "tests/e2e/operate.rs::a_second_product_on_the_same_data_or_port_is_refused_with_a_remedy",
            "crates/segment/tests/it/store.rs::a_second_writer_is_refused_and_told_who_holds_the_store",
            "crates/postgres/tests/private_server.rs::a_directory_has_one_server_at_a_time",
        ],
    ),
    fault(5, "out-of-memory kill in the middle of a batch", &[]),
    fault(
        6,
        "panic in a rule, a fold, a saga",
        &[
            "crates/projector/tests/engine.rs::a_panic_in_the_fold_and_a_value_that_cannot_be_stored_park_their_streams",
            "crates/orchestrator/tests/it/timelines.rs::a_fold_that_panics_parks_its_saga",
            "crates/segment/tests/it/store.rs::a_panic_in_a_completion_harms_nobody_else",
            "crates/api/tests/it/edge.rs::a_panic_is_answered_without_detail",
        ],
    ),
    fault(
        7,
        "callers go away: futures are dropped",
        &[
            "crates/lane/tests/it/commands.rs::callers_that_go_away_leave_nothing_half_done",
            "crates/postgres/tests/folding.rs::cancelling_futures_anywhere_leaks_no_transaction",
        ],
    ),
    fault(
        8,
        "a stop under load",
        &[
            "crates/lane/tests/it/commands.rs::a_stopping_runtime_answers_what_it_took_and_refuses_the_rest",
            "crates/api/tests/it/edge.rs::a_draining_node_takes_nothing_new_and_finishes_what_it_has",
            "crates/orchestrator/tests/run/goes.rs::a_stop_lets_calls_under_way_end_and_keeps_their_answers",
        ],
    ),
    fault(
        9,
        "an older program meets newer data",
        &[
            "tests/e2e/operate.rs::a_newer_data_directory_is_refused_and_a_wrong_flag_is_a_usage_error",
            "crates/segment/tests/it/store.rs::a_newer_format_is_refused_by_name",
            "crates/log/tests/rule.rs::bytes_of_nobody_are_gone_past_and_those_of_a_newer_version_are_not",
            "crates/codec/tests/versions.rs::an_event_of_an_older_schema_is_read_by_the_newer_one",
        ],
    ),
    fault(
        10,
        "a node cut off from broker or database",
        &["crates/log-kafka/tests/it/topics.rs::brokers_that_do_not_answer_are_named", "sim"],
    ),
    fault(
        11,
        "a connection breaks in the middle of a request or an answer",
        &[
            "tests/providers/stripe.rs::answers_that_get_lost_are_unknown_and_found_again",
            "tests/providers/bluesky.rs::a_server_that_lies_is_not_believed",
            "sim",
        ],
    ),
    fault(12, "records held back across a takeover", &["model", "sim"]),
    fault(
        13,
        "records written, their answer lost",
        &[
            "crates/lane/tests/it/commands.rs::a_frame_whose_report_is_lost_is_found_by_the_next_claim_of_the_same_owner",
            "model",
            "sim",
        ],
    ),
    fault(14, "the producer's id changes within an epoch", &[]),
    fault(
        15,
        "slow and half-open connections",
        &[
            "tests/providers/smtp.rs::a_server_that_is_not_there_or_silent_got_nothing",
            "crates/orchestrator/tests/run/goes.rs::what_does_not_answer_in_time_is_probed_and_never_done_twice",
        ],
    ),
    fault(16, "name resolution slow, wrong, flapping", &[]),
    fault(
        17,
        "a broker is killed, frozen, started again",
        &[
            "crates/log-kafka/tests/failover/main.rs::killing_the_leader_of_a_lane_loses_and_doubles_nothing",
            "crates/log-kafka/tests/failover/main.rs::a_leader_that_freezes_loses_and_doubles_nothing",
            "tests/cluster/kills.rs::nothing_acknowledged_is_lost_or_doubled_though_nodes_and_brokers_die_freeze_and_come",
        ],
    ),
    fault(
        18,
        "a lane's leader moves with records under way",
        &[
            "crates/log-kafka/tests/failover/main.rs::killing_the_leader_of_a_lane_loses_and_doubles_nothing",
            "model",
            "tests/cluster/kills.rs::nothing_acknowledged_is_lost_or_doubled_though_nodes_and_brokers_die_freeze_and_come",
            "sim",
        ],
    ),
    fault(19, "members of the group come and go every second", &["sim"]),
    fault(20, "rebalance between append and commit", &["sim"]),
    fault(21, "a handler slower than the poll interval", &[]),
    fault(
        22,
        "a delivery report times out though the record was or will be written",
        &[
            "crates/log-kafka/tests/failover/main.rs::records_that_the_client_library_gives_up_leave_no_hole_in_what_was_committed",
            "model",
            "sim",
        ],
    ),
    fault(23, "the broker answers with each of its errors", &[]),
    fault(
        24,
        "two claims of one epoch",
        &["crates/log/tests/rule.rs::of_two_claims_of_one_epoch_the_first_wins", "model"],
    ),
    fault(25, "the producer's id expired", &[]),
    fault(
        26,
        "too large for the log",
        &[
            "crates/segment/tests/it/store.rs::the_largest_entry_fits_and_a_larger_one_is_refused",
            "crates/api/tests/it/commands.rs::a_body_at_the_limit_passes_and_one_byte_more_does_not",
        ],
    ),
    fault(
        27,
        "a topic that forgets",
        &[
            "crates/log-kafka/tests/it/topics.rs::a_topic_that_forgets_is_refused_and_the_message_says_what_to_do",
            "tests/cluster/topics.rs::topics_that_forget_are_refused_with_the_fix_and_doctor_knows_the_cluster",
        ],
    ),
    fault(28, "too few in-sync replicas", &[]),
    fault(
        29,
        "records of somebody else in a lane",
        &[
            "crates/log-kafka/tests/it/replica.rs::records_of_somebody_else_are_void_and_the_lane_goes_on",
            "sim",
        ],
    ),
    fault(
        30,
        "power cut",
        &[
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
    fault(36, "a slow sync", &[]),
    fault(37, "a new file is gone after a power cut", &[]),
    fault(
        38,
        "an old copy of the data is started",
        &[
            "crates/audit/tests/it/changes.rs::a_log_that_was_rolled_back_is_found_by_a_head_that_was_kept",
            "crates/keyring/tests/keys.rs::an_old_backup_says_that_it_is_too_old",
            "tests/e2e/operate.rs::a_backup_restored_elsewhere_has_the_same_history_and_keys",
        ],
    ),
    fault(
        39,
        "kill -9 of PostgreSQL",
        &[
            "tests/e2e/crash.rs::the_read_model_is_the_fold_of_the_log_though_postgres_is_killed_in_between",
            "crates/postgres/tests/folding.rs::killing_the_server_and_its_backends_leaves_tables_equal_to_the_fold_at_their_checkpoints",
            "crates/postgres/tests/private_server.rs::a_server_killed_under_us_comes_back_with_everything_committed",
        ],
    ),
    fault(
        40,
        "a commit without an answer",
        &[
            "crates/projector/tests/engine.rs::a_commit_without_an_answer_is_not_told_before_it_is_known",
            "crates/projector/tests/engine.rs::at_every_checkpoint_the_rows_are_the_fold_under_random_faults_and_rivals",
            "crates/postgres/tests/folding.rs::killing_the_server_and_its_backends_leaves_tables_equal_to_the_fold_at_their_checkpoints",
            "sim",
        ],
    ),
    fault(
        41,
        "a transaction's future is cancelled",
        &[
            "crates/postgres/tests/folding.rs::cancelling_futures_anywhere_leaks_no_transaction",
            "crates/postgres/tests/folding.rs::a_lost_compare_and_set_writes_nothing_and_dropped_transactions_leave_nothing_open",
        ],
    ),
    fault(
        42,
        "rebuild and live projection at once",
        &[
            "crates/postgres/tests/revisions.rs::a_rebuild_under_load_swaps_to_equal_rows_and_drops_the_old_table",
            "crates/projector/tests/engine.rs::a_rebuild_beside_the_live_table_under_load_ends_in_the_same_rows",
        ],
    ),
    fault(43, "no connection to PostgreSQL is free", &[]),
    fault(44, "a replica lags", &[]),
    fault(45, "PostgreSQL has no room", &[]),
    fault(
        46,
        "two workers of one lane",
        &[
            "crates/projector/tests/engine.rs::of_two_workers_of_one_lane_the_one_that_took_it_last_wins_and_the_other_stands_by",
            "crates/postgres/tests/folding.rs::a_lost_compare_and_set_writes_nothing_and_dropped_transactions_leave_nothing_open",
            "sim",
        ],
    ),
    fault(
        47,
        "the clock is set back",
        &["crates/lane/tests/it/fences.rs::log_time_never_falls_though_clocks_are_set_back", "sim"],
    ),
    fault(48, "a storm of timers", &[]),
    fault(
        49,
        "one key many times, with another body, after a restart",
        &[
            "tests/e2e/crash.rs::every_acknowledged_command_survives_kill_nine_exactly_once",
            "crates/lane/tests/it/commands.rs::the_same_key_gets_the_same_answer_also_from_the_next_owner",
            "crates/lane/tests/it/commands.rs::a_key_used_for_another_command_is_refused_without_effect",
            "crates/lane/tests/it/fences.rs::a_key_of_any_age_is_known_to_who_says_when_it_was_asked",
            "crates/api/tests/it/commands.rs::a_key_belongs_to_its_route_and_its_aggregate",
            "sim",
        ],
    ),
    fault(
        50,
        "an event that cannot be folded",
        &[
            "crates/projector/tests/engine.rs::a_poison_event_parks_its_stream_alone_and_a_fixed_build_drains_it",
            "crates/orchestrator/tests/run/pumps.rs::a_saga_that_cannot_be_read_is_parked_and_harms_no_other",
        ],
    ),
    fault(
        51,
        "bad bytes",
        &[
            "crates/codec/tests/hostile.rs::a_bomb_of_few_bytes_allocates_nothing",
            "crates/codec/tests/fuzzed.rs::a_datum_of_any_bytes_is_a_value_or_an_error",
            "crates/log/tests/fuzzed.rs::a_record_of_any_bytes_has_one_form",
            "tests/e2e/bad_input.rs::what_is_wrong_is_told_by_a_code_and_leaves_no_event",
        ],
    ),
    fault(52, "the schema registry is down or wrong", &[]),
    fault(
        53,
        "a reader that never reads",
        &["crates/api/tests/it/live.rs::a_reader_that_does_not_read_is_dropped"],
    ),
    fault(
        54,
        "one aggregate that everybody asks",
        &[
            "crates/lane/tests/it/commands.rs::many_callers_of_one_aggregate_meet_no_conflict_and_no_gap",
        ],
    ),
    fault(
        55,
        "a target that fails, or does the work and does not say so",
        &[
            "tests/e2e/publishing.rs::what_stands_out_there_is_what_the_ledger_says",
            "tests/providers/bluesky.rs::a_server_that_lies_is_not_believed",
            "crates/orchestrator/tests/run/many.rs::many_sagas_come_to_their_end_through_faults_and_kills",
            "crates/orchestrator/tests/it/laws.rs::the_laws_hold_and_every_rare_state_is_met",
            "tests/e2e/saga_crash.rs::every_saga_ends_or_waits_in_sight_though_the_product_is_killed_at_any_moment",
            "sim",
        ],
    ),
    fault(
        56,
        "answers twice, late, out of order",
        &[
            "crates/orchestrator/tests/it/repeats.rs::an_answer_behind_the_fence_is_kept_and_changes_nothing",
            "crates/orchestrator/tests/it/repeats.rs::a_no_to_an_older_attempt_is_no_answer_of_the_one_under_way",
            "crates/orchestrator/tests/it/laws.rs::the_laws_hold_and_every_rare_state_is_met",
            "sim",
        ],
    ),
    fault(
        57,
        "an undo fails",
        &[
            "crates/orchestrator/tests/it/timelines.rs::an_undo_that_fails_holds_up_what_was_done_before_it_but_not_its_siblings",
            "sim",
        ],
    ),
    fault(
        58,
        "a plan changes while sagas run",
        &[
            "crates/orchestrator/tests/run/pumps.rs::the_same_version_with_another_plan_does_not_start",
            "crates/orchestrator/tests/it/decisions.rs::a_saga_without_its_plan_waits_and_goes_on_by_itself_when_it_is_there",
        ],
    ),
    fault(59, "a receiver of webhooks is slow or lies", &[]),
    fault(
        60,
        "an operator acts twice, in two windows",
        &[
            "crates/api/tests/it/saga_acts.rs::a_repeated_action_is_done_once",
            "crates/api/tests/it/saga_acts.rs::who_saw_an_older_revision_is_told_what_happened_since",
        ],
    ),
    fault(
        61,
        "the client library drops a record and goes on",
        &[
            "crates/log-kafka/tests/failover/main.rs::records_that_the_client_library_gives_up_leave_no_hole_in_what_was_committed",
            "model",
            "sim",
        ],
    ),
];
