//! How a quota is asked over the API: the body into a command, and the route. Not rules: what is said
//! here is wrong whatever the state.

use domain::{Aggregate, Ask, Describe, Invalid, Method, Request, Route, Routes, TenantId, Uuid};
use serde::Deserialize;

use super::{Command, MONTHLY_MAX, Quota, State};

impl Aggregate for Quota {
    fn routes(to: &mut impl Routes<Self>) {
        to.command::<SetQuota>(Route {
            method: Method::Put,
            path: "/quota",
            name: "set_quota",
            summary: "Allow the tenant so many publications in a month",
        });
    }

    fn only_one(tenant: &TenantId) -> Option<Uuid> {
        Some(super::id_of(tenant))
    }

    fn show(state: &State) -> Vec<(&'static str, String)> {
        state.lines()
    }
}

/// What is allowed.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct SetQuota {
    /// How many publications in a month (UTC), 0 to 100,000.
    monthly: i64,
}

impl Request<Quota> for SetQuota {
    fn into_command(self, _: &Ask<'_>) -> Result<Command, Invalid> {
        if !(0..=MONTHLY_MAX).contains(&self.monthly) {
            let detail = format!("a quota is 0 to {MONTHLY_MAX} publications");
            return Err(Invalid::field("/monthly", "out_of_bounds", detail));
        }
        Ok(Command::Set { monthly: self.monthly })
    }
}
