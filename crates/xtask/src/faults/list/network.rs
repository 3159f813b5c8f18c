//! Faults of the network between us, brokers, targets. Only the table; `list` says how a test is named.

use super::{Fault, fault};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        10,
        "a node cut off from broker or database",
        &[
            "tests/e2e/starved.rs::a_database_out_of_reach_holds_no_command_up_and_no_question_for_ever",
            "crates/log-kafka/tests/it/topics.rs::brokers_that_do_not_answer_are_named",
            "sim",
        ],
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
    fault(
        12,
        "records held back across a takeover",
        &[
            "crates/log-kafka/tests/failover/network.rs::a_write_that_the_network_held_back_is_void_when_it_arrives_behind_another_owner",
            "model",
            "sim",
        ],
    ),
    fault(
        13,
        "records written, their answer lost",
        &[
            "crates/lane/tests/it/commands.rs::a_frame_whose_report_is_lost_is_found_by_the_next_claim_of_the_same_owner",
            "crates/log-kafka/tests/failover/network.rs::answers_that_the_network_lost_lose_and_double_nothing",
            "crates/log-kafka/tests/failover/refusals.rs::a_write_that_a_forgetful_broker_takes_twice_happened_once",
            "model",
            "sim",
        ],
    ),
    fault(
        14,
        "the producer's id is lost on its way, or changes within an epoch",
        &[
            "crates/log-kafka/tests/failover/network.rs::answers_that_the_network_lost_lose_and_double_nothing",
            "crates/log-kafka/tests/failover/refusals.rs::whatever_error_a_broker_answers_with_nothing_is_lost_or_doubled",
        ],
    ),
    fault(
        15,
        "slow and half-open connections",
        &[
            "tests/providers/smtp.rs::a_server_that_is_not_there_or_silent_got_nothing",
            "crates/orchestrator/tests/run/goes.rs::what_does_not_answer_in_time_is_probed_and_never_done_twice",
        ],
    ),
    fault(
        16,
        "name resolution slow, wrong, flapping",
        &[
            "crates/providers/http/tests/names.rs::a_name_that_is_slow_wrong_or_gone_ends_in_time_and_is_found_again",
        ],
    ),
];
