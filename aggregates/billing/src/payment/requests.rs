//! A payment has no routes: sagas and the provider's webhooks ask it. Not the webhook, which checks
//! its signature at the edge.

use domain::{Aggregate, Routes};

use super::{Payment, State};

impl Aggregate for Payment {
    fn routes(_: &mut impl Routes<Self>) {}

    fn show(state: &State) -> Vec<(&'static str, String)> {
        state.lines()
    }
}
