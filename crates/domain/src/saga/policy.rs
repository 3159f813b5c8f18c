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
    /// Targets of this name share a breaker.
    pub breaker: Option<&'static str>,
}

impl Retry {
    /// 0.5 s, doubling, at most a minute, 8 attempts.
    pub const fn exponential() -> Self {
        Self { base_ms: 500, factor: 2.0, cap_ms: 60_000, attempts_max: Some(8), breaker: None }
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
