//! Header and records of the file `keyring`, byte by byte. Not the file itself.

use domain::SubjectId;
use uuid::Uuid;

use crate::crypt;
use crate::secret::Key;

/// Format of the file; a newer one is refused.
pub(crate) const VERSION: u32 = 1;
/// `magic 8 | version 4 | zero 4 | master id 8 | zero 100 | CRC-32C 4`.
pub(crate) const HEADER_BYTES: usize = 128;
/// `kind 1 | zero 3 | subject 16 | generation 4 | nonce 24 | wrapped key and tag 48 | zero 28 | CRC-32C 4`.
/// A power of two, so that no record lies across two sectors of a disk: it arrives whole or not.
pub(crate) const RECORD_BYTES: usize = 128;

const MAGIC: &[u8; 8] = b"RCKEYRNG";
/// What the wrapped key is bound to: everything before it.
const BOUND_BYTES: usize = 24;
/// End of the wrapped key.
const WRAPPED_END: usize = BOUND_BYTES + crypt::NONCE_BYTES + 32 + 16;

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The key of fingerprints and derived ids; the first record.
    Installation = 1,
    /// The key of a subject.
    Subject = 2,
    /// The keys of a subject up to a generation are gone; wraps zeros.
    Destroyed = 3,
}

/// A record of the keyring, still wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) subject: SubjectId,
    pub(crate) generation: u32,
}

pub(crate) fn header(master_id: [u8; 8]) -> [u8; HEADER_BYTES] {
    let mut out = [0; HEADER_BYTES];
    out[..8].copy_from_slice(MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[16..24].copy_from_slice(&master_id);
    checksum(&mut out);
    out
}

/// Version and master id, or what is wrong.
pub(crate) fn parse_header(bytes: &[u8]) -> Result<(u32, [u8; 8]), &'static str> {
    let bytes = bytes.get(..HEADER_BYTES).ok_or("the header is cut off")?;
    if &bytes[..8] != MAGIC {
        return Err("it is not a keyring");
    }
    if !sound(bytes) {
        return Err("the checksum of the header is wrong");
    }
    let version = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    let mut master_id = [0; 8];
    master_id.copy_from_slice(&bytes[16..24]);
    Ok((version, master_id))
}

impl Head {
    /// The record with a key wrapped in it.
    pub(crate) fn wrap(
        self,
        key: &Key,
        master: &Key,
    ) -> Result<[u8; RECORD_BYTES], getrandom::Error> {
        let mut out = [0; RECORD_BYTES];
        out[0] = self.kind as u8;
        out[4..20].copy_from_slice(self.subject.0.as_bytes());
        out[20..24].copy_from_slice(&self.generation.to_le_bytes());
        let wrapped = crypt::encrypt(master, &*key.0, &out[..BOUND_BYTES])?;
        out[BOUND_BYTES..WRAPPED_END].copy_from_slice(&wrapped);
        checksum(&mut out);
        Ok(out)
    }

    /// What a record is about; the checksum is tested, the key stays wrapped.
    pub(crate) fn parse(bytes: &[u8; RECORD_BYTES]) -> Result<Self, &'static str> {
        if !sound(bytes) {
            return Err("the checksum of a record is wrong");
        }
        let kind = match bytes[..4] {
            [1, 0, 0, 0] => Kind::Installation,
            [2, 0, 0, 0] => Kind::Subject,
            [3, 0, 0, 0] => Kind::Destroyed,
            _ => return Err("the kind of a record is unknown"),
        };
        let mut subject = [0; 16];
        subject.copy_from_slice(&bytes[4..20]);
        let generation = u32::from_le_bytes([bytes[20], bytes[21], bytes[22], bytes[23]]);
        Ok(Self { kind, subject: SubjectId(Uuid::from_bytes(subject)), generation })
    }
}

/// The key of a record; `None` when the master key is another or the record was changed.
pub(crate) fn unwrap(bytes: &[u8; RECORD_BYTES], master: &Key) -> Option<Key> {
    let plain = crypt::decrypt(master, &bytes[BOUND_BYTES..WRAPPED_END], &bytes[..BOUND_BYTES])?;
    let plain = zeroize::Zeroizing::new(plain);
    let mut key = zeroize::Zeroizing::new([0; 32]);
    (plain.len() == 32).then(|| key.copy_from_slice(&plain))?;
    Some(Key(key))
}

/// Whether a last record was never fully written: some file systems extend a file before its data.
pub(crate) fn never_arrived(bytes: &[u8; RECORD_BYTES]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn checksum(bytes: &mut [u8]) {
    let (body, sum) = bytes.split_at_mut(bytes.len() - 4);
    sum.copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
}

fn sound(bytes: &[u8]) -> bool {
    let (body, sum) = bytes.split_at(bytes.len() - 4);
    crc32c::crc32c(body).to_le_bytes() == *sum
}
