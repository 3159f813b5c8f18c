//! Some brokers that make a cluster: their folder, and all of them at once.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::broker::write_line;
use crate::options::{self, Ports};
use crate::{Broker, Condition, Error, Jars, Options, ports};

/// Names the brokers of a folder, one a line: ports for clients, for controllers, and the secure one.
const LIST: &str = "ports";

/// Brokers on this machine that know each other.
#[derive(Debug)]
pub struct Cluster {
    dir: PathBuf,
    brokers: Vec<Broker>,
    tied: bool,
}

impl Cluster {
    /// Starts new brokers with empty data, and waits until all of them know all of them.
    pub fn start(options: &Options) -> Result<Self, Error> {
        let jars = Jars::prepare()?;
        let line = jars.broker(options)?;
        Self::start_with(options, &jars, &line)
    }

    pub(crate) fn start_with(
        options: &Options,
        jars: &Jars,
        line: &[OsString],
    ) -> Result<Self, Error> {
        let dir = options.dir.as_path();
        if let Some(old) = Self::at(dir)? {
            if let Some(up) = old.brokers.iter().find(|it| it.condition() != Condition::Down) {
                let id = up.id();
                return Err(Error::new(format!(
                    "broker {id} in {} still runs; take the brokers down first",
                    dir.display()
                )));
            }
            fs::remove_dir_all(dir).map_err(Error::io("removing", dir))?;
        }
        fs::create_dir_all(dir).map_err(Error::io("making", dir))?;
        let ports = ports_of(options)?;
        let mut list = String::new();
        for it in &ports {
            // Writing to a string cannot fail.
            let _ = writeln!(list, "{} {} {}", it.client, it.controller, it.secure);
        }
        fs::write(dir.join(LIST), list).map_err(Error::io("writing", dir))?;
        write_line(&dir.join("command"), line)?;
        let cluster_id = random_id()?;
        for id in 1..=options.brokers {
            let own = dir.join(format!("b{id}"));
            let data = own.join("data");
            format(&jars.template(), &data, &cluster_id, id)?;
            let file = own.join("server.properties");
            let text = options::properties(options, id, &ports, &data);
            fs::write(&file, text).map_err(Error::io("writing", &file))?;
        }
        let cluster = Self::of(dir, &ports, options.tied);
        for broker in &cluster.brokers {
            broker.launch()?;
        }
        let all = u32::from(options.brokers);
        cluster.brokers.iter().try_for_each(|broker| broker.wait_serving(all))?;
        Ok(cluster)
    }

    /// The brokers that were started in a folder, whether they run or not; `None` when there are none.
    pub fn at(dir: &Path) -> Result<Option<Self>, Error> {
        let list = dir.join(LIST);
        let Ok(text) = fs::read_to_string(&list) else { return Ok(None) };
        let line = |line: &str| -> Option<Ports> {
            let mut words = line.split(' ').map(|word| word.parse().ok());
            let mut next = || words.next().flatten();
            Some(Ports { client: next()?, controller: next()?, secure: next()? })
        };
        let ports: Option<Vec<Ports>> = text.lines().map(line).collect();
        let ports =
            ports.ok_or_else(|| Error::new(format!("{} cannot be read", list.display())))?;
        Ok(Some(Self::of(dir, &ports, false)))
    }

    fn of(dir: &Path, ports: &[Ports], tied: bool) -> Self {
        let brokers = (1..).zip(ports).map(|(id, ports)| Broker::new(dir, id, *ports, tied));
        Self { dir: dir.to_owned(), brokers: brokers.collect(), tied }
    }

    /// What clients are given: the addresses of all brokers.
    pub fn bootstrap(&self) -> String {
        let all: Vec<String> = self.brokers.iter().map(Broker::address).collect();
        all.join(",")
    }

    /// All brokers.
    pub fn brokers(&self) -> &[Broker] {
        &self.brokers
    }

    /// The broker of this number, from 1.
    pub fn broker(&self, id: u16) -> Result<&Broker, Error> {
        let found = self.brokers.iter().find(|it| it.id() == id);
        found.ok_or_else(|| {
            Error::new(format!("there is no broker {id}, only 1 to {}", self.brokers.len()))
        })
    }

    /// Where its files are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A command that runs a class of Kafka's tools, as `org.apache.kafka.tools.TopicCommand`.
    pub fn tool(&self, class: &str) -> Result<Command, Error> {
        Jars::prepare()?.tool(class)
    }

    /// Kills all brokers and removes their data.
    pub fn down(self) -> Result<(), Error> {
        self.clear()
    }

    fn clear(&self) -> Result<(), Error> {
        for broker in &self.brokers {
            if broker.condition() != Condition::Down {
                broker.kill()?;
            }
        }
        fs::remove_dir_all(&self.dir).map_err(Error::io("removing", &self.dir))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.tied {
            // It may be half made, or gone already.
            let _ = self.clear();
        }
    }
}

fn ports_of(options: &Options) -> Result<Vec<Ports>, Error> {
    let count = usize::from(options.brokers) * 3;
    let all: Vec<u16> = match options.port {
        Some(first) => (first..).take(count).collect(),
        None => ports::free(count)?,
    };
    let secure = |port| if options.secure.is_some() { port } else { 0 };
    let ports: Vec<Ports> = all
        .chunks_exact(3)
        .map(|it| Ports { client: it[0], controller: it[1], secure: secure(it[2]) })
        .collect();
    if ports.is_empty() {
        return Err(Error::new("a cluster has at least one broker, with three ports"));
    }
    Ok(ports)
}

/// A formatted folder for one broker, from that of another.
fn format(template: &Path, data: &Path, cluster: &str, id: u16) -> Result<(), Error> {
    fs::create_dir_all(data).map_err(Error::io("making", data))?;
    let entries = fs::read_dir(template).map_err(Error::io("reading", template))?;
    for entry in entries.flatten() {
        let to = data.join(entry.file_name());
        fs::copy(entry.path(), &to).map_err(Error::io("writing", &to))?;
    }
    let file = data.join("meta.properties");
    let text = fs::read_to_string(&file).map_err(Error::io("reading", &file))?;
    let directory = random_id()?;
    let lines = text.lines().map(|line| match line.split_once('=') {
        Some(("node.id", _)) => format!("node.id={id}\n"),
        Some(("cluster.id", _)) => format!("cluster.id={cluster}\n"),
        Some(("directory.id", _)) => format!("directory.id={directory}\n"),
        _ => format!("{line}\n"),
    });
    fs::write(&file, lines.collect::<String>()).map_err(Error::io("writing", &file))
}

/// An id as Kafka writes them: 16 random bytes in base64 for URLs, here of letters only.
pub(crate) fn random_id() -> Result<String, Error> {
    let (source, mut bytes) = (Path::new("/dev/urandom"), [0; 22]);
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(Error::io("reading", source))?;
    let letter = |byte: &u8| char::from(b'A' + byte % 26);
    // 21 letters are 126 bits; the last one holds two, and nothing behind them.
    let last = char::from(b"AQgw"[usize::from(bytes[21] % 4)]);
    Ok(bytes[..21].iter().map(letter).chain([last]).collect())
}
