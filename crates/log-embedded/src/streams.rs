//! Which records of a lane belong to which stream: 4 bytes a record and about 32 a stream, valid
//! records only. Not a cache of their content.

use log::{Asked, Header, LaneState, Sha256Chain, Step};
use uuid::Uuid;

use log::Head;

use crate::bytes::{Put as _, Take, named, pair, unnamed, unpair};
use crate::kept::Kept;
use crate::newest::Newest;

/// By id or offset: seeded anew in each process, and several times as quick as the standard map.
type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// The head before a handover, and the one behind it if its writer has told it.
pub(crate) type Heads<'a> = (&'a Head, Option<Head>);

/// Judges the records of a lane by the reader rule and links those of each stream.
#[derive(Debug)]
pub(crate) struct Streams {
    state: LaneState<Sha256Chain>,
    /// Records of the frame under assembly: offset and stream.
    partial: Vec<(u64, Uuid)>,
    newest: Newest,
    links: Links,
    void: u64,
    /// Among them, since this was opened: those that only the hash does not fit.
    mismatches: u64,
    /// For the next owner.
    pub(crate) kept: Kept,
}

impl Streams {
    pub(crate) fn new(genesis: Head) -> Self {
        Self {
            state: LaneState::new(genesis),
            partial: Vec::new(),
            newest: Newest::default(),
            links: Links::default(),
            void: 0,
            mismatches: 0,
            kept: Kept::default(),
        }
    }

    /// Takes the next record of the lane.
    pub(crate) fn take(&mut self, offset: u64, (prev, after): Heads<'_>, record: &[u8]) {
        let Ok((header, _)) = Header::read(record) else {
            self.void += 1;
            return;
        };
        // The rule forgets a frame when it is whole, and the first record says what it is.
        let ends = header.place > 0 && header.place.checked_add(1) == Some(header.of);
        let partial = self.state.partial().filter(|_| ends);
        let first = partial.map(|(_, _, bytes)| Asked::peek(bytes).ok());
        match self.state.step_to(&header, prev, record, after) {
            Step::Claimed => {
                self.partial.clear();
                self.kept.claimed(offset, Asked::peek(record).ok());
            }
            Step::Partial => match stream(record) {
                Some(stream) => self.partial.push((offset, stream)),
                None => self.kept.turn_off(),
            },
            Step::Whole { first: seq } => {
                let begins = self.partial.first().map_or(offset, |(at, _)| *at);
                let first = first.unwrap_or_else(|| Asked::peek(record).ok());
                self.kept.framed(begins, seq, first);
                let mut partial = std::mem::take(&mut self.partial);
                for (offset, stream) in partial.drain(..) {
                    self.link(offset, stream);
                }
                self.partial = partial;
                if let Some(stream) = stream(record) {
                    self.link(offset, stream);
                }
            }
            Step::Void(_) => self.void += 1,
            Step::Mismatch => {
                self.void += 1;
                self.mismatches += 1;
            }
        }
    }

    fn link(&mut self, offset: u64, stream: Uuid) {
        if let Some(before) = self.newest.set(stream, offset) {
            self.links.set(offset, before);
        }
    }

