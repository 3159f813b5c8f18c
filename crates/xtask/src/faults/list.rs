//! Which tests put which fault in. The faults are numbered as in the plan of the proof
//! (`docs/evidence/invariants.md` has the table the other way round, by invariant).
//!
//! A test stands as `file::name`; `model` is the exhaustive check, `sim` a campaign of the simulator. A
//! fault without a test says so, and one that this product cannot meet says why.

mod broker;
mod data;
mod disk;
mod network;
mod postgres;
mod process;
mod sagas;

/// A fault.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) number: u8,
    pub(crate) what: &'static str,
    pub(crate) tests: &'static [&'static str],
    /// Why it cannot happen here, when it cannot.
    pub(crate) absent: Option<&'static str>,
}

const fn fault(number: u8, what: &'static str, tests: &'static [&'static str]) -> Fault {
    Fault { number, what, tests, absent: None }
}

/// One that nothing of this product can meet.
const fn absent(number: u8, what: &'static str, why: &'static str) -> Fault {
    Fault { number, what, tests: &[], absent: Some(why) }
}

/// All of them, in order.
pub(crate) fn all() -> Vec<&'static Fault> {
    let groups = [
        process::FAULTS,
        network::FAULTS,
        broker::FAULTS,
        disk::FAULTS,
        postgres::FAULTS,
        data::FAULTS,
        sagas::FAULTS,
    ];
    let mut faults: Vec<&Fault> = groups.into_iter().flatten().collect();
    faults.sort_by_key(|it| it.number);
    faults
}
