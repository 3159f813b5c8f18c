//! The saga's own code, called so that a panic in it parks this saga and harms no other. Not a
//! sandbox: it is trusted to be pure.

use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::saga::{Saga, StepName};

use crate::instance::Instance;

/// The saga's own code failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poison(pub String);

/// What the saga knows of its business now.
pub(crate) fn lived<S: Saga>(instance: &Instance) -> Result<S::State, Poison> {
    let wrong = |what: &str, error: serde_json::Error| Poison(format!("{what}: {error}"));
    let mut state =
        serde_json::from_str(&instance.state).map_err(|error| wrong("its state", error))?;
    for id in &instance.outputs {
        let Some(output) = instance.steps.get(id).and_then(|step| step.output.as_deref()) else {
            continue;
        };
        let answer: S::Answer = serde_json::from_str(output).map_err(|error| wrong(id, error))?;
        state = guard(|| S::fold(state, StepName::of(id), &answer))?;
    }
    if let Some(why) = &instance.undo_why {
        state = guard(|| S::undoing(state, why))?;
    }
    Ok(state)
}

/// Calls the saga's own code.
pub(crate) fn guard<T>(code: impl FnOnce() -> T) -> Result<T, Poison> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Poison(text.unwrap_or("its code panicked").to_owned())
    })
}

/// As signed milliseconds; what does not fit is for ever.
pub(crate) fn ms(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
