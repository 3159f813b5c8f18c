//! One broker: its process. Not its settings.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::options::Ports;
use crate::process::{Pid, Seen};
use crate::{Error, probe};

/// A start on a busy machine with two cores: 7 s were seen for three brokers.
const START_MAX: Duration = Duration::from_mins(2);
/// An orderly end: a broker alone gives up its leadership in vain for some seconds.
const STOP_MAX: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A process that becomes another program has no command line for a moment: it is gone when it was not
/// there so many times in a row.
const GONE_LOOKS: u32 = 10;

/// Keeps a broker only as long as the pipe on its input is open; then kills it and removes the files of
/// the cluster: whoever held the other end is gone, or let it go with the broker running.
const TIED: &str = r#"
exec 3<&0
pid=$1; shift
"$@" </dev/null 3<&- &
broker=$!
echo $broker > "$pid"
(read -r _ <&3; : > "$pid.let-go"; kill -9 $broker) 2>/dev/null &
watch=$!
wait $broker
[ -e "$pid.let-go" ] || { kill $watch; exit; }
# The others let go of their files too.
sleep 1
rm -rf "${pid%/*/*}"
"#;

/// How a broker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It answers, and knows of so many brokers that serve, itself included.
    Serves(u32),
    /// Its process runs and does not answer, or not yet.
    Silent,
    /// Its process is stopped by a signal.
    Paused,
    /// There is no process.
    Down,
}

/// One broker of a cluster.
#[derive(Debug)]
pub struct Broker {
    id: u16,
    dir: PathBuf,
    ports: Ports,
    tied: bool,
    /// The shell that a tied broker runs under.
    keeper: Mutex<Option<Child>>,
}

impl Broker {
    pub(crate) fn new(cluster: &Path, id: u16, ports: Ports, tied: bool) -> Self {
        let dir = cluster.join(format!("b{id}"));
        Self { id, dir, ports, tied, keeper: Mutex::default() }
    }

    /// Its number, from 1: its id in the cluster too.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// Where clients reach it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.client)
    }

    /// Where clients reach it that have to prove something.
    pub fn secure_address(&self) -> Option<String> {
        (self.ports.secure != 0).then(|| format!("127.0.0.1:{}", self.ports.secure))
    }

    /// What it says, of all its runs.
    pub fn log_file(&self) -> PathBuf {
        self.dir.join("out.log")
    }

    /// How it is now. Takes up to a second when it is silent.
    pub fn condition(&self) -> Condition {
        match self.process() {
            None => Condition::Down,
            Some((_, Seen::Stopped)) => Condition::Paused,
            Some(_) => {
                probe::brokers_known(self.ports.client).map_or(Condition::Silent, Condition::Serves)
            }
        }
    }

    /// Starts it and waits until it serves. Its data is what it was.
    pub fn start(&self) -> Result<(), Error> {
        self.launch()?;
        self.wait_serving(1)
    }

    /// Starts it and does not wait.
    pub fn launch(&self) -> Result<(), Error> {
        if self.process().is_some() {
            return Err(Error::new(format!("broker {} runs already", self.id)));
        }
        let line = read_line(&self.dir.join("../command"))?;
        let log = self.log_file();
        let out = File::options().create(true).append(true).open(&log);
        let out = out.map_err(Error::io("opening", &log))?;
        let again = out.try_clone().map_err(Error::io("opening", &log))?;
        let pid = self.pid_file();
        let _ = fs::remove_file(&pid);
        let mut command =
            Command::new(if self.tied { OsString::from("sh") } else { line[0].clone() });
        if self.tied {
            command.args(["-c", TIED, "broker"]).arg(&pid).args(&line);
            command.stdin(Stdio::piped());
        } else {
            command.args(&line[1..]).stdin(Stdio::null());
        }
        command.arg(self.dir.join("server.properties")).stdout(out).stderr(again);
        // A Ctrl-C for us is not one for it.
        let child = command.process_group(0).spawn();
        let child = child.map_err(|error| Error::new(format!("starting a broker: {error}")))?;
        if self.tied {
            self.reap(Some(child));
        } else {
            fs::write(&pid, child.id().to_string()).map_err(Error::io("writing", &pid))?;
        }
        let begun = Instant::now();
        while self.process().is_none() && begun.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Waits until it serves and knows of at least so many brokers that do.
    pub fn wait_serving(&self, brokers: u32) -> Result<(), Error> {
        let (begun, mut gone) = (Instant::now(), 0);
        loop {
            if probe::brokers_known(self.ports.client).is_some_and(|known| known >= brokers) {
                return Ok(());
            }
            gone = if self.process().is_none() { gone + 1 } else { 0 };
            let why = if gone > GONE_LOOKS {
                "has ended"
            } else if begun.elapsed() > START_MAX {
                "does not serve"
            } else {
                std::thread::sleep(LOOK_EVERY);
                continue;
            };
            let log = fs::read_to_string(self.log_file()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(20)..].join("\n  ");
            return Err(Error::new(format!("broker {} {why}; it said:\n  {last}", self.id)));
        }
    }

    /// Kills it as a power cut would (`SIGKILL`), and waits until its process is gone.
    pub fn kill(&self) -> Result<(), Error> {
        self.end("KILL")
    }

    /// Stops it in order, and waits for that.
    pub fn stop(&self) -> Result<(), Error> {
        self.end("TERM")
    }

    /// Stops the clock for it: its process does nothing more, its connections stay.
    pub fn pause(&self) -> Result<(), Error> {
        self.running()?.signal("STOP")
    }

    /// Lets it go on.
    pub fn resume(&self) -> Result<(), Error> {
        self.running()?.signal("CONT")
    }

    fn end(&self, signal: &str) -> Result<(), Error> {
        let pid = self.running()?;
        pid.signal(signal)?;
        let begun = Instant::now();
        while self.process().is_some() {
            if begun.elapsed() > STOP_MAX {
                return Err(Error::new(format!("broker {} does not end", self.id)));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        self.reap(None);
        Ok(())
    }

    fn running(&self) -> Result<Pid, Error> {
        let process = self.process().map(|(pid, _)| pid);
        process.ok_or_else(|| Error::new(format!("broker {} does not run", self.id)))
    }

    fn process(&self) -> Option<(Pid, Seen)> {
        let pid = Pid::read(&self.pid_file())?;
        let seen = pid.look(&self.dir.to_string_lossy());
        (seen != Seen::Gone).then_some((pid, seen))
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.join("pid")
    }

    /// Lets the keeper of the last run go, which kills its broker if that still lives.
    fn reap(&self, new: Option<Child>) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut old) = std::mem::replace(&mut *keeper, new) {
            let stdin = old.stdin.take();
            if self.process().is_none() {
                // It ends by itself, before it could take the end of the pipe for ours.
                let _ = old.wait();
                return;
            }
            drop(stdin);
            let _ = old.wait();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.reap(None);
    }
}

/// A command line in a file, so that another process can start the broker again.
pub(crate) fn write_line(file: &Path, line: &[OsString]) -> Result<(), Error> {
    let bytes: Vec<&[u8]> = line.iter().map(|it| it.as_bytes()).collect();
    fs::write(file, bytes.join(&0)).map_err(Error::io("writing", file))
}

fn read_line(file: &Path) -> Result<Vec<OsString>, Error> {
    let bytes = fs::read(file).map_err(Error::io("reading", file))?;
    let words = bytes.split(|byte| *byte == 0);
    Ok(words.map(|word| OsString::from_vec(word.to_vec())).collect())
}
