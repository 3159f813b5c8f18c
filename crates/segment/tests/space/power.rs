//! Power cuts. What the real store asks of the disk is written down by `strace`; then the power goes at each
//! line of that, with other parts of what was not durable left each time, and the store is opened on what
//! is there. Some of these are written on in the same way, so that recovery is cut too.
//!
//! Longer by `RECOUNT_ROUNDS`, others by `RECOUNT_SEED`.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use segment::{Entry, FindingKind, Store, verify};

use crate::common::{Random, entry, open, read_all, small};
use crate::disk::{Image, Survives, after_cut};
use crate::tape::{self, Act};

const NAME: &str =
    "power::whatever_a_power_cut_leaves_holds_every_acknowledged_call_whole_and_in_order";
const CHILD: &str = "SEGMENT_TEST_POWER_DIR";
const SEED: &str = "SEGMENT_TEST_POWER_SEED";
/// Calls of a process: enough for some segments.
const CALLS: usize = 40;
/// Processes one after the other, each on what a cut left of the one before.
const LIVES: u64 = 3;

/// The calls of a seed are always the same, whichever process makes them.
fn call(seed: u64, number: usize) -> Vec<Entry> {
    let mut random = Random(seed ^ (number as u64) << 20);
    let entries = 1 + random.below(3);
    let body = |random: &mut Random| {
        let bytes = usize::try_from(random.below(3_000)).unwrap();
        vec![u8::try_from(random.below(255)).unwrap(); bytes]
    };
    (0..entries).map(|_| entry(u32::try_from(number).unwrap(), body(&mut random))).collect()
}

/// How many calls are there, each whole, and no other.
fn calls_in(store: &Store, seed: u64) -> usize {
    let stored = read_all(store);
    let mut rest = stored.iter().peekable();
    for number in 0.. {
        if rest.peek().is_none() {
            return number;
        }
        for Entry { lane, bytes } in call(seed, number) {
            let (_, stored_lane, stored) = rest.next().expect("a call is whole or absent");
            assert_eq!((*stored_lane, stored), (lane, &bytes), "calls are in order");
        }
    }
    unreachable!("numbers do not end")
}

/// The child: goes on with the calls where the store ends, some at a time, and says what was answered.
fn live(dir: &Path) {
    let seed: u64 = std::env::var(SEED).unwrap().parse().unwrap();
    let store = open(small(dir));
    let from = calls_in(&store, seed);
    let mut random = Random(seed ^ from as u64);
    for number in from..from + CALLS {
        store.append(call(seed, number), move |outcome| {
            outcome.unwrap();
            // One write, which shows among the calls of the system where it belongs.
            let said = format!("answered {number}\n");
            std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
        });
        if random.below(8) == 0 {
            std::thread::sleep(Duration::from_millis(random.below(20)));
        }
    }
    store.close().unwrap();
}

fn load(dir: &Path) -> Image {
    let files = dir.read_dir().into_iter().flatten().map(|file| file.unwrap());
    let name = |file: &std::fs::DirEntry| file.file_name().into_string().unwrap();
    files.map(|file| (name(&file), std::fs::read(file.path()).unwrap())).collect()
}

fn lay(image: &Image, dir: &Path) {
    std::fs::create_dir(dir).unwrap();
    for (name, bytes) in image {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
}

/// Opens what is there, in memory where that can be: at least so many calls, at most so many.
fn check(image: &Image, seed: u64, at_least: usize, at_most: usize, what: &str) -> usize {
    let shm = Path::new("/dev/shm");
    let parent = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() };
    let parent = parent.unwrap();
    let dir = parent.path().join("store");
    lay(image, &dir);
    let found = verify(&dir).findings;
    let cut = |kind| matches!(kind, FindingKind::Unconfirmed);
    let created = image.keys().any(|name| name.ends_with(".segment"));
    assert!(!created || found.iter().all(|it| cut(it.kind)), "{what}: {found:?}");
    let opened = Store::open(small(&dir));
    let store = opened.unwrap_or_else(|error| panic!("{what}: {error}")).0;
    let calls = calls_in(&store, seed);
    assert!(calls >= at_least, "{what}: {at_least} were acknowledged or there, {calls} are left");
    assert!(calls <= at_most, "{what}: {at_most} were asked for, {calls} are there");
    store.close().unwrap();
    assert_eq!(verify(&dir).findings, vec![], "{what}");
    calls
}

/// One process after another; gives how many different cuts were looked at, by what survived.
fn lives(seed: u64, variants: u64) -> BTreeMap<String, usize> {
    let mut random = Random(seed);
    let (mut image, mut there) = (Image::new(), 0);
    let mut cuts = BTreeMap::new();
    for life in 0..LIVES {
        let parent = tempfile::tempdir().unwrap();
        let (dir, tape) = (parent.path().join("store"), parent.path().join("tape"));
        lay(&image, &dir);
        let mut command = Command::new("strace");
        command.args(tape::STRACE).arg("-o").arg(&tape).arg(std::env::current_exe().unwrap());
        command.args(["--exact", NAME, "--nocapture"]).env(CHILD, &dir);
        let output = command.env(SEED, seed.to_string()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stdout));
        let text = std::fs::read_to_string(&tape).unwrap();
        let tape = tape::read(&text, &dir, image.keys().cloned().collect());
        // The tape tells the truth: replayed to its end it is what lies there.
        let whole = after_cut(&tape, &image, tape.lines, Survives::Everything, &mut random);
        assert!(whole == load(&dir), "seed {seed}: the tape does not tell everything");
        let (mut next, mut known) = (None, HashSet::new());
        for cut in 0..=tape.lines {
            let answered = tape.events.iter().filter(|it| it.done < cut);
            let answered = answered.filter_map(|it| match it.act {
                Act::Answered(number) => Some(number + 1),
                _ => None,
            });
            let at_least = answered.max().unwrap_or(0).max(there);
            for survives in Survives::ALL {
                let turns = if matches!(survives, Survives::Any) { variants } else { 1 };
                for _ in 0..turns {
                    let left = after_cut(&tape, &image, cut, survives, &mut random);
                    // Between two writes nothing changes, and nothing else is promised.
                    let mut hasher = DefaultHasher::new();
                    (&left, at_least).hash(&mut hasher);
                    if !known.insert(hasher.finish()) {
                        continue;
                    }
                    let what = format!("seed {seed}, life {life}, line {cut}, {survives:?}");
                    let calls = check(&left, seed, at_least, there + CALLS, &what);
                    *cuts.entry(format!("{survives:?}")).or_default() += 1;
                    // One of them, each with the same chance.
                    let looked_at: u64 = cuts.values().sum::<usize>() as u64;
                    if next.is_none() || random.below(looked_at) == 0 {
                        next = Some((left, calls));
                    }
                }
            }
        }
        (image, there) = next.expect("there was a cut");
    }
    cuts
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
#[cfg(target_os = "linux")]
fn whatever_a_power_cut_leaves_holds_every_acknowledged_call_whole_and_in_order() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return live(dir.as_ref());
    }
    if !crate::space::allowed("strace", &["-o", "/dev/null", "true"]) {
        return;
    }
    let (seed, rounds) = (number("RECOUNT_SEED", 1), number("RECOUNT_ROUNDS", 1));
    for round in 0..rounds {
        let cuts = lives(seed + round, 6);
        eprintln!("seed {}: {} cuts: {cuts:?}", seed + round, cuts.values().sum::<usize>());
    }
}
