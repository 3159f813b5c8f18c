//! Faults of Kafka's brokers, of its coordinator and of its client library. Only the table; `list` says how a test is named.

use super::{Fault, fault};

pub(super) const FAULTS: &[Fault] = &[
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
    fault(
        19,
        "members of the group come and go every second",
        &[
            "crates/log-kafka/tests/failover/elections.rs::a_storm_of_elections_with_records_under_way_loses_and_doubles_nothing",
            "tests/cluster/kills.rs::nothing_acknowledged_is_lost_or_doubled_though_nodes_and_brokers_die_freeze_and_come",
            "sim",
        ],
    ),
    fault(
        20,
        "rebalance between append and commit",
        &[
            "crates/log-kafka/tests/failover/elections.rs::a_storm_of_elections_with_records_under_way_loses_and_doubles_nothing",
            "crates/log-kafka/tests/failover/network.rs::a_write_that_the_network_held_back_is_void_when_it_arrives_behind_another_owner",
            "sim",
        ],
    ),
    fault(
        21,
        "a node slower than the poll interval",
        &[
            "crates/log-kafka/tests/failover/elections.rs::a_node_that_is_slower_than_the_poll_interval_loses_its_lanes_and_is_told_so",
        ],
    ),
    fault(
        22,
        "a delivery report times out though the record was or will be written",
        &[
            "crates/log-kafka/tests/failover/main.rs::records_that_the_client_library_gives_up_leave_no_hole_in_what_was_committed",
            "model",
            "sim",
        ],
    ),
    fault(
        23,
        "the broker answers with each of its errors",
        &[
            "crates/log-kafka/tests/failover/refusals.rs::whatever_error_a_broker_answers_with_nothing_is_lost_or_doubled",
            "crates/log-kafka/tests/failover/refusals.rs::a_broker_that_does_not_lead_is_not_asked_again_at_once",
        ],
    ),
    fault(
        24,
        "two claims of one epoch",
        &["crates/log/tests/rule.rs::of_two_claims_of_one_epoch_the_first_wins", "model"],
    ),
    fault(
        25,
        "the producer's id expired",
        &[
            "crates/log-kafka/tests/failover/refusals.rs::a_write_that_a_forgetful_broker_takes_twice_happened_once",
        ],
    ),
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
    fault(
        28,
        "too few in-sync replicas",
        &[
            "crates/log-kafka/tests/failover/refusals.rs::two_brokers_of_three_gone_nothing_is_acknowledged_until_they_are_back",
        ],
    ),
    fault(
        29,
        "records of somebody else in a lane",
        &[
            "crates/log-kafka/tests/it/replica.rs::records_of_somebody_else_are_void_and_the_lane_goes_on",
            "sim",
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