    /// Offsets of the valid records of a stream, not below `from`, falling.
    pub(crate) fn of(&self, stream: Uuid, from: u64) -> impl Iterator<Item = u64> + '_ {
        std::iter::successors(self.newest.get(stream), |offset| self.links.before(*offset))
            .take_while(move |offset| *offset >= from)
    }

    /// What the rule knows of the lane before the frame under assembly, and where reading goes on then, of
    /// a lane that ends at `end`.
    pub(crate) fn resume(&self, end: u64) -> (LaneState<Sha256Chain>, u64) {
        let LaneState { epoch, seq, head, .. } = &self.state;
        let begins = self.partial.first().map_or(end, |(at, _)| *at);
        (LaneState::resume(*epoch, *seq, *head), begins)
    }

    /// What the rule knows of the lane.
    pub(crate) fn state(&self) -> &LaneState<Sha256Chain> {
        &self.state
    }

    /// How many records were void.
    pub(crate) fn void(&self) -> u64 {
        self.void
    }

    /// How many of those that were taken here fitted in all but their hash: no healthy history has one,
    /// so that what was known before may have been wrong.
    pub(crate) fn mismatches(&self) -> u64 {
        self.mismatches
    }

    /// Goes over every stream to its first record, and gives how many streams there are.
    #[cfg(test)]
    pub(crate) fn walk(&self) -> usize {
        self.newest.streams().filter(|stream| self.of(*stream, 0).last().is_some()).count()
    }

    /// For a checkpoint.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let LaneState { epoch, seq, head, .. } = &self.state;
        let (have, of, bytes) = self.state.partial().unwrap_or_default();
        out.extend_from_slice(&head.0);
        for number in [*epoch, *seq, self.void, u64::from(have), u64::from(of)] {
            out.put(number);
        }
        out.put_rows(bytes.iter().map(|byte| [*byte]));
        out.put_rows(self.partial.iter().map(|(at, stream)| named(*stream.as_bytes(), *at)));
        out.put_rows(self.links.near.iter().map(|distance| distance.to_le_bytes()));
        out.put_rows(self.links.far.iter().map(|(at, before)| pair(*at, *before)));
        self.kept.write(out);
        self.newest.write(out);
    }

    /// What [`Self::write`] wrote of a lane with `end` records.
    pub(crate) fn read(from: &mut Take<'_>, end: u64) -> Option<Self> {
        let head = Head(from.array()?);
        let (epoch, seq, void) = (from.u64()?, from.u64()?, from.u64()?);
        let (have, of) = (u16::try_from(from.u64()?).ok()?, u16::try_from(from.u64()?).ok()?);
        let bytes = from.rows::<1>()?.as_flattened();
        let state = LaneState::resume(epoch, seq, head);
        let state = match have {
            0 if of == 0 && bytes.is_empty() => state,
            have if have > 0 && have < of => state.with_partial(have, of, bytes.to_vec()),
            _ => return None,
        };
        let of_stream = |row: &[u8; 24]| {
            let (stream, at) = unnamed(row);
            (at < end).then_some((at, Uuid::from_bytes(stream)))
        };
        let partial = from.rows()?.iter().map(of_stream).collect::<Option<Vec<_>>>()?;
        let links = Links::read(from, end)?;
        let kept = Kept::read(from)?;
        let newest = Newest::read(from, end)?;
        let sound = void <= end && seq <= end;
        sound.then_some(Self { state, partial, newest, links, void, mismatches: 0, kept })
    }
}

/// The stream of a valid record; two categories may share an id, so readers look at the record too.
fn stream(record: &[u8]) -> Option<Uuid> {
    log::stream_of(record).ok().flatten().map(|(_, id)| id)
}

/// From a record to the one before it in its stream, as a distance in records.
#[derive(Debug, Default)]
struct Links {
    /// By offset; 0: there is none, or it is in `far`.
    near: Vec<u32>,
    /// More than four thousand million records apart.
    far: Map<u64, u64>,
}

impl Links {
    /// Each leads back, so that following them ends.
    fn read(from: &mut Take<'_>, end: u64) -> Option<Self> {
        let near: Vec<u32> = from.rows()?.iter().map(|row| u32::from_le_bytes(*row)).collect();
        let far: Map<u64, u64> = from.rows()?.iter().map(|row| unpair(*row)).collect();
        let lead_back = near.len() as u64 <= end
            && near.iter().enumerate().all(|(at, distance)| u64::from(*distance) <= at as u64)
            && far.iter().all(|(at, before)| before < at && *at < end);
        lead_back.then_some(Self { near, far })
    }

    fn set(&mut self, offset: u64, before: u64) {
        match (usize::try_from(offset), u32::try_from(offset - before)) {
            (Ok(at), Ok(distance)) => {
                if self.near.len() <= at {
                    self.near.resize(at + 1, 0);
                }
                self.near[at] = distance;
            }
            _ => drop(self.far.insert(offset, before)),
        }
    }

    fn before(&self, offset: u64) -> Option<u64> {
        let near = usize::try_from(offset).ok().and_then(|at| self.near.get(at).copied());
        match near {
            Some(distance) if distance > 0 => Some(offset - u64::from(distance)),
            _ => self.far.get(&offset).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_back_over_any_distance() {
        let mut links = Links::default();
        links.set(5, 2);
        links.set(7 << 32, 5);
        assert_eq!(links.before(7 << 32), Some(5));
        assert_eq!(links.before(5), Some(2));
        assert_eq!(links.before(2), None);
        assert_eq!(links.before(1_000), None);
    }
}
