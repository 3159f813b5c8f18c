//! `cargo xtask kafka`: real brokers on this machine, to play with and to develop against.
//!
//! How brokers are started is the affair of `kafka-up`, which the tests use too.

use std::path::PathBuf;
use std::time::Instant;

use kafka_up::{Broker, Cluster, Condition, Error, Options};

use crate::program::{Failed, say, step};
use crate::{install, needs};

/// So that the address can be written into a configuration: Kafka's usual port, and those behind it.
const PORT: u16 = 9092;

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Step(error.to_string())
    }
}

/// Runs one of its commands.
pub(crate) fn run(args: &[&str]) -> Result<(), Failed> {
    let (dir, args) = take(args, "--dir")?;
    let dir = dir.map_or_else(|| Options::to_stay(1).dir, PathBuf::from);
    let there = || {
        let cluster = Cluster::at(&dir)?;
        cluster
            .ok_or_else(|| Failed::Step("no brokers; `cargo xtask kafka up` starts one".to_owned()))
    };
    let one = |id: &str, act: fn(&Broker) -> Result<(), Error>| {
        let usage = || Failed::Usage(format!("`{id}` is not the number of a broker"));
        let cluster = there()?;
        act(cluster.broker(id.parse().map_err(|_| usage())?)?)?;
        status(&cluster);
        Ok(())
    };
    match args.as_slice() {
        ["up", rest @ ..] => up(dir, rest),
        ["down"] => Ok(there()?.down()?),
        ["status"] => {
            status(&there()?);
            Ok(())
        }
        ["kill", id] => one(id, Broker::kill),
        ["start", id] => one(id, Broker::start),
        ["pause", id] => one(id, Broker::pause),
        ["resume", id] => one(id, Broker::resume),
        ["logs", id] => {
            let cluster = there()?;
            let id = id.parse().map_err(|_| Failed::Usage(format!("`{id}` is no broker")))?;
            let file = cluster.broker(id)?.log_file();
            let failed = |error| Failed::Step(format!("reading {}: {error}", file.display()));
            say(String::from_utf8_lossy(&std::fs::read(&file).map_err(failed)?).trim_end());
            Ok(())
        }
        other => Err(Failed::Usage(format!("cannot understand `kafka {}`", other.join(" ")))),
    }
}

fn up(dir: PathBuf, args: &[&str]) -> Result<(), Failed> {
    let (brokers, args) = take(args, "--brokers")?;
    let (port, args) = take(&args, "--port")?;
    let number = |text: &str| {
        text.parse().map_err(|_| Failed::Usage(format!("`{text}` is not a number that fits")))
    };
    let mut options = Options::to_stay(brokers.map_or(Ok(1), number)?);
    options.port = Some(port.map_or(Ok(PORT), number)?);
    options.dir = dir;
    match args.as_slice() {
        [] => {}
        // Fast instead of quick to start.
        ["--bench"] => (options.quick, options.heap_mb) = (false, 1024),
        other => {
            return Err(Failed::Usage(format!("cannot understand `kafka up {}`", other.join(" "))));
        }
    }
    let begun = Instant::now();
    install::packages(&needs::kafka(), begun)?;
    step(begun, "starting (the first time, Maven fetches the jars)");
    let cluster = Cluster::start(&options)?;
    step(begun, "ready");
    status(&cluster);
    say(&format!("bootstrap: {}", cluster.bootstrap()));
    Ok(())
}

fn status(cluster: &Cluster) {
    for broker in cluster.brokers() {
        let condition = match broker.condition() {
            Condition::Serves(known) => format!("serves, knows of {known}"),
            Condition::Silent => "runs, does not answer".to_owned(),
            Condition::Paused => "paused".to_owned(),
            Condition::Down => "down".to_owned(),
        };
        say(&format!("broker {}  {}  {condition}", broker.id(), broker.address()));
    }
}

/// Takes `name VALUE` out of the arguments.
fn take<'a>(args: &[&'a str], name: &str) -> Result<(Option<&'a str>, Vec<&'a str>), Failed> {
    let mut rest = args.to_vec();
    let Some(at) = rest.iter().position(|it| *it == name) else { return Ok((None, rest)) };
    rest.remove(at);
    if at == rest.len() {
        return Err(Failed::Usage(format!("{name} lacks its value")));
    }
    let value = rest.remove(at);
    Ok((Some(value), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_taken_out_of_the_arguments() {
        let (value, rest) = take(&["up", "--port", "7", "--bench"], "--port").unwrap();
        assert_eq!((value, rest), (Some("7"), vec!["up", "--bench"]));
        assert!(take(&["up", "--port"], "--port").is_err());
        assert_eq!(take(&["up"], "--port").unwrap().0, None);
    }
}
