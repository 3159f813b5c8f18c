//! The file `master.key`: three lines, private, checked. Not used for anything but wrapping.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::Key;
use crate::{OpenError, crypt, files};

/// First line; the number is the version of the file.
const TITLE: &str = "recount-master-key 1\n";

/// Draws a master key and stores it.
pub(crate) fn create(path: &Path) -> Result<Key, OpenError> {
    let key = Key::random().map_err(OpenError::Random)?;
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        files::make_dir(dir)?;
    }
    files::replace(path, text(&key).as_bytes())?;
    Ok(key)
}

/// Reads the master key; `None` when there is no file.
pub(crate) fn load(path: &Path) -> Result<Option<Key>, OpenError> {
    let Some(bytes) = files::read(path)? else { return Ok(None) };
    let bytes = Zeroizing::new(bytes);
    parse(&bytes).map(Some).map_err(|why| OpenError::MasterDamaged { path: path.to_owned(), why })
}

/// Title, the key in hex, the first 8 bytes of the SHA-256 of both lines in hex.
fn text(key: &Key) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(128));
    out.push_str(TITLE);
    hex(&mut out, &*key.0);
    let sum = Sha256::digest(out.as_bytes());
    hex(&mut out, &sum[..8]);
    out
}

fn hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out.push('\n');
}

fn parse(bytes: &[u8]) -> Result<Key, &'static str> {
    let body = bytes
        .strip_prefix(TITLE.as_bytes())
        .ok_or("the first line is not `recount-master-key 1`")?;
    let digits = body.get(..64).ok_or("the key is cut off")?;
    let mut key = Zeroizing::new([0; 32]);
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let digit =
            |at: usize| char::from(pair[at]).to_digit(16).ok_or("the key is not hexadecimal");
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).unwrap_or_default();
    }
    let key = Key(key);
    // Byte for byte the text that would be written: no other spelling, nothing behind it.
    if text(&key).as_bytes() == bytes { Ok(key) } else { Err("its checksum is wrong") }
}

/// Names a master key without telling it.
pub(crate) fn id(key: &Key) -> [u8; 8] {
    let mut id = [0; 8];
    id.copy_from_slice(&crypt::mac(&crypt::keyed(key), "recount master key id", &[])[..8]);
    id
}

/// An id as people read it.
pub(crate) fn show(id: [u8; 8]) -> String {
    format!("{:016x}", u64::from_be_bytes(id))
}
