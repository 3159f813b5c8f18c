//! The name of a post's record, made of the step's key.

use domain::saga::StepKey;

const LETTERS: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";

/// A TID (13 letters, base32-sortable, top bit 0) that every attempt of the step has the same. It
/// tells no time: two keys give the same one once in 2^63 times.
pub(crate) fn of(key: StepKey) -> String {
    let (high, low) = key.0.as_u64_pair();
    // Version and variant of the id stand in different places of the halves: nothing is lost.
    let bits = (high ^ low) & (u64::MAX >> 1);
    let letter = |place: u32| char::from(LETTERS[usize::from(((bits >> (5 * place)) & 31) as u8)]);
    (0..13).rev().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_key_has_one_name_of_the_form_that_servers_demand() {
        let key = |text: &str| StepKey(Uuid::parse_str(text).unwrap());
        let one = of(key("6bcf8bb6-3e79-8d7f-aa55-82e025a80904"));
        let other = of(key("6bcf8bb6-3e79-8d7f-aa55-82e025a80905"));
        assert_ne!(one, other);
        for name in [one, other, of(StepKey(Uuid::max())), of(StepKey(Uuid::nil()))] {
            assert_eq!(name.len(), 13);
            assert!(b"234567ab".contains(&name.as_bytes()[0]), "{name}");
            assert!(name.bytes().all(|letter| LETTERS.contains(&letter)), "{name}");
        }
    }
}
