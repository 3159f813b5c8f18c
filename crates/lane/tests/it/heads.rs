//! The head that an owner hands over with a frame is the one that the rule computes: the embedded log
//! believes it.

use std::sync::Arc;

use crate::support::{ask, deciders, draft, edit, post};
use lane::{Answer, Commands};
use log::{Header, LaneState, Log};
use log_embedded::{EmbeddedLog, Options};

#[tokio::test]
async fn the_index_of_the_log_comes_to_the_head_that_a_reader_computes() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new(dir.path()).topic("content.events", 1);
    let log = Arc::new(EmbeddedLog::open(&options).unwrap().0);
    let commands = Commands::start(log.clone() as Arc<dyn Log>, deciders(), "test").unwrap();
    for n in 0..20_u8 {
        // The second draft of each post is refused, and leaves an outcome.
        let what = if n % 3 == 2 { edit("again") } else { draft("one") };
        let answer = commands.submit(ask(post(u128::from(n / 3)), what, n + 1)).await;
        assert!(matches!(answer, Answer::Accepted(_) | Answer::Refused(_)), "{answer:?}");
    }
    commands.stop().await;
    let lane = log.topics().lanes().next().unwrap();
    let mut state = LaneState::new(log.topics().genesis(lane));
    let mut next = 0;
    while next < log.end(lane) {
        for stored in log.read(lane, next, 1 << 20).unwrap() {
            let header = Header::read(&stored.bytes).unwrap().0;
            state.step(&header, &stored.prev, &stored.bytes);
            next = stored.offset + 1;
        }
    }
    assert_eq!(state.seq, 21, "twenty frames and a claim");
    assert_eq!(log.state(lane), Some(state));
}
