//! The few cryptographic operations of this crate, each with its associated data. Not their storage.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use domain::{Sealed, SubjectId};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::secret::Key;

pub(crate) const NONCE_BYTES: usize = 24;

/// Encrypts under a fresh nonce: `nonce | ciphertext and tag`. Nonces of 192 bits are drawn, so no
/// counter has to survive a crash.
pub(crate) fn encrypt(key: &Key, plain: &[u8], aad: &[u8]) -> Result<Vec<u8>, getrandom::Error> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce)?;
    let cipher = XChaCha20Poly1305::new((&*key.0).into());
    let sealed = cipher
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad })
        .expect("a value of the log is far below the 256 GiB the cipher can take");
    Ok([&nonce[..], &sealed].concat())
}

/// Decrypts what [`encrypt`] made; `None` when key, bytes or associated data are others.
pub(crate) fn decrypt(key: &Key, sealed: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    let (nonce, msg) = sealed.split_at_checked(NONCE_BYTES)?;
    XChaCha20Poly1305::new((&*key.0).into())
        .decrypt(XNonce::from_slice(nonce), Payload { msg, aad })
        .ok()
}

/// What a sealed value is bound to: its subject, the generation of the key, the name of its field.
fn sealed_aad(subject: SubjectId, generation: u32, field: &str) -> Vec<u8> {
    [b"recount sealed 1\0", &subject.0.as_bytes()[..], &generation.to_le_bytes(), field.as_bytes()]
        .concat()
}

/// Seals a value, in the layout of `domain::Sealed`.
pub(crate) fn seal(
    key: &Key,
    subject: SubjectId,
    generation: u32,
    field: &str,
    plain: &[u8],
) -> Result<Sealed, getrandom::Error> {
    let body = encrypt(key, plain, &sealed_aad(subject, generation, field))?;
    let bytes = [subject.0.as_bytes(), &generation.to_le_bytes()[..], &body].concat();
    Ok(Sealed::from_bytes(bytes)
        .expect("subject, generation, nonce and tag are the shortest there is"))
}

/// The generation of the key that sealed a value.
pub(crate) fn generation(sealed: &Sealed) -> u32 {
    let mut generation = [0; 4];
    generation.copy_from_slice(&sealed.as_bytes()[16..20]);
    u32::from_le_bytes(generation)
}

/// Opens a sealed value.
pub(crate) fn unseal(key: &Key, sealed: &Sealed, field: &str) -> Option<Vec<u8>> {
    decrypt(key, &sealed.as_bytes()[20..], &sealed_aad(sealed.subject(), generation(sealed), field))
}

/// HMAC-SHA256 with the key already in it.
pub(crate) type Keyed = Hmac<Sha256>;

pub(crate) fn keyed(key: &Key) -> Keyed {
    <Keyed as Mac>::new_from_slice(&*key.0).expect("HMAC takes keys of any length")
}

/// HMAC over label and parts, each behind its length, so that no two lists read the same.
pub(crate) fn mac(keyed: &Keyed, label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed.clone();
    let length = |length: usize| (length as u64).to_le_bytes();
    mac.update(&length(parts.len()));
    for part in std::iter::once(&label.as_bytes()).chain(parts) {
        mac.update(&length(part.len()));
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The first 16 bytes of a MAC as a UUID of version 8.
pub(crate) fn uuid(mac: [u8; 32]) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&mac[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
