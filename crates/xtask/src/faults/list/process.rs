//! Faults of our own processes. Only the table; `list` says how a test is named.

use super::{Fault, fault};

pub(super) const FAULTS: &[Fault] = &[
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
            "crates/segment/tests/space/power.rs::whatever_a_power_cut_leaves_holds_every_acknowledged_call_whole_and_in_order",
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
    fault(
        5,
        "no memory in the middle of a batch",
        &[
            "tests/e2e/starved.rs::a_product_that_dies_for_want_of_memory_has_lost_and_doubled_nothing",
        ],
    ),
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
];
