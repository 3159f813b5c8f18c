//! Time as pixels: linear where something happened, idle stretches folded. Not the figure.

use domain::Timestamp;

use crate::format;

/// The whole figure, and the part of it that is for names, in pixels.
pub(crate) const WIDTH: u64 = 1_152;
pub(crate) const NAMES: u64 = 156;
/// Room of a fold.
const FOLD: u64 = 44;
/// Gaps shorter than this are never folded, in milliseconds.
const FOLD_MS_MIN: u64 = 400;
/// How many times longer than all shorter gaps together one is that is folded.
const FOLD_TIMES: u64 = 12;
/// Most folds; more would leave no room for what happened.
const FOLDS_MAX: usize = 8;
/// Pixels between ticks, and of a label.
pub(crate) const TICK: u64 = 92;

/// A stretch of the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    /// In pixels.
    pub(crate) x: u64,
    /// In pixels.
    pub(crate) width: u64,
    pub(crate) folded: bool,
}

/// Time as pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Axis(pub(crate) Vec<Piece>);

impl Axis {
    /// Over these instants.
    pub(crate) fn of(mut instants: Vec<i64>) -> Self {
        instants.sort_unstable();
        instants.dedup();
        let (Some(&first), Some(&last)) = (instants.first(), instants.last()) else {
            return Self(Vec::new());
        };
        let gaps: Vec<(i64, i64)> = instants.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let folds = folds(&gaps);
        let mut spans: Vec<(i64, i64, bool)> = Vec::new();
        let mut from = first;
        for (a, b) in folds {
            spans.push((from, a, false));
            spans.push((a, b, true));
            from = b;
        }
        spans.push((from, last, false));
        Self(laid(&spans))
    }

    /// Where a time is.
    pub(crate) fn x(&self, at: Timestamp) -> u64 {
        let ms = at.as_millis();
        let Some(piece) = self.0.iter().find(|piece| ms <= piece.to_ms).or(self.0.last()) else {
            return NAMES;
        };
        let long = u64::try_from(piece.to_ms - piece.from_ms).unwrap_or(0).max(1);
        let into = u64::try_from(ms - piece.from_ms).unwrap_or(0).min(long);
        piece.x + piece.width * into / long
    }
}

/// The gaps that are folded, in order: those so much longer than all shorter ones together that what
/// happened would have no room beside them.
fn folds(gaps: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let long = |gap: &(i64, i64)| u64::try_from(gap.1 - gap.0).unwrap_or(0);
    let mut left: Vec<(i64, i64)> = gaps.to_vec();
    left.sort_unstable_by_key(long);
    let mut sum = 0;
    let first = left.iter().position(|gap| {
        let folds = sum > 0 && long(gap) >= FOLD_MS_MIN && long(gap) >= sum * FOLD_TIMES;
        sum += long(gap);
        folds
    });
    let first = first.unwrap_or(left.len()).max(left.len().saturating_sub(FOLDS_MAX));
    let mut folded = left.split_off(first);
    folded.sort_unstable();
    folded
}

/// Gives each stretch its place: folds a fixed one, the rest by length, none less than a little.
fn laid(spans: &[(i64, i64, bool)]) -> Vec<Piece> {
    const LEAST: u64 = 40;
    let long = |span: &(i64, i64, bool)| u64::try_from(span.1 - span.0).unwrap_or(0);
    let folds = spans.iter().filter(|span| span.2).count() as u64;
    let busy = spans.len() as u64 - folds;
    // The right end keeps room for a label.
    let room = (WIDTH - NAMES - 24).saturating_sub(folds * FOLD + busy * LEAST);
    let sum: u64 = spans.iter().filter(|span| !span.2).map(long).sum::<u64>().max(1);
    let mut x = NAMES;
    let mut pieces = Vec::new();
    for span in spans {
        let width = if span.2 { FOLD } else { LEAST + room * long(span) / sum };
        let (from_ms, to_ms, folded) = *span;
        pieces.push(Piece { from_ms, to_ms, x, width, folded });
        x += width;
    }
    pieces
}

/// Round times within a stretch, with their labels: the first by the clock, the rest from there.
pub(crate) fn marks(piece: &Piece, now: Timestamp) -> Vec<(i64, String)> {
    const STEPS: [i64; 16] = [
        10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000,
        3_600_000, 14_400_000,
    ];
    let long = piece.to_ms - piece.from_ms;
    let first = (piece.from_ms, format::words(now, Timestamp::from_millis(piece.from_ms)));
    let fits = i64::try_from(piece.width / TICK).unwrap_or(0);
    let Some(step) = STEPS.into_iter().find(|step| long / step <= fits).filter(|_| fits > 0) else {
        return vec![first];
    };
    let more = (1..=long / step).map(|n| {
        let after = u64::try_from(n * step).unwrap_or(0);
        (piece.from_ms + n * step, format!("+{}", format::span(after)))
    });
    std::iter::once(first).chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_waiting_is_folded_and_what_happened_keeps_its_room() {
        let day = 86_400_000;
        let axis = Axis::of(vec![0, 200, day, day + 900, day + 2_000, day + 3_000]);
        let folded: Vec<_> = axis.0.iter().filter(|piece| piece.folded).collect();
        assert_eq!(folded.len(), 1);
        assert_eq!((folded[0].from_ms, folded[0].to_ms), (200, day));
        let x = |ms| axis.x(Timestamp::from_millis(ms));
        assert!(x(200) < x(day) && x(day) < x(day + 900), "time goes to the right");
        assert!(x(day + 3_000) <= WIDTH);
        assert_eq!(axis.x(Timestamp::from_millis(day / 2)), folded[0].x + FOLD / 2 - 1);
    }

    #[test]
    fn an_axis_of_one_instant_or_none_has_a_place_for_everything() {
        assert_eq!(Axis::of(vec![5]).x(Timestamp::from_millis(7)), NAMES + 40);
        assert_eq!(Axis::of(vec![]).x(Timestamp::from_millis(7)), NAMES);
    }
}
