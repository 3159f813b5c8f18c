//! What is seen of a cluster: releases, rights, clocks; and that a node with a wrong clock takes no lanes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::LaneId;
use log::Log;
use log_kafka::topics::{self, Release, Speaks};
use log_kafka::{Election, Options};

use crate::support;

#[test]
fn every_broker_says_which_kafka_it_is_what_time_it_is_and_what_we_may() {
    let (_log, options, _replica) = support::create(support::three());
    let survey = topics::survey(&options).unwrap();
    assert_eq!(survey.brokers.len(), 3);
    for broker in &survey.brokers {
        let new = matches!(broker.speaks, Speaks::AtLeast(it) if it >= Release(4, 2));
        assert!(new, "{broker}");
        assert!(!broker.speaks.too_old());
    }
    let skews = topics::skews(&options).unwrap();
    assert_eq!(skews.len(), 3, "each partition is asked: {skews:?}");
    assert!(skews.iter().all(|it| it.ahead_ms == 0), "one machine has one clock: {skews:?}");
    let mut ahead = options.clone();
    ahead.clock_ahead_ms = 7_000;
    let skews = topics::skews(&ahead).unwrap();
    assert!(topics::ours_is_off(&skews, ahead.clock_skew_max), "{skews:?}");
    let rights = topics::rights(&options).unwrap();
    assert_eq!(
        rights,
        topics::Rights::default(),
        "nothing is lacking where nobody asks for rights"
    );
}

#[test]
fn a_node_whose_clock_is_wrong_stands_for_no_lanes() {
    let (log, options, _replica) = support::create(support::three());
    let stand = |options: &Options| {
        let told = Arc::new(Mutex::new(Vec::<BTreeSet<LaneId>>::new()));
        let tells = Arc::clone(&told);
        let elected = move |lanes: Option<_>| tells.lock().unwrap().extend(lanes);
        let names: Vec<String> = options.topics.iter().map(|it| it.0.clone()).collect();
        let stood = Arc::new(AtomicBool::new(false));
        let stands = {
            let stood = Arc::clone(&stood);
            Box::new(move || stood.store(true, Ordering::Release))
        };
        let election = Election::start(options, log.topics(), &names, stands, Box::new(elected));
        (election.unwrap(), told, stood)
    };
    let mut wrong = options.clone();
    wrong.clock_ahead_ms = -60_000;
    let (_wrong, told_wrong, wrong_stood) = stand(&wrong);
    let (_right, told_right, right_stood) = stand(&options);
    let all = log.topics().lanes().count();
    let begun = Instant::now();
    while told_right.lock().unwrap().last().is_none_or(|lanes| lanes.len() < all) {
        assert!(begun.elapsed() < Duration::from_mins(2), "{told_right:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let told = told_wrong.lock().unwrap();
    assert!(told.iter().all(BTreeSet::is_empty), "it was elected: {told:?}");
    assert!(right_stood.load(Ordering::Acquire) && !wrong_stood.load(Ordering::Acquire));
}
