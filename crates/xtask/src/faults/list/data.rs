//! Faults of clocks, clients and data. Only the table; `list` says how a test is named.

use super::{Fault, absent, fault};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        47,
        "the clock is set back",
        &["crates/lane/tests/it/fences.rs::log_time_never_falls_though_clocks_are_set_back", "sim"],
    ),
    fault(
        48,
        "a storm of timers",
        &[
            "crates/orchestrator/tests/run/storm.rs::timers_that_are_due_at_once_fire_once_each_and_never_early_though_killed_in_between",
        ],
    ),
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
    absent(
        52,
        "the schema registry is down or wrong",
        "nobody is asked: schemas come with the program, and Recount is the registry for others",
    ),
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
];
