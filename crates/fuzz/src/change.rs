//! One change of an input. Knows what numbers and lengths look like in bytes, and no format.

/// Numbers at which code takes another way.
const NUMBERS: [u64; 14] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_ffff,
];

/// What texts are made of that means something to a parser.
const TEXTS: [&str; 18] = [
    "\"", "'", "\\", ":", ",", ";", "=", "-", "*", "~", "<", ">", "(", ")", "{", "\u{0}", "é",
    "\u{202e}",
];

/// `SplitMix64` (Steele, Lea, Flood 2014).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 when that is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Changes `input` once; `other` is what a piece may be taken from.
pub(crate) fn change(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let len = input.len();
    let at = random.below(len);
    match random.below(12) {
        0 if len > 0 => input[at] ^= 1 << random.below(8),
        1 if len > 0 => input[at] = random.byte(),
        2 => input.truncate(at),
        3 => input.extend((0..=random.below(16)).map(|_| random.byte())),
        4 => {
            let until = at + random.below(len - at);
            input.drain(at..until);
        }
        5 => {
            let until = at + random.below((len - at).min(64));
            let piece = input[at..until].to_vec();
            input.splice(at..at, piece);
        }
        6 => {
            let from = random.below(other.len());
            let until = from + random.below(other.len() - from);
            let to = at + random.below(len - at);
            input.splice(at..to, other[from..until].iter().copied());
        }
        7 | 8 => number(input, at, random),
        9 if len > 0 => input[at] = input[at].wrapping_add(1).wrapping_sub(random.byte() % 3),
        10 => {
            let text = TEXTS[random.below(TEXTS.len())];
            input.splice(at..at, text.bytes());
        }
        _ if len > 0 => input.swap(at, random.below(len)),
        _ => input.push(random.byte()),
    }
}

/// Writes a number over what is there, or puts it in: little-endian, big-endian, or as Avro writes it.
fn number(input: &mut Vec<u8>, at: usize, random: &mut Random) {
    let near =
        u64::try_from(input.len()).unwrap_or(0).wrapping_add(random.next() % 5).wrapping_sub(2);
    let number = match random.below(NUMBERS.len() + 2) {
        n if n < NUMBERS.len() => NUMBERS[n],
        n if n == NUMBERS.len() => near,
        _ => random.next(),
    };
    let width = [1, 2, 4, 8][random.below(4)];
    let bytes = match random.below(3) {
        0 => number.to_le_bytes()[..width].to_vec(),
        1 => number.to_be_bytes()[8 - width..].to_vec(),
        _ => varint(number),
    };
    let to = if random.below(2) == 0 { at } else { (at + bytes.len()).min(input.len()) };
    input.splice(at..to, bytes);
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
    out
}
