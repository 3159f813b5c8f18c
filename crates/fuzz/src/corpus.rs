//! Kept inputs, as text: one a line in hexadecimal digits, so that a difference of them can be read.

use std::fmt::Write;

/// The inputs of a corpus: lines of hexadecimal digits; empty lines and those that begin with `#` are
/// skipped.
///
/// # Panics
/// When a line is neither.
pub fn from_hex(text: &str) -> Vec<Vec<u8>> {
    let lines = text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#'));
    let bytes = |line: &str| -> Option<Vec<u8>> {
        (0..line.len().div_ceil(2))
            .map(|at| u8::from_str_radix(line.get(2 * at..2 * at + 2)?, 16).ok())
            .collect()
    };
    lines
        .map(|line| bytes(line).unwrap_or_else(|| panic!("no hexadecimal digits: {line}")))
        .collect()
}

/// Bytes as a line of a corpus.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut all, byte| {
        // Writing to a string does not fail.
        let _ = write!(all, "{byte:02x}");
        all
    })
}
