//! Getting the records of handovers, from memory or from the store. Not finding where they are.

use domain::LaneId;
use log::{ReadError, Stored, VisitRecord};
use segment::{Location, Reader};

use crate::entry;
use crate::error::read_error;
use crate::lanes::{Recent, push_records};
use crate::offsets::Place;

/// Where the handovers of a lane lie closer than this, they are read in one go: then reading
/// everything between them costs less than a system call for each.
const DENSE_BYTES: u64 = 1024;

/// Reads handovers from the store until there are about `bytes_max` of records.
pub(crate) fn read_places(
    reader: &Reader,
    lane: LaneId,
    from: u64,
    bytes_max: usize,
    places: &[Place],
) -> Result<Vec<Stored>, ReadError> {
    let mut out = Vec::new();
    let [first, .., last] = places else {
        for place in places {
            read_place(reader, lane, *place, from, &mut out)?;
        }
        return Ok(out);
    };
    let mut size = 0;
    if last.location.0 - first.location.0 > DENSE_BYTES * places.len() as u64 {
        for place in places {
            if size >= bytes_max.max(1) {
                break;
            }
            size += read_place(reader, lane, *place, from, &mut out)?;
        }
        return Ok(out);
    }
    let mut scan = reader.scan(first.location);
    for place in places {
        if size >= bytes_max.max(1) {
            break;
        }
        let entry = loop {
            match scan.next_entry().map_err(|error| read_error(&error))? {
                Some(entry) if entry.location < place.location => {}
                Some(entry) if entry.location == place.location => break entry,
                _ => return Err(moved(lane, place.location)),
            }
        };
        size += take_entry(lane, *place, entry.lane, entry.bytes, from, &mut out)?;
    }
    Ok(out)
}

/// Gives the records at these offsets, each from the handover that holds it, in rising order.
pub(crate) fn read_wanted(
    reader: &Reader,
    lane: LaneId,
    wanted: &[(u64, Place)],
    each: VisitRecord<'_>,
) -> Result<(), ReadError> {
    let mut places: Vec<Place> = wanted.iter().map(|(_, place)| *place).collect();
    places.dedup();
    let list: Vec<Location> = places.iter().map(|place| place.location).collect();
    let mut left = wanted.iter().map(|(offset, _)| *offset).peekable();
    let read = reader.read_each(&list, |at, found, bytes| {
        let Some((prev, records)) = entry::decode(bytes).filter(|_| found == entry::pack(lane))
        else {
            return;
        };
        for (offset, record) in (places[at].first..).zip(entry::Records(records)) {
            if let Ok(record) = record
                && left.next_if_eq(&offset).is_some()
            {
                each(offset, &prev, record);
            }
        }
    });
    read.map_err(|error| read_error(&error))?;
    match left.peek() {
        Some(offset) => {
            let place = wanted.iter().find(|(at, _)| at == offset);
            Err(moved(lane, place.map_or_else(Location::default, |(_, place)| place.location)))
        }
        None => Ok(()),
    }
}

/// Reads the records of one handover from an offset on.
fn read_place(
    reader: &Reader,
    lane: LaneId,
    place: Place,
    from: u64,
    out: &mut Vec<Stored>,
) -> Result<usize, ReadError> {
    let (found, bytes) = reader.read(place.location).map_err(|error| read_error(&error))?;
    take_entry(lane, place, found, &bytes, from, out)
}

fn take_entry(
    lane: LaneId,
    place: Place,
    found: u32,
    bytes: &[u8],
    from: u64,
    out: &mut Vec<Stored>,
) -> Result<usize, ReadError> {
    let taken = entry::decode(bytes)
        .filter(|_| found == entry::pack(lane))
        .map(|(prev, records)| push_records(place.first, &prev, records, from, out));
    match taken {
        Some(Ok(size)) => Ok(size),
        _ => Err(moved(lane, place.location)),
    }
}

fn moved(lane: LaneId, at: Location) -> ReadError {
    ReadError::Damaged(format!(
        "address {at} of the segment store no longer holds records of {lane:?}"
    ))
}

/// Takes the records of a handover in memory from an offset on.
pub(crate) fn take_recent(
    lane: LaneId,
    handover: &Recent,
    from: u64,
    out: &mut Vec<Stored>,
) -> Result<usize, ReadError> {
    let broken = |_| ReadError::Damaged(format!("records of {lane:?} in memory have changed"));
    handover.push_to(from, out).map_err(broken)
}
