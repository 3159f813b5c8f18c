//! Names of a schema that are computed from it alone: nobody has to hand them out.

use sha2::{Digest, Sha256};

/// CRC-64-AVRO (Avro specification, "Schema Fingerprints") of a parsing canonical form.
///
/// ```
/// assert_eq!(codec::crc64_avro(br#""int""#), 0x7275_d51a_3f39_5c8f);
/// ```
pub fn crc64_avro(canonical: &[u8]) -> u64 {
    canonical
        .iter()
        .fold(EMPTY, |sum, byte| (sum >> 8) ^ TABLE[((sum ^ u64::from(*byte)) & 0xff) as usize])
}

/// The id of a schema in the Confluent wire format: the first four bytes of the SHA-256 of its
/// parsing canonical form, big endian, without the sign; never 0. Every installation gives the same
/// schema the same id, so none needs a registry.
pub fn schema_id(canonical: &[u8]) -> u32 {
    let hash = Sha256::digest(canonical);
    let id = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) & 0x7fff_ffff;
    id.max(1)
}

const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut sum = at as u64;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum >> 1) ^ (EMPTY & (sum & 1).wrapping_neg());
            bit += 1;
        }
        table[at] = sum;
        at += 1;
    }
    table
};
