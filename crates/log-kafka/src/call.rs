//! One call of `append` under way: which of its records the cluster has reported, and where.

use std::sync::{Mutex, PoisonError};

use log::{Delivery, Done, Handover};

/// Handovers that were handed to the client library together.
pub(crate) struct Call {
    state: Mutex<State>,
}

struct State {
    handovers: Vec<Option<Handover>>,
    places: Vec<Place>,
    /// Records not reported yet.
    left: usize,
    done: Option<Done>,
}

/// What is known of one handover.
struct Place {
    left: u16,
    /// Where its first record lies, as each report so far says.
    first: Option<u64>,
    contiguous: bool,
    unknown: Option<String>,
}

/// Names one record of a call in its report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    pub(crate) handover: usize,
    /// Its place in the handover.
    pub(crate) place: u16,
}

/// What a report completed.
#[derive(Default)]
pub(crate) struct Progress {
    /// A handover of which all records lie in one piece, and where.
    pub(crate) whole: Option<(u64, Handover)>,
    /// The call is complete.
    pub(crate) finished: Option<Finished>,
}

/// A call whose every record is reported.
pub(crate) struct Finished {
    done: Done,
    deliveries: Vec<Delivery>,
}

impl Finished {
    /// Tells the writer.
    pub(crate) fn tell(self) {
        (self.done)(self.deliveries);
    }
}

impl Call {
    pub(crate) fn new(handovers: Vec<Handover>, done: Done) -> Self {
        let place = |it: &Handover| Place {
            left: it.records,
            first: None,
            contiguous: true,
            unknown: None,
        };
        let places: Vec<Place> = handovers.iter().map(place).collect();
        let left = places.iter().map(|it| usize::from(it.left)).sum();
        let handovers = handovers.into_iter().map(Some).collect();
        Self { state: Mutex::new(State { handovers, places, left, done: Some(done) }) }
    }

    /// Takes the report of one record: its offset, or why that is not known.
    pub(crate) fn report(&self, ticket: Ticket, outcome: Result<u64, String>) -> Progress {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        let Some(place) = state.places.get_mut(ticket.handover) else { return Progress::default() };
        match outcome.map(|offset| offset.checked_sub(u64::from(ticket.place))) {
            Ok(first) => {
                place.contiguous &=
                    first.is_some() && place.first.is_none_or(|it| Some(it) == first);
                place.first = place.first.or(first);
            }
            Err(why) => place.unknown = Some(why),
        }
        place.left = place.left.saturating_sub(1);
        state.left = state.left.saturating_sub(1);
        let mut progress = Progress::default();
        if place.left == 0
            && place.contiguous
            && place.unknown.is_none()
            && let (Some(first), Some(handover)) =
                (place.first, state.handovers[ticket.handover].take())
        {
            progress.whole = Some((first, handover));
        }
        if state.left == 0
            && let Some(done) = state.done.take()
        {
            let deliveries = std::mem::take(&mut state.places).into_iter().map(Place::delivery);
            progress.finished = Some(Finished { done, deliveries: deliveries.collect() });
        }
        progress
    }
}

impl Place {
    fn delivery(self) -> Delivery {
        match (self.unknown, self.first) {
            (Some(why), _) => Delivery::Unknown(why),
            (None, Some(first)) => Delivery::At { first, contiguous: self.contiguous },
            (None, None) => Delivery::Unknown("no offset was reported".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use domain::{LaneId, TopicId};
    use log::Head;

    use super::*;

    fn call(records: u16) -> (Call, mpsc::Receiver<Vec<Delivery>>) {
        let lane = LaneId { topic: TopicId(0), index: 0 };
        let handover =
            Handover { lane, prev: Head::default(), records, bytes: Vec::new(), after: None };
        let (tell, told) = mpsc::channel();
        (Call::new(vec![handover], Box::new(move |it| drop(tell.send(it)))), told)
    }

    fn report(call: &Call, place: u16, outcome: Result<u64, String>) -> Progress {
        call.report(Ticket { handover: 0, place }, outcome)
    }

    #[test]
    fn reports_in_any_order_make_one_delivery() {
        let (call, told) = call(3);
        for place in [2, 0] {
            let progress = report(&call, place, Ok(40 + u64::from(place)));
            assert!(progress.whole.is_none() && progress.finished.is_none());
        }
        let progress = report(&call, 1, Ok(41));
        assert_eq!(progress.whole.map(|it| it.0), Some(40));
        progress.finished.unwrap().tell();
        assert_eq!(told.recv().unwrap(), [Delivery::At { first: 40, contiguous: true }]);
    }

    #[test]
    fn a_record_of_another_between_them_is_seen() {
        let (call, told) = call(2);
        report(&call, 0, Ok(7));
        let progress = report(&call, 1, Ok(9));
        assert!(progress.whole.is_none());
        progress.finished.unwrap().tell();
        assert_eq!(told.recv().unwrap(), [Delivery::At { first: 7, contiguous: false }]);
    }

    #[test]
    fn one_unknown_record_makes_the_handover_unknown() {
        let (call, told) = call(2);
        report(&call, 0, Err("timed out".to_owned()));
        let progress = report(&call, 1, Ok(8));
        assert!(progress.whole.is_none());
        progress.finished.unwrap().tell();
        assert_eq!(told.recv().unwrap(), [Delivery::Unknown("timed out".to_owned())]);
    }
}
