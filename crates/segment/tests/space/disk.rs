//! A disk that loses its power: of everything that no sync had made durable, any part may be there, in any
//! order. Made of what a process really asked of it.

use std::collections::{BTreeMap, HashMap};

use crate::common::Random;
use crate::tape::{Act, Event, Tape};

/// What a disk writes as one.
const SECTOR: usize = 512;

/// Names and contents.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

/// How much survives of what was not durable yet.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Survives {
    Nothing,
    Everything,
    /// What was written first.
    Beginning,
    /// All but one sector.
    AllButOne,
    /// One sector.
    One,
    /// Any sectors, any names.
    Any,
}

impl Survives {
    pub(crate) const ALL: [Self; 6] =
        [Self::Nothing, Self::Everything, Self::Beginning, Self::AllButOne, Self::One, Self::Any];

    /// Which of so many parts are there.
    fn choose(self, parts: usize, random: &mut Random) -> Vec<bool> {
        let at = |random: &mut Random| {
            usize::try_from(random.below(parts.max(1) as u64)).expect("below a number of parts")
        };
        match self {
            Self::Nothing => vec![false; parts],
            Self::Everything => vec![true; parts],
            Self::Beginning => {
                let end = at(random);
                (0..parts).map(|part| part < end).collect()
            }
            Self::AllButOne | Self::One => {
                let one = at(random);
                (0..parts).map(|part| (part == one) == matches!(self, Self::One)).collect()
            }
            Self::Any => (0..parts).map(|_| random.below(2) == 0).collect(),
        }
    }
}

/// Sectors of a write: where each begins, and its bytes.
fn sectors(offset: usize, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    bytes.chunks(SECTOR).enumerate().map(move |(n, bytes)| (offset + n * SECTOR, bytes))
}

fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

/// What lies there when the power goes before line `cut` of the tape.
pub(crate) fn after_cut(
    tape: &Tape,
    before: &Image,
    cut: usize,
    survives: Survives,
    random: &mut Random,
) -> Image {
    let begun: Vec<&Event> = tape.events.iter().filter(|event| event.begun < cut).collect();
    // A sync that has returned made durable what had returned when it was asked for.
    let durable = |event: &Event| {
        begun.iter().any(|sync| {
            let covers = match (&sync.act, &event.act) {
                (Act::Sync { file }, Act::Write { file: written, .. }) => file == written,
                (
                    Act::SyncDirectory,
                    Act::Create { .. } | Act::Rename { .. } | Act::Remove { .. },
                ) => true,
                _ => false,
            };
            covers && sync.done < cut && event.done < sync.begun
        })
    };
    let mut contents: HashMap<usize, Vec<u8>> = HashMap::new();
    for (file, name) in tape.before.iter().enumerate() {
        contents.insert(file, before[name].clone());
    }
    let mut open = Vec::new();
    for event in &begun {
        let Act::Write { file, offset, bytes } = &event.act else { continue };
        if durable(event) {
            put(contents.entry(*file).or_default(), *offset, bytes);
        } else {
            open.extend(sectors(*offset, bytes).map(|(offset, bytes)| (*file, offset, bytes)));
        }
    }
    for (there, (file, offset, bytes)) in survives.choose(open.len(), random).iter().zip(open) {
        if *there {
            put(contents.entry(file).or_default(), offset, bytes);
        }
    }
    let names = names(tape, &begun, durable, survives, random);
    let content = |file| contents.get(&file).cloned().unwrap_or_default();
    names.into_iter().map(|(name, file)| (name, content(file))).collect()
}

/// Which file has which name. A rename is there or not, never half.
fn names(
    tape: &Tape,
    begun: &[&Event],
    durable: impl Fn(&Event) -> bool,
    survives: Survives,
    random: &mut Random,
) -> BTreeMap<String, usize> {
    let changes = |event: &&&Event| {
        matches!(event.act, Act::Create { .. } | Act::Rename { .. } | Act::Remove { .. })
    };
    let changes: Vec<&&Event> = begun.iter().filter(changes).collect();
    let unsure = changes.iter().filter(|event| !durable(event)).count();
    let mut chosen = survives.choose(unsure, random).into_iter();
    // As the process saw them, which says what a rename moves though its creation may be lost.
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for (file, name) in tape.before.iter().enumerate() {
        seen.insert(name.clone(), file);
        names.insert(name.clone(), file);
    }
    for event in changes {
        let there = durable(event) || chosen.next().unwrap_or(false);
        match &event.act {
            Act::Create { file, name } => {
                seen.insert(name.clone(), *file);
                if there {
                    names.insert(name.clone(), *file);
                }
            }
            Act::Rename { from, to } => {
                let file = seen.remove(from).expect("it was there");
                seen.insert(to.clone(), file);
                if there {
                    if names.get(from) == Some(&file) {
                        names.remove(from);
                    }
                    names.insert(to.clone(), file);
                }
            }
            Act::Remove { name } => {
                let file = seen.remove(name);
                if there && names.get(name).copied() == file {
                    names.remove(name);
                }
            }
            _ => {}
        }
    }
    names
}
