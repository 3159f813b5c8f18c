//! A network that misbehaves, between clients and one broker: it knows where a request ends and of which
//! kind it is, holds requests back, loses answers and refuses writes. Understands nothing else of Kafka's
//! protocol.

mod refusal;
mod request;

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::Error;
use request::{Head, Rest};

/// Kinds of requests, as Kafka's protocol numbers them.
pub mod api {
    /// Records to be written.
    pub const PRODUCE: i16 = 0;
    /// A member of a group says that it lives.
    pub const HEARTBEAT: i16 = 12;
    /// A producer asks for its id.
    pub const INIT_PRODUCER_ID: i16 = 22;
}

/// The largest request or answer; ours are far below.
const FRAME_BYTES_MAX: usize = 128 << 20;

/// Numbers of requests whose answers are to be lost, and their kinds.
type Doomed = HashMap<[u8; 4], i16>;

/// A proxy before one broker; it ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    to: Option<SocketAddr>,
    held: HashSet<i16>,
    /// How many requests of these kinds wait here.
    waiting: HashMap<i16, usize>,
    /// How many answers to requests of a kind are still to be lost, and were lost.
    lose: HashMap<i16, u32>,
    lost: u32,
    /// Kinds that are held back as soon as an answer of theirs was lost.
    then_hold: HashSet<i16>,
    /// The error that writes are answered with, and how many of them still are.
    refuse: (i16, u32),
    refused: u32,
    open: Vec<TcpStream>,
    closed: bool,
}

impl Proxy {
    /// Begins to listen on a port of its own; where to is said later, by [`Proxy::lead_to`].
    pub fn new() -> Result<Self, Error> {
        let broken = |error: io::Error| Error::new(format!("a proxy cannot listen: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(broken)?;
        let port = listener.local_addr().map_err(broken)?.port();
        let shared: Arc<Shared> = Arc::default();
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.state().closed {
                    return;
                }
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || shared.connect(&client));
            }
        });
        Ok(Self { port, shared })
    }

    /// Where clients reach it; a broker must tell them so, see `Secure::advertised`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends what comes to this address from now on.
    pub fn lead_to(&self, address: SocketAddr) {
        self.shared.state().to = Some(address);
    }

    /// Holds every request of this kind back from now on, and so what comes behind it on its connection.
    pub fn hold(&self, api: i16) {
        self.shared.state().held.insert(api);
    }

    /// How many requests of this kind are held back now.
    pub fn holds(&self, api: i16) -> usize {
        self.shared.state().waiting.get(&api).copied().unwrap_or_default()
    }

    /// Lets everything go that is held back, in the order in which it came.
    pub fn release(&self) {
        self.shared.state().held.clear();
        self.shared.moved.notify_all();
    }

    /// Loses the answers to the next so many requests of this kind, each with its connection: the broker
    /// has done what it was asked, and nobody is told.
    pub fn lose_answers(&self, api: i16, times: u32) {
        self.shared.state().lose.insert(api, times);
    }

    /// Loses the answer to the next request of this kind, and holds back what comes of it from then on.
    pub fn lose_answer_then_hold(&self, api: i16) {
        let mut state = self.shared.state();
        state.then_hold.insert(api);
        state.lose.insert(api, 1);
    }

    /// Answers the next so many writes with an error, by the number that Kafka's protocol gives it; the
    /// broker does not see them.
    pub fn refuse_writes(&self, error: i16, times: u32) {
        self.shared.state().refuse = (error, times);
    }

    /// How many writes were refused.
    pub fn refused(&self) -> u32 {
        self.shared.state().refused
    }

    /// How many answers were lost.
    pub fn lost(&self) -> u32 {
        self.shared.state().lost
    }
}

impl State {
    /// What a request is answered with in the broker's place.
    fn refuses(&mut self, head: Head, rest: Rest<'_>) -> Option<Vec<u8>> {
        let (error, left) = self.refuse;
        if head.api != api::PRODUCE || left == 0 {
            return None;
        }
        let answer = refusal::of_write(head, rest, error)?;
        self.refuse.1 -= 1;
        self.refused += 1;
        Some(answer)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        (state.closed, state.held) = (true, HashSet::new());
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.moved.notify_all();
        // Wakes the one who accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries one connection until either end closes it.
    fn connect(self: Arc<Self>, client: &TcpStream) {
        let to = self.state().to;
        let Some(broker) = to.and_then(|to| TcpStream::connect(to).ok()) else { return };
        let ends = || Some((client.try_clone().ok()?, broker.try_clone().ok()?));
        let (Some(one), Some(other)) = (ends(), ends()) else { return };
        let _ = (client.set_nodelay(true), broker.set_nodelay(true));
        self.state().open.extend([one.0, one.1]);
        // Held by whoever writes to the client.
        let doomed: Arc<Mutex<Doomed>> = Arc::default();
        let (requests, marked) = (Arc::clone(&self), Arc::clone(&doomed));
        let (from, to) = other;
        std::thread::spawn(move || {
            let _ = requests.carry_requests(&from, &to, &marked);
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
        let _ = self.carry_answers(&broker, client, &doomed);
        let _ = (client.shutdown(Shutdown::Both), broker.shutdown(Shutdown::Both));
    }

    fn carry_requests(
        &self,
        from: &TcpStream,
        to: &TcpStream,
        doomed: &Mutex<Doomed>,
    ) -> io::Result<()> {
        loop {
            let frame = read(from)?;
            let Some((head, rest)) = Head::of(&frame) else { return Ok(()) };
            let api = head.api;
            let mut state = self.state();
            if state.held.contains(&api) {
                *state.waiting.entry(api).or_default() += 1;
                let is_held = |state: &mut State| state.held.contains(&api);
                state =
                    self.moved.wait_while(state, is_held).unwrap_or_else(PoisonError::into_inner);
                *state.waiting.entry(api).or_default() -= 1;
            }
            let lose = state.lose.get_mut(&api).filter(|left| **left > 0);
            let lose = lose.map(|left| *left -= 1).is_some();
            let refused = state.refuses(head, rest);
            drop(state);
            let mut doomed = doomed.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(answer) = refused {
                (&*from).write_all(&answer)?;
                continue;
            }
            if lose {
                doomed.insert(head.number, api);
            }
            drop(doomed);
            (&*to).write_all(&frame)?;
        }
    }

    fn carry_answers(
        &self,
        from: &TcpStream,
        to: &TcpStream,
        doomed: &Mutex<Doomed>,
    ) -> io::Result<()> {
        loop {
            let frame = read(from)?;
            let number = frame.get(4..8).and_then(|it| <[u8; 4]>::try_from(it).ok());
            let mut doomed = doomed.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(api) = number.and_then(|number| doomed.remove(&number)) {
                let mut state = self.state();
                state.lost += 1;
                if state.then_hold.remove(&api) {
                    state.held.insert(api);
                }
                return Ok(());
            }
            (&*to).write_all(&frame)?;
        }
    }
}

/// A request or an answer, with its length before it.
fn read(mut from: &TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let bytes = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if bytes > FRAME_BYTES_MAX {
        return Err(io::Error::other("it is no frame of Kafka's"));
    }
    let mut frame = length.to_vec();
    frame.resize(4 + bytes, 0);
    from.read_exact(&mut frame[4..])?;
    Ok(frame)
}
