//! Answers a write in the broker's place, with an error. Knows of Kafka's protocol only the one request
//! and the one answer.

/// The versions of a write that have the form below.
const VERSIONS: std::ops::RangeInclusive<i16> = 9..=12;

/// The answer to a write of one batch, which says this error; `None`: it is no such request.
pub(super) fn of_write(request: &[u8], error: i16) -> Option<Vec<u8>> {
    let mut rest = Rest(request.get(6..)?);
    let version = i16::from_be_bytes(rest.take()?);
    if !VERSIONS.contains(&version) {
        return None;
    }
    let number: [u8; 4] = rest.take()?;
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
    answer.extend(number);
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

/// What is left of a request.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn skip(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.skip(N)?.try_into().ok()
    }

    /// Lengths are written with one more, so that 0 is for what is not there, seven bits a byte.
    fn length(&mut self) -> Option<usize> {
        let mut length = 0;
        for place in 0..4 {
            let [byte] = self.take()?;
            length |= usize::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Some(length);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.skip(length.saturating_sub(1))
    }

    fn no_tags(&mut self) -> Option<()> {
        (self.length()? == 0).then_some(())
    }

    fn one_of_an_array(&mut self) -> Option<()> {
        (self.length()? == 2).then_some(())
    }
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

    #[test]
    fn a_write_is_answered_with_an_error_and_another_version_not_at_all() {
        let answer = of_write(&request(10), 6).unwrap();
        let mut expected = vec![0, 0, 0, 51, 1, 2, 3, 4, 0, 2, 5];
        expected.extend(b"lane");
        expected.extend([2, 0, 0, 0, 7, 0, 6]);
        expected.extend([0xff; 24]);
        expected.extend([1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(answer, expected);
        assert_eq!(of_write(&request(8), 6), None);
        assert_eq!(of_write(&request(10)[..20], 6), None);
    }
}
