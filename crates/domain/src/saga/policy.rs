//! What is done about failures, as data.

/// When a step is tried again: `min(cap, base * factor^(n-1))` after the n-th failure, drawn from the
/// upper half of that (full jitter extends, it never shortens below half).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// First pause, in milliseconds.
    pub base_ms: u64,
    /// How much longer each pause is.
    pub factor: f64,
    /// Longest pause, in milliseconds.
    pub cap_ms: u64,
    /// Most attempts; `None`: until it is done.
    pub attempts_max: Option<u32>,
    /// What then; an undo always waits for a human.
    pub exhausted: Exhausted,
    /// Targets of this name share a breaker.
    pub breaker: Option<&'static str>,
}

/// What is done when a step before the pivot has used up its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exhausted {
    /// Take everything back.
    Undo,
    /// Wait for a human.
    Park,
}

impl Retry {
    /// 0.5 s, doubling, at most a minute, 8 attempts.
    pub const fn exponential() -> Self {
        Self {
            base_ms: 500,
            factor: 2.0,
            cap_ms: 60_000,
            attempts_max: Some(8),
            exhausted: Exhausted::Undo,
            breaker: None,
        }
    }

    /// The same without an end.
    pub const fn until_done() -> Self {
        Self { attempts_max: None, ..Self::exponential() }
    }

    /// With so many attempts.
    #[must_use]
    pub const fn attempts(self, max: u32) -> Self {
        Self { attempts_max: Some(max), ..self }
    }

    /// With a longest pause.
    #[must_use]
    pub const fn cap_ms(self, cap_ms: u64) -> Self {
        Self { cap_ms, ..self }
    }

    /// And then wait for a human, instead of taking everything back.
    #[must_use]
    pub const fn then_park(self) -> Self {
        Self { exhausted: Exhausted::Park, ..self }
    }

    /// The pause after the `n`-th failure (from 1), in milliseconds. `draw` is any number that was
    /// drawn for this failure: the same draw gives the same pause.
    ///
    /// ```
    /// use domain::saga::Retry;
    /// let retry = Retry::exponential();
    /// assert_eq!((retry.pause_ms(1, 0), retry.pause_ms(1, u64::MAX)), (250, 500));
    /// assert_eq!(retry.pause_ms(30, u64::MAX), 60_000);
    /// ```
    pub fn pause_ms(&self, n: u32, draw: u64) -> u64 {
        let mut full = self.base_ms.min(self.cap_ms);
        for _ in 1..n.min(64) {
            full = self.longer(full);
        }
        let half = full / 2;
        half + u64::try_from((u128::from(draw) * u128::from(full - half + 1)) >> 64).unwrap_or(0)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a pause is far below 2^52 ms, and a cast to an integer saturates"
    )]
    fn longer(&self, pause_ms: u64) -> u64 {
        ((pause_ms as f64 * self.factor) as u64).min(self.cap_ms)
    }

    /// Behind the breaker of this name.
    #[must_use]
    pub const fn breaker(self, name: &'static str) -> Self {
        Self { breaker: Some(name), ..self }
    }
}

/// What is done when an answer never came and the target may have done the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// Ask the target by key; if it cannot tell, a human must.
    ProbeThenPark,
    /// Ask the target by key; if it cannot tell, ask again with the same key (it honours keys).
    ProbeThenRepeat,
    /// Ask the target by key; if it cannot tell, take it for done when undoing.
    ProbeThenUndo,
}

/// What is done when a deadline passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnExpiry {
    /// Take everything back.
    Undo,
    /// Wait for a human.
    Park,
}
