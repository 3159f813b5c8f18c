//! Answers to commands that were submitted together, as they come. Not the commands.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::answer::Answer;

/// Commands that were submitted together, and what is known of them.
#[derive(Debug)]
pub struct Gathered {
    of: Arc<Gather>,
    all: oneshot::Receiver<()>,
}

impl Gathered {
    /// So many seats, and the view on them.
    pub(crate) fn seats(count: usize) -> (Self, Vec<Seat>) {
        let (done, all) = oneshot::channel();
        let open = Open { answers: vec![None; count], left: count, done: Some(done) };
        let of = Arc::new(Gather(Mutex::new(open)));
        let seats = (0..count).map(|at| Seat { of: Arc::clone(&of), at }).collect();
        (Self { of, all }, seats)
    }

    /// Waits until each has its answer, or will never have one.
    pub async fn all(&mut self) {
        // Nobody drops the sender before the last seat is gone.
        (&mut self.all).await.ok();
    }

    /// The answers so far, in the order of the commands; `None`: not yet.
    pub fn take(self) -> Vec<Option<Answer>> {
        std::mem::take(&mut self.of.open().answers)
    }
}

#[derive(Debug)]
struct Gather(Mutex<Open>);

#[derive(Debug)]
struct Open {
    answers: Vec<Option<Answer>>,
    /// Seats that are not gone.
    left: usize,
    done: Option<oneshot::Sender<()>>,
}

impl Gather {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where one answer goes. Dropped without one, the answer stays away.
#[derive(Debug)]
pub(crate) struct Seat {
    of: Arc<Gather>,
    at: usize,
}

impl Seat {
    /// Takes the answer; nobody may be there any more to read it.
    pub(crate) fn answer(self, answer: Answer) {
        if let Some(seat) = self.of.open().answers.get_mut(self.at) {
            *seat = Some(answer);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.of.open();
        open.left -= 1;
        if open.left == 0
            && let Some(done) = open.done.take()
        {
            drop(open);
            done.send(()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(why: &str) -> Answer {
        Answer::Unavailable { why: why.to_owned() }
    }

    #[tokio::test]
    async fn answers_stand_in_the_order_of_the_commands_and_all_are_waited_for() {
        let (mut gathered, mut seats) = Gathered::seats(3);
        seats.pop().unwrap().answer(answer("last"));
        seats.remove(0).answer(answer("first"));
        assert!(futures_util::FutureExt::now_or_never(gathered.all()).is_none());
        // Its owner is gone: no answer will come.
        drop(seats);
        gathered.all().await;
        assert_eq!(gathered.take(), [Some(answer("first")), None, Some(answer("last"))]);
    }

    #[test]
    fn who_does_not_wait_any_more_disturbs_nobody() {
        let (gathered, seats) = Gathered::seats(2);
        let mut seats = seats.into_iter();
        seats.next().unwrap().answer(answer("in time"));
        assert_eq!(gathered.take(), [Some(answer("in time")), None]);
        seats.next().unwrap().answer(answer("late"));
    }
}
