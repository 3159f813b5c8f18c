//! Faults of PostgreSQL and of the way to it. Only the table; `list` says how a test is named.

use super::{Fault, absent, fault};

pub(super) const FAULTS: &[Fault] = &[
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
    fault(
        43,
        "no connection to PostgreSQL is free",
        &[
            "tests/e2e/starved.rs::without_a_free_connection_commands_go_on_and_queries_are_answered_not_now",
        ],
    ),
    absent(
        44,
        "a replica lags",
        "one database is written and read; rows that are behind the log stand under F40",
    ),
    fault(
        45,
        "PostgreSQL has no room",
        &[
            "crates/postgres/tests/room.rs::without_room_nothing_is_half_folded_and_with_room_everything_is",
        ],
    ),
    fault(
        46,
        "two workers of one lane",
        &[
            "crates/projector/tests/engine.rs::of_two_workers_of_one_lane_the_one_that_took_it_last_wins_and_the_other_stands_by",
            "crates/postgres/tests/folding.rs::a_lost_compare_and_set_writes_nothing_and_dropped_transactions_leave_nothing_open",
            "sim",
        ],
    ),
];
