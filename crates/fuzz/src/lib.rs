//! Throws changed inputs at a decoder: valid ones, changed byte by byte and field by field, and of those
//! again whatever came to an end that was not seen before. Not guided by coverage, so that it runs under
//! the stable compiler, in every `cargo test`.
//!
//! What a decoder promises is its test's to say; what holds for all of them is checked here: it does not
//! panic, and it allocates no more than its [`Bound`] allows for the length of the input.

mod change;
mod corpus;

use std::alloc::System;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use change::Random;
pub use corpus::{from_hex, hex};

/// One at a time: what others allocate meanwhile would be counted too.
static ALONE: Mutex<()> = Mutex::new(());

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How long each target is fuzzed when `RECOUNT_FUZZ_MS` does not say it: short enough for every test
/// run.
const MS: u64 = 300;
/// Inputs that are changed on. Beyond it an old one goes: an end is rarely worth more than one input.
const POOL_MAX: usize = 2_048;
/// Ends that are told apart. A decoder with more of them has no need of more inputs.
const ENDS_MAX: usize = 1 << 20;
/// Times that an input is tried that seems to allocate too much: what other threads allocate meanwhile
/// (the test harness prints) is counted too, and a decoder allocates the same every time.
const TRIES: u32 = 5;
/// Longest input, in bytes: what is wrong with longer ones is wrong with these too.
const INPUT_BYTES_MAX: usize = 8 << 10;

/// What a decoder may allocate, all in all, for one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Bytes for any input.
    pub bytes: usize,
    /// Bytes for each byte of the input.
    pub per_byte: usize,
}

impl Bound {
    /// Not measured: other tests run in the same process.
    pub const NONE: Self = Self { bytes: usize::MAX, per_byte: 0 };

    const fn of(self, len: usize) -> usize {
        self.bytes.saturating_add(self.per_byte.saturating_mul(len))
    }
}

/// Fuzzes `decode` from `seeds` on. It gives the end that an input came to (a variant, an error's text;
/// digits do not count), and panics when a promise is broken: then the smallest input that was found is
/// printed as a line for the corpus.
///
/// `RECOUNT_FUZZ_MS` sets the time of each target, `RECOUNT_SEED` the seed.
///
/// # Panics
/// When `decode` does, or allocates more than `bound`.
pub fn fuzz(
    name: &str,
    seeds: Vec<Vec<u8>>,
    bound: Bound,
    mut decode: impl FnMut(&[u8]) -> String,
) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let seed = number("RECOUNT_SEED").unwrap_or(1);
    let until = Instant::now() + Duration::from_millis(number("RECOUNT_FUZZ_MS").unwrap_or(MS));
    let mut random = Random::new(seed);
    let mut ends = HashSet::new();
    let mut pool = seeds;
    assert!(!pool.is_empty(), "{name}: nothing to begin with");
    for input in &pool {
        ends.insert(kind_of(&run(name, seed, bound, &mut decode, input)));
    }
    let (begun_with, mut inputs) = (pool.len(), pool.len() as u64);
    while Instant::now() < until {
        let mut input = pool[random.below(pool.len())].clone();
        let other = random.below(pool.len());
        for _ in 0..=random.below(4) {
            change::change(&mut input, &pool[other], &mut random);
        }
        input.truncate(INPUT_BYTES_MAX);
        inputs += 1;
        let end = kind_of(&run(name, seed, bound, &mut decode, &input));
        if ends.len() < ENDS_MAX && ends.insert(end) {
            if pool.len() >= POOL_MAX {
                pool.swap_remove(begun_with);
            }
            pool.push(input);
        }
    }
    eprintln!("fuzzed {name}: {inputs} inputs, {} ends, seed {seed}", ends.len());
}

fn run(
    name: &str,
    seed: u64,
    bound: Bound,
    decode: &mut impl FnMut(&[u8]) -> String,
    input: &[u8],
) -> String {
    match try_one(bound, decode, input) {
        Ok(end) => end,
        Err(why) => {
            let small = smaller(bound, decode, input);
            panic!("{name}, seed {seed}: {why}\nkeep it as a line of the corpus: {}", hex(&small));
        }
    }
}

fn try_one(
    bound: Bound,
    decode: &mut impl FnMut(&[u8]) -> String,
    input: &[u8],
) -> Result<String, String> {
    let (mut end, mut allocated) = counted(decode, input)?;
    for _ in 1..TRIES {
        if allocated <= bound.of(input.len()) {
            break;
        }
        (end, allocated) = counted(decode, input)?;
    }
    if allocated > bound.of(input.len()) {
        return Err(format!("{} bytes of input made it allocate {allocated}", input.len()));
    }
    Ok(end)
}

/// The end that the input came to, and the bytes that were allocated on the way.
fn counted(
    decode: &mut impl FnMut(&[u8]) -> String,
    input: &[u8],
) -> Result<(String, usize), String> {
    let region = Region::new(COUNTED);
    let end = catch_unwind(AssertUnwindSafe(|| decode(input)));
    let change = region.change();
    let end = end.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
        text.unwrap_or_else(|| "it panics".to_owned())
    })?;
    Ok((end, change.bytes_allocated))
}

/// Takes pieces away while it still fails.
fn smaller(bound: Bound, decode: &mut impl FnMut(&[u8]) -> String, input: &[u8]) -> Vec<u8> {
    let mut small = input.to_vec();
    let mut piece = small.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at + piece <= small.len() {
            let mut less = small.clone();
            less.drain(at..at + piece);
            if try_one(bound, decode, &less).is_err() {
                small = less;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    small
}

/// The end without its numbers, which would make a new one of every input.
fn kind_of(end: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    end.bytes().filter(|it| !it.is_ascii_digit()).for_each(|byte| hasher.write_u8(byte));
    hasher.finish()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
