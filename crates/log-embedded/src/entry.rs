//! One handover as one entry of the segment store: `head before (32 bytes) | records`. Not the
//! records' own format: only their length prefix is looked at here.

use domain::{LaneId, TopicId};
use log::{Handover, Head};

const HEAD_BYTES: usize = 32;

/// The lane as the segment store carries it: topic in the upper half, index in the lower.
pub(crate) fn pack(lane: LaneId) -> u32 {
    u32::from(lane.topic.0) << 16 | u32::from(lane.index)
}

/// The lane that [`pack`] packed.
pub(crate) fn unpack(lane: u32) -> LaneId {
    let [a, b, c, d] = lane.to_be_bytes();
    LaneId { topic: TopicId(u16::from_be_bytes([a, b])), index: u16::from_be_bytes([c, d]) }
}

/// The entry of a handover.
pub(crate) fn encode(handover: &Handover) -> segment::Parts<'_> {
    segment::Parts { lane: pack(handover.lane), head: &handover.prev.0, body: &handover.bytes }
}

/// An entry, taken apart.
pub(crate) fn decode(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let (head, records) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    Some((Head(*head), records))
}

/// The records of a handover, by their length prefixes; the last item is an error when the bytes
/// do not end with a record.
#[derive(Debug, Clone)]
pub(crate) struct Records<'a>(pub(crate) &'a [u8]);

/// The bytes of a handover are not a row of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotRecords;

impl<'a> Iterator for Records<'a> {
    type Item = Result<&'a [u8], NotRecords>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let whole = self
            .0
            .first_chunk::<4>()
            .and_then(|len| usize::try_from(u32::from_le_bytes(*len)).ok()?.checked_add(4))
            .and_then(|whole| self.0.split_at_checked(whole));
        let Some((record, rest)) = whole else {
            self.0 = &[];
            return Some(Err(NotRecords));
        };
        self.0 = rest;
        Some(Ok(record))
    }
}

/// How many records these bytes are: at least one.
pub(crate) fn count(records: &[u8]) -> Result<u16, NotRecords> {
    let mut count = 0_u16;
    for record in Records(records) {
        record?;
        count = count.checked_add(1).ok_or(NotRecords)?;
    }
    if count == 0 { Err(NotRecords) } else { Ok(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_keep_their_topic_and_index() {
        for lane in [(0, 0), (1, 2), (u16::MAX, 0), (0, u16::MAX), (u16::MAX, u16::MAX)] {
            let lane = LaneId { topic: TopicId(lane.0), index: lane.1 };
            assert_eq!(unpack(pack(lane)), lane);
        }
    }

    #[test]
    fn records_are_counted_by_their_lengths_and_nothing_may_be_left() {
        assert_eq!(count(&[1, 0, 0, 0, 9, 0, 0, 0, 0]), Ok(2));
        for wrong in
            [&[][..], &[1, 0, 0, 0], &[0, 0, 0], &[0, 0, 0, 0, 1], &[255, 255, 255, 255, 0]]
        {
            assert_eq!(count(wrong), Err(NotRecords), "{wrong:?}");
        }
    }
}
