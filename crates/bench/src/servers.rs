//! Peers that are programs of their own: started by the bench, their processor time counted with the
//! load's, ended with it. Not what is asked of them.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::Failed;
use crate::load::{self, Call};
use crate::measure::{Measured, cpu_of};
use crate::start::until;

/// Until one listens.
const START_MAX: Duration = Duration::from_mins(1);

/// The processes of one peer.
#[derive(Default)]
pub(crate) struct Servers(Vec<Child>);

/// An address of this machine that was free a moment ago: these servers take a number only.
pub(crate) fn free() -> Result<SocketAddr, Failed> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits until somebody listens there.
pub(crate) fn listens(at: SocketAddr) -> Result<(), Failed> {
    until(START_MAX, || TcpStream::connect(at).ok()).map(drop)
}

impl Servers {
    /// Starts one more.
    pub(crate) fn start(
        &mut self,
        binary: &Path,
        args: &[&str],
        more: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<(), Failed> {
        let mut command = Command::new(binary);
        more(command.args(args)).stdout(Stdio::null()).stderr(Stdio::null());
        self.0.push(command.spawn().map_err(|why| Failed(format!("{}: {why}", binary.display())))?);
        Ok(())
    }

    fn used_s(&self) -> f64 {
        self.0.iter().filter_map(|child| cpu_of(&child.id().to_string())).sum()
    }
}

/// A peer that runs, and how it is asked.
pub(crate) struct Peer<C> {
    /// Its processes.
    pub(crate) servers: Servers,
    /// One command at a time.
    pub(crate) asks: Arc<C>,
}

impl<C: Call> Peer<C> {
    /// One command after the other from each of the callers; its processor time is counted too.
    pub(crate) fn run(
        &self,
        runtime: &Runtime,
        callers: u64,
        lasts: Duration,
    ) -> Result<Measured, Failed> {
        let (begun, before) = (Instant::now(), self.servers.used_s());
        let run = load::closed(runtime, callers, lasts, &self.asks)?;
        // Its warm-up is in the servers' time, and not in the load's.
        let share = lasts.as_secs_f64() / begun.elapsed().as_secs_f64();
        let servers = (self.servers.used_s() - before) * share.min(1.0);
        Ok(Measured { cpu_s: run.cpu_s.map(|load| load + servers), ..run })
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // Gone already is as good.
            drop(child.kill());
            drop(child.wait());
        }
    }
}
