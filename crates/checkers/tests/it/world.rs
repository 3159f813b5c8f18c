//! A small product that works: clients whose calls overlap, and the log that they leave. Everything
//! follows from a seed.

use std::collections::BTreeMap;

use checkers::{Asked, Call, End, Head, History, Lane, Stored, Told, genesis, read_lane};
use sha2::{Digest, Sha256};

/// `SplitMix64`.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// What a command leaves in the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Effect {
    pub(crate) stream: usize,
    pub(crate) mark: String,
    pub(crate) key: u64,
    /// Ids of its events; none: an outcome record.
    pub(crate) ids: Vec<u128>,
    pub(crate) tenant: &'static str,
    /// Log time.
    pub(crate) at: i64,
}

/// A clean run.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) history: History,
    /// In the order of the log.
    pub(crate) effects: Vec<Effect>,
    pub(crate) seed: u64,
}

const STREAMS: usize = 4;
const LANES: usize = 2;
const LOG: &str = "0190e2a4-0000-7000-8000-00000000000f";

pub(crate) fn stream(at: usize) -> String {
    format!("post-{}", id(0xA000 + at as u128))
}

/// A uuid as people write it.
pub(crate) fn id(id: u128) -> String {
    let hex = format!("{id:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

struct Planned {
    effect_at: u64,
    call: Call,
    stream: usize,
    key: u64,
    /// The answer is lost, before or after the effect.
    lost: Option<bool>,
}

impl World {
    pub(crate) fn new(seed: u64, calls: usize) -> Self {
        let mut random = Random(seed);
        let mut planned = plan(&mut random, calls);
        planned.sort_by_key(|it| it.effect_at);
        let (mut effects, mut kept) = (Vec::new(), BTreeMap::new());
        let mut versions = [0_u64; STREAMS];
        let mut history = Vec::new();
        for mut it in planned {
            if it.lost != Some(false) {
                let told = take(&it, &mut versions, &mut kept, &mut effects, &mut random);
                if it.lost.is_none() && !matches!(it.call.end, Some((_, End::Fail))) {
                    it.call.end = it.call.end.map(|(at, _)| (at, End::Ok(told)));
                }
            }
            history.push(it.call);
        }
        history.sort_by_key(|call| (call.invoked, call.call));
        Self { history: History { calls: history }, effects, seed }
    }

    /// The log that the effects leave, with claims, voids and torn frames in between.
    pub(crate) fn raw(&self) -> Vec<(String, Vec<Stored>)> {
        write(&self.effects, self.seed)
    }

    pub(crate) fn lanes(&self) -> Vec<Lane> {
        let read = |(name, stored): (String, Vec<Stored>)| {
            let (lane, found) = read_lane(&name, genesis(LOG, &name), &stored);
            assert!(found.is_empty(), "{found:?}");
            lane
        };
        self.raw().into_iter().map(read).collect()
    }
}

pub(crate) fn genesis_of(name: &str) -> Head {
    genesis(LOG, name)
}

fn plan(random: &mut Random, calls: usize) -> Vec<Planned> {
    let mut clocks: Vec<u64> = vec![0; 5];
    let mut processes: Vec<u64> = (0..5).collect();
    let mut planned: Vec<Planned> = Vec::new();
    for call in 0..calls as u64 {
        let client = random.below(clocks.len());
        let invoked = clocks[client] + 1 + random.next() % 300;
        let effect_at = invoked + 1 + random.next() % 200;
        let ended = effect_at + 1 + random.next() % 200;
        clocks[client] = ended;
        let process = processes[client];
        let mut stream_at = random.below(STREAMS);
        let mut key = call;
        let asked = if random.one_in(4) {
            Asked::Read { stream: stream(stream_at) }
        } else if let (true, Some(before)) =
            (random.one_in(4), repeatable(&planned, random, invoked))
        {
            (stream_at, key) = (before.stream, before.key);
            before.call.asked.clone()
        } else {
            let expected = random.one_in(6).then(|| random.next() % 4);
            let (adds, stream) = (1 + random.next() % 3, Some(stream(stream_at)));
            Asked::Command {
                key: format!("k{key}"),
                stream,
                expected,
                adds,
                mark: format!("m{key}"),
            }
        };
        // A key that failed for certain is not asked for again here, so that a failure stays one.
        let repeated = key != call;
        let fails = !repeated && random.one_in(20);
        let lost = if fails { Some(false) } else { random.one_in(10).then(|| random.one_in(2)) };
        let end = match lost {
            _ if fails => Some((ended, End::Fail)),
            None => Some((ended, End::Unknown)),
            Some(_) if random.one_in(2) => Some((ended, End::Unknown)),
            Some(_) => None,
        };
        if lost.is_some() && !fails {
            processes[client] += 100;
        }
        let call = Call { call, process, invoked, asked, end };
        planned.push(Planned { effect_at, call, stream: stream_at, key, lost });
    }
    planned
}

/// A command that was invoked before and did not fail: to be asked again with its key.
fn repeatable<'a>(planned: &'a [Planned], random: &mut Random, now: u64) -> Option<&'a Planned> {
    let fits = |it: &&Planned| {
        matches!(it.call.asked, Asked::Command { .. })
            && !matches!(it.call.end, Some((_, End::Fail)))
            && it.call.invoked < now
    };
    let all: Vec<&Planned> = planned.iter().filter(fits).collect();
    if all.is_empty() { None } else { Some(all[random.below(all.len())]) }
}

