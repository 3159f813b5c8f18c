//! Answers a write in the broker's place, with an error. Knows of Kafka's protocol only the one request
//! and the one answer.

use super::request::{Head, Rest};

/// The versions of a write that have the form below.
const VERSIONS: std::ops::RangeInclusive<i16> = 9..=12;

/// The answer to a write of one batch, which says this error; `None`: it is no such request.
pub(super) fn of_write(head: Head, mut rest: Rest<'_>, error: i16) -> Option<Vec<u8>> {
    if !VERSIONS.contains(&head.version) {
        return None;
    }
    // The client's name; there is none when its length is negative.
    let name = i16::from_be_bytes(rest.take()?);
    rest.skip(usize::try_from(name).unwrap_or_default())?;
    rest.no_tags()?;
    // The transaction's name, which replicas wait for it, how long.
    rest.text()?;
    rest.skip(2 + 4)?;
    rest.one_of_an_array()?;
    let topic = rest.text()?;
    rest.one_of_an_array()?;
    let partition: [u8; 4] = rest.take()?;

    let mut answer = vec![0; 4];
    answer.extend(head.number);
    // No tags; one topic, with a name shorter than one byte of length can say.
    answer.extend([0, 2, u8::try_from(topic.len() + 1).ok().filter(|it| *it < 0x80)?]);
    answer.extend(topic);
    answer.push(2);
    answer.extend(partition);
    answer.extend(error.to_be_bytes());
    // Where it lies, when it was written, where the partition begins: none of it is known.
    answer.extend([0xff; 3 * 8]);
    // No errors of records, no message, no tags of partition and topic; not throttled, no tags.
    answer.extend([1, 0, 0, 0]);
    answer.extend([0; 4 + 1]);
    let length = u32::try_from(answer.len() - 4).ok()?;
    answer[..4].copy_from_slice(&length.to_be_bytes());
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: u8) -> Vec<u8> {
        let mut request = vec![0, 0, 0, 99, 0, 0, 0, version, 1, 2, 3, 4, 0, 3];
        request.extend(b"me!");
        request.extend([0, 0, 0xff, 0xff, 0, 0, 0x75, 0x30, 2, 5]);
        request.extend(b"lane");
        request.extend([2, 0, 0, 0, 7]);
        request.extend(b"records");
        request
    }

    fn answered(request: &[u8]) -> Option<Vec<u8>> {
        let (head, rest) = Head::of(request)?;
        of_write(head, rest, 6)
    }

    #[test]
    fn a_write_is_answered_with_an_error_and_another_version_not_at_all() {
        let answer = answered(&request(10)).unwrap();
        let mut expected = vec![0, 0, 0, 51, 1, 2, 3, 4, 0, 2, 5];
        expected.extend(b"lane");
        expected.extend([2, 0, 0, 0, 7, 0, 6]);
        expected.extend([0xff; 24]);
        expected.extend([1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(answer, expected);
        assert_eq!(answered(&request(8)), None);
        assert_eq!(answered(&request(10)[..20]), None);
    }
}
