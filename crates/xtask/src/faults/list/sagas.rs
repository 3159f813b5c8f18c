//! Faults of what sagas ask, and of those who operate them. Only the table; `list` says how a test is named.

use super::{Fault, absent, fault};

pub(super) const FAULTS: &[Fault] = &[
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
    absent(
        59,
        "a receiver of webhooks is slow or lies",
        "Recount sends no webhooks; those that it takes are told twice and late under F56",
    ),
    fault(
        60,
        "an operator acts twice, in two windows",
        &[
            "crates/api/tests/it/saga_acts.rs::a_repeated_action_is_done_once",
            "crates/api/tests/it/saga_acts.rs::who_saw_an_older_revision_is_told_what_happened_since",
        ],
    ),
];
