//! A saga's stream, folded from what is stored. Not the fold itself, which is `Instance::evolve`: here
//! an event that cannot be read costs its saga, and no other, its way.

use codec::Schemas;
use domain::{EventData, Timestamp};

use crate::code::Poison;
use crate::event::Event;
use crate::instance::Instance;

/// A saga as far as its stored events can be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Folded {
    /// What the engine knows of it.
    pub is: Instance,
    /// The first event that could not be read, and why. From there on what is known is a guess: the
    /// saga is parked, and goes on when a program that can read it folds it anew.
    pub unreadable: Option<Poison>,
}

impl Folded {
    /// Takes the next stored event of its stream, recorded at this time.
    pub fn take(&mut self, schemas: &Schemas, data: &EventData, at: Timestamp) {
        match schemas.decode::<Event>(data) {
            Ok(event) => self.is = std::mem::take(&mut self.is).evolve(at, &event),
            Err(error) => {
                self.is.revision += 1;
                self.is.last_at = at;
                let place = self.is.revision;
                let why = || Poison(format!("its event {place} cannot be read: {error}"));
                self.unreadable.get_or_insert_with(why);
            }
        }
    }
}
