//! Opening for writing: finds the end, tells a torn tail from damage, finishes what a crash
//! interrupted. Cuts back only what no successor confirms; everything else is refused.

use crate::batch::Buffer;
use crate::block::{Cursor, Fault, Rest, Seal, Step};
use crate::catalog;
use crate::dir;
use crate::error::{IoFault, OpenError};
use crate::format::{Kind, SegmentHeader, UNIT, UNIT_BYTES};
use crate::prepare::{self, Medium};
use crate::store::{Check, Options};
use crate::writer::{Tail, begin_segment};
use crate::{CALL_BYTES_MAX, Location};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What opening found and repaired.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Recovery {
    /// The durable end, from where writing goes on.
    pub end: Location,
    /// Segment files.
    pub segments: usize,
    /// There was no store before.
    pub created: bool,
    /// An unacknowledged last block that was cut back.
    pub torn_tail: Option<TornTail>,
    /// A change of segment that a crash had interrupted was finished.
    pub roll_finished: bool,
}

/// A block whose writing a crash interrupted. It was rewritten to zero.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TornTail {
    /// The last segment.
    pub file: PathBuf,
    /// Where in it the block began.
    pub offset: u64,
    /// Bytes rewritten to zero.
    pub bytes: u64,
}

/// A torn block is no longer than this, header and padding included. Bytes further behind the
/// end were never a block in flight, so they are damage.
const TORN_BYTES_MAX: u64 = CALL_BYTES_MAX as u64 + 2 * UNIT_BYTES;

struct End {
    offset: u64,
    number: u64,
    prev: u32,
    last: Option<Kind>,
    torn_bytes: u64,
}

/// Checks, then repairs, then writes: an error of the first part leaves every byte as it was.
pub(crate) fn recover(
    options: &Options,
) -> Result<(Tail, Vec<SegmentHeader>, Recovery), OpenError> {
    let dir = options.dir.as_path();
    let segments = catalog::load_segments(dir)?;
    let Some((last, older)) = segments.split_last() else { return create(options) };
    let mut cursor = cursor(dir, *last)?;
    let begun = cursor.is_begun()?;
    let mut unsealed = None;
    for (place, header) in older.iter().enumerate() {
        let before_last = place + 1 == older.len();
        let sealed =
            check_sealed(dir, *header, segments[place + 1], options.check, before_last && !begun)?;
        if !sealed {
            unsealed = Some(*header);
        }
    }
    let end = find_end(&mut cursor, dir)?;

    let mut unit = Buffer::new(UNIT);
    if let Some(header) = unsealed {
        finish_seal(dir, header, last, &mut unit)?;
    }
    let path = dir::segment_path(dir, last.base);
    let medium = Medium::open(&path, false)?;
    let torn_tail = (end.torn_bytes > 0).then(|| TornTail {
        file: path.clone(),
        offset: end.offset,
        bytes: end.torn_bytes,
    });
    if let Some(torn) = &torn_tail {
        write_zeros(&medium, torn)?;
    }
    // What a killed process wrote but did not sync becomes durable before anyone builds on it;
    // the same for names.
    medium.sync(end.offset)?;
    dir::sync(dir)?;
    dir::remove(&dir.join(dir::SPARE))?;
    let marked = end.last == Some(Kind::Mark) || (end.last.is_none() && older.is_empty());
    let End { offset, number, prev, .. } = end;
    let mut tail = Tail { header: *last, medium, offset, number, prev, marked };
    if !tail.marked {
        tail.mark(&mut unit)?;
    }
    let recovery = Recovery {
        end: Location(last.base + tail.offset),
        segments: segments.len(),
        created: false,
        torn_tail,
        roll_finished: unsealed.is_some(),
    };
    Ok((tail, segments, recovery))
}

fn create(options: &Options) -> Result<(Tail, Vec<SegmentHeader>, Recovery), OpenError> {
    let dir = options.dir.as_path();
    let mut store_id = [0; 16];
    getrandom::fill(&mut store_id).map_err(|error| {
        IoFault::new("drawing an id for", dir, 0)(io::Error::other(error.to_string()))
    })?;
    let length = options.first_segment_bytes;
    let header = SegmentHeader { store_id, base: 0, length, first_number: 0, prev: 0 };
    let spare = prepare::make_spare(dir, length, &AtomicBool::new(false))?;
    let tail = begin_segment(dir, spare.medium, header, &mut Buffer::new(UNIT))?;
    let recovery = Recovery {
        end: Location(tail.offset),
        segments: 1,
        created: true,
        torn_tail: None,
        roll_finished: false,
    };
    Ok((tail, vec![header], recovery))
}

fn cursor(dir: &Path, header: SegmentHeader) -> Result<Cursor, IoFault> {
    let path = dir::segment_path(dir, header.base);
    let file = File::open(&path).map_err(IoFault::new("opening", &path, 0))?;
    Ok(Cursor::new(header, Arc::new(file), &path))
}

