//! What the store promises to callers who may write on their own thread. What it promises to all is in
//! `store`.

use crate::common::{entry, open, read_all, small};
use segment::Parts;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

fn one(lane: u32, body: &[u8]) -> [Parts<'_>; 1] {
    [Parts { lane, head: &[], body }]
}

#[test]
fn when_nothing_is_under_way_the_answer_is_there_before_the_call_returns() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(small(dir.path()));
    let (tell, told) = mpsc::channel();
    // The I/O thread writes nothing here, and so never has the turn for longer than a moment.
    let until = Instant::now() + Duration::from_secs(30);
    while told.try_recv().is_err() {
        assert!(Instant::now() < until, "no call was answered before it returned");
        let tell = tell.clone();
        store.append_here(&one(0, b"one"), move |outcome| tell.send(outcome.unwrap()).unwrap());
    }
    store.close().unwrap();
    assert!(segment::verify(dir.path()).is_clean());
}

#[test]
fn without_sync_the_caller_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = small(dir.path());
    options.sync = false;
    let store = open(options);
    let (tell, told) = mpsc::channel();
    for _ in 0..100 {
        let tell = tell.clone();
        store.append_here(&one(0, b"one"), move |_| tell.send(thread::current().id()).unwrap());
        assert_ne!(told.recv().unwrap(), thread::current().id());
    }
    store.close().unwrap();
}

#[test]
fn calls_of_both_kinds_keep_the_order_of_each_thread() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = small(dir.path());
    options.segment_bytes = 64 * 4096;
    let store = open(options);
    thread::scope(|scope| {
        for lane in 0..4_u32 {
            let store = &store;
            scope.spawn(move || {
                let (tell, told) = mpsc::channel();
                for turn in 0..300_u32 {
                    let (tell, body) = (tell.clone(), turn.to_le_bytes());
                    let done = move |outcome: Result<Vec<_>, _>| {
                        tell.send(outcome.unwrap()).unwrap();
                    };
                    if (turn / 7 + lane) % 2 == 0 {
                        store.append_here(&one(lane, &body), done);
                    } else {
                        store.append(vec![entry(lane, body)], done);
                    }
                }
                drop(tell);
                let answers: Vec<_> = told.iter().flatten().collect();
                assert_eq!(answers.len(), 300);
                assert!(answers.is_sorted(), "completions come in the order of the file");
            });
        }
    });
    let mut next = [0_u32; 4];
    for (_, lane, body) in read_all(&store) {
        assert_eq!(body, next[lane as usize].to_le_bytes());
        next[lane as usize] += 1;
    }
    assert_eq!(next, [300; 4]);
    store.close().unwrap();
    assert!(segment::verify(dir.path()).is_clean());
}

#[test]
fn what_a_caller_wrote_is_confirmed_when_the_store_is_idle() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(small(dir.path()));
    let (tell, told) = mpsc::channel();
    for _ in 0..3 {
        let tell = tell.clone();
        store.append_here(&one(0, b"one"), move |outcome| tell.send(outcome.unwrap()).unwrap());
        let written = told.recv().unwrap()[0];
        let block_end = written.0 - written.0 % 4096 + 4096;
        let until = Instant::now() + Duration::from_secs(30);
        while store.durable_end().0 < block_end + 4096 {
            assert!(Instant::now() < until, "no mark was written");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(store.durable_end().0, block_end + 4096);
    }
}

#[test]
fn a_completion_on_the_callers_thread_may_append_again_or_panic() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(small(dir.path())));
    let (tell, told) = mpsc::channel();
    let again = Arc::clone(&store);
    store.append_here(&one(0, b"first"), move |_| {
        let tell = tell.clone();
        again.append_here(&one(0, b"second"), move |outcome| tell.send(outcome.is_ok()).unwrap());
        panic!("on purpose, from a test");
    });
    assert!(told.recv().unwrap());
    assert_eq!(read_all(&store).len(), 2);
}
