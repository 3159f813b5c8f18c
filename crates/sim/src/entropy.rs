//! The random source of this process: none. The hash maps and the scheduler of the libraries draw their
//! seeds from the system; here they get the same each time, so that a seed repeats to the byte. In no
//! program but this one.

/// Fills with fixed bytes. Stands before the C library's function of this name, for all of the process.
///
/// # Safety
/// As `getrandom(2)`: `buffer` has room for `len` bytes.
#[expect(unsafe_code, reason = "there is no safe way to replace a function of the C library")]
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getrandom(buffer: *mut u8, len: usize, _flags: u32) -> isize {
    if !buffer.is_null() {
        // SAFETY: the caller says that there is room for `len` bytes.
        unsafe { std::ptr::write_bytes(buffer, 0x5a, len) };
    }
    isize::try_from(len).unwrap_or(isize::MAX)
}