fn take(
    it: &Planned,
    versions: &mut [u64; STREAMS],
    kept: &mut BTreeMap<u64, Told>,
    effects: &mut Vec<Effect>,
    random: &mut Random,
) -> Told {
    let Asked::Command { expected, adds, mark, .. } = &it.call.asked else {
        return Told::Version(versions[it.stream]);
    };
    if let Some(told) = kept.get(&it.key) {
        return told.clone();
    }
    let mut effect = Effect {
        stream: it.stream,
        mark: mark.clone(),
        key: it.key,
        ids: Vec::new(),
        tenant: "local",
        at: i64::try_from(it.effect_at).unwrap(),
    };
    if expected.is_some_and(|expected| expected != versions[it.stream]) {
        return Told::Conflict;
    }
    let told = if random.one_in(10) {
        Told::Refused { rule: "not_now".to_owned() }
    } else {
        versions[it.stream] += adds;
        effect.ids = (0..*adds).map(|n| u128::from(1 + it.key) << 32 | u128::from(n)).collect();
        let events = effect.ids.iter().map(|it| id(*it)).collect();
        Told::Accepted { stream: stream(it.stream), version: versions[it.stream], events }
    };
    kept.insert(it.key, told.clone());
    effects.push(effect);
    told
}

struct Writer {
    name: String,
    stored: Vec<Stored>,
    head: Head,
    seq: u64,
    epoch: u64,
}

impl Writer {
    fn claim(&mut self) {
        self.epoch += 1;
        let mut body = vec![0; 16];
        body.extend(0_i64.to_le_bytes());
        text(&mut body, "one");
        text(&mut body, "");
        let record = header(0, (0, 1), self.epoch, 0, &body);
        self.head = hash(self.head, &record);
        self.seq += 1;
        self.stored.push(Stored { prev: [0; 32], bytes: record });
    }

    fn frame(&mut self, bodies: &[(u8, Vec<u8>)], until: usize) {
        let of = u16::try_from(bodies.len()).unwrap();
        let prev = self.head;
        let mut all = Vec::new();
        for (place, (kind, body)) in (0..of).zip(&bodies[..until]) {
            let seq = self.seq + 1 + u64::from(place);
            let record = header(*kind, (place, of), self.epoch, seq, body);
            all.extend_from_slice(&record);
            self.stored.push(Stored { prev, bytes: record });
        }
        if until == bodies.len() {
            self.head = hash(prev, &all);
            self.seq += u64::from(of);
        }
    }
}

fn write(effects: &[Effect], seed: u64) -> Vec<(String, Vec<Stored>)> {
    let mut random = Random(!seed);
    let mut versions = BTreeMap::new();
    let mut lanes: Vec<Writer> = (0..LANES)
        .map(|at| {
            let name = format!("content.events/{at}");
            let head = genesis(LOG, &name);
            Writer { name, stored: Vec::new(), head, seq: 0, epoch: 0 }
        })
        .collect();
    lanes.iter_mut().for_each(Writer::claim);
    for effect in effects {
        let lane = &mut lanes[effect.stream % LANES];
        let version: &mut u64 = versions.entry(effect.stream).or_default();
        let bodies = bodies(effect, version);
        if random.one_in(12) {
            // An owner that lost the lane in the middle of a frame, and one that does not know it yet.
            let (epoch, until) = (lane.epoch, random.below(bodies.len()));
            lane.frame(&bodies, until);
            lane.claim();
            let now = std::mem::replace(&mut lane.epoch, epoch);
            let (head, seq) = (lane.head, lane.seq);
            lane.frame(&bodies, bodies.len());
            (lane.head, lane.seq, lane.epoch) = (head, seq, now);
        }
        lane.frame(&bodies, bodies.len());
    }
    lanes.into_iter().map(|lane| (lane.name, lane.stored)).collect()
}

fn bodies(effect: &Effect, version: &mut u64) -> Vec<(u8, Vec<u8>)> {
    let stream = 0xA000 + effect.stream as u128;
    let mut begin = effect.at.to_le_bytes().to_vec();
    let key: Vec<u8> = u128::from(effect.key).to_be_bytes().to_vec();
    if effect.ids.is_empty() {
        text(&mut begin, "post");
        begin.extend(stream.to_be_bytes());
        begin.extend(version.to_le_bytes());
        text(&mut begin, effect.tenant);
        text(&mut begin, "owner");
        begin.extend([0; 16]);
        begin.push(1);
        begin.extend(key);
        begin.extend([0; 16]);
        begin.push(1);
        text(&mut begin, "not_now");
        text(&mut begin, "");
        return vec![(2, begin)];
    }
    let event = |id: &u128| {
        *version += 1;
        let mut body = begin.clone();
        body.extend(id.to_be_bytes());
        text(&mut body, "post");
        body.extend(stream.to_be_bytes());
        body.extend(version.to_le_bytes());
        text(&mut body, effect.tenant);
        text(&mut body, "owner");
        body.extend([0; 16]);
        body.push(1);
        body.extend(&key);
        text(&mut body, "content.post.edited.v1");
        body.extend([0; 8]);
        body.extend(format!("\u{2}edited #op:{}#", effect.mark).bytes());
        (1, body)
    };
    effect.ids.iter().map(event).collect()
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
    out.extend(text.bytes());
}

fn header(kind: u8, (place, of): (u16, u16), epoch: u64, seq: u64, body: &[u8]) -> Vec<u8> {
    let mut record = u32::try_from(22 + body.len()).unwrap().to_le_bytes().to_vec();
    record.extend([1, kind]);
    record.extend(place.to_le_bytes());
    record.extend(of.to_le_bytes());
    record.extend(epoch.to_le_bytes());
    record.extend(seq.to_le_bytes());
    record.extend(body);
    record
}

fn hash(head: Head, bytes: &[u8]) -> Head {
    let mut hash = Sha256::new();
    hash.update(head);
    hash.update(bytes);
    hash.finalize().into()
}
