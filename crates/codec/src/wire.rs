//! Confluent wire format: a zero, the schema id, the datum. Not the log's own record.

/// Bytes before the datum.
pub const FRAME_BYTES: usize = 5;

/// The bytes are not in Confluent wire format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{bytes} bytes beginning with {first:?} are not in Confluent wire format (0x00, schema id of 4 bytes, datum)"
)]
pub struct NotAFrame {
    /// How many there are.
    pub bytes: usize,
    /// The first one.
    pub first: Option<u8>,
}

/// Puts the head before a datum.
pub fn frame(id: u32, datum: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(FRAME_BYTES + datum.len());
    out.push(0);
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(datum);
    out
}

/// Schema id and datum of a framed value.
pub fn unframe(bytes: &[u8]) -> Result<(u32, &[u8]), NotAFrame> {
    match bytes {
        [0, a, b, c, d, datum @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), datum)),
        _ => Err(NotAFrame { bytes: bytes.len(), first: bytes.first().copied() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_holds_id_and_datum() {
        let framed = frame(0x0102_0304, b"datum");
        assert_eq!(framed, [&[0, 1, 2, 3, 4][..], b"datum"].concat());
        assert_eq!(unframe(&framed), Ok((0x0102_0304, &b"datum"[..])));
        assert_eq!(unframe(&[0, 0, 0, 0, 9]), Ok((9, &b""[..])));
    }

    #[test]
    fn other_magic_and_short_bytes_are_refused() {
        assert!(unframe(&[]).is_err());
        assert!(unframe(&[0, 1, 2, 3]).is_err());
        assert!(unframe(&[1, 1, 2, 3, 4, 5]).is_err());
    }
}