/// Walks to the end of what is written; damage is an error.
fn walk(cursor: &mut Cursor) -> Result<Option<Kind>, OpenError> {
    let mut last = None;
    loop {
        match cursor.step(cursor.header.length)? {
            Step::Block(found) => last = Some(found.header.kind),
            Step::Unwritten | Step::End => return Ok(last),
            Step::Invalid(fault) => return Err(cursor.corrupt(fault).into()),
        }
    }
}

fn corrupt(cursor: &Cursor, offset: u64, what: &'static str) -> OpenError {
    cursor.corrupt(Fault { offset, what }).into()
}

/// A segment that another one follows. Ok(false): it lacks its seal, which only a crash
/// between the header of the next segment and the seal explains.
fn check_sealed(
    dir: &Path,
    header: SegmentHeader,
    next: SegmentHeader,
    check: Check,
    may_lack_seal: bool,
) -> Result<bool, OpenError> {
    let mut cursor = cursor(dir, header)?;
    let mut followed = None;
    if check == Check::Everything || may_lack_seal {
        walk(&mut cursor)?;
        let rest = cursor.rest(cursor.offset, header.seal_offset())?;
        if let Some(offset) = rest.first_nonzero {
            return Err(corrupt(&cursor, offset, "bytes behind the last block are not zero"));
        }
        followed = cursor.expect;
    } else {
        cursor.expect = None;
    }
    let sealed = match cursor.seal()? {
        Seal::Whole(seal) => {
            followed = Some((seal.number, seal.prev));
            true
        }
        Seal::Absent(_) | Seal::Damaged(_) if may_lack_seal => false,
        Seal::Absent(fault) | Seal::Damaged(fault) => return Err(cursor.corrupt(fault).into()),
    };
    // The header of the next segment was written while this was the end.
    if followed != next.first_number.checked_sub(1).map(|number| (number, next.prev)) {
        let what = "the next segment does not continue the last block: blocks are missing";
        return Err(corrupt(&cursor, cursor.offset, what));
    }
    Ok(sealed)
}

/// The end of the last segment, and how much of a torn block lies behind it.
fn find_end(cursor: &mut Cursor, dir: &Path) -> Result<End, OpenError> {
    let length = cursor.header.length;
    let mut last = None;
    let fault = loop {
        match cursor.step(length)? {
            Step::Block(found) => last = Some(found.header.kind),
            Step::Unwritten | Step::End => break None,
            Step::Invalid(fault) => break Some(fault),
        }
    };
    let offset = cursor.offset;
    let rest = cursor.rest(offset, length)?;
    refuse_damage(cursor, dir, fault, rest)?;
    let torn_bytes = rest.last_nonzero.map_or(0, |unit| unit + UNIT_BYTES - offset);
    let (number, prev) = cursor.expect.expect("a walk from the first block always knows");
    Ok(End { offset, number, prev, last, torn_bytes })
}

/// Nothing valid may follow the end, nor anything that was not part of one block in flight.
fn refuse_damage(
    cursor: &Cursor,
    dir: &Path,
    fault: Option<Fault>,
    rest: Rest,
) -> Result<(), OpenError> {
    let offset = cursor.offset;
    match rest.later {
        Some((at, header)) if header.kind == Kind::Seal && at == cursor.header.seal_offset() => {
            let base = cursor.header.end();
            let file = dir::segment_path(dir, base);
            return Err(match fault {
                Some(fault) => cursor.corrupt(fault).into(),
                None => OpenError::Missing { dir: dir.to_owned(), file, base },
            });
        }
        // A block whose own header is whole and whose rest is torn is not its own successor.
        Some((at, _)) if at != offset => {
            let what = "no block, but valid blocks follow";
            return Err(cursor.corrupt(fault.unwrap_or(Fault { offset, what })).into());
        }
        _ => {}
    }
    let own_end = rest.later.map_or(TORN_BYTES_MAX, |(_, header)| header.stored_bytes());
    let strange = rest.last_nonzero.filter(|unit| *unit >= offset.saturating_add(own_end));
    match strange {
        Some(unit) => Err(corrupt(cursor, unit, "bytes far behind the last block are not zero")),
        None => Ok(()),
    }
}

/// Writes the seal that a crash prevented.
fn finish_seal(
    dir: &Path,
    header: SegmentHeader,
    next: &SegmentHeader,
    unit: &mut Buffer,
) -> Result<(), OpenError> {
    let medium = Medium::open(&dir::segment_path(dir, header.base), false)?;
    let (number, prev) = (next.first_number - 1, next.prev);
    // The offset is that of the next block, which a sealed segment does not get.
    let tail = Tail { header, medium, offset: header.seal_offset(), number, prev, marked: true };
    Ok(tail.seal(unit)?)
}

fn write_zeros(medium: &Medium, torn: &TornTail) -> Result<(), OpenError> {
    const PIECE: usize = 1 << 20;
    let zeros = Buffer::new(PIECE);
    let end = torn.offset + torn.bytes;
    let mut offset = torn.offset;
    while offset < end {
        let bytes = usize::try_from(end - offset).unwrap_or(PIECE).min(PIECE);
        medium.write(&zeros.bytes()[..bytes], offset)?;
        offset += bytes as u64;
    }
    Ok(medium.sync(torn.offset)?)
}
