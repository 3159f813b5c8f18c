//! `bench w1|w2|w3|w7|w8|grow`: measures the product beside its controls and its peers, in turns and in the
//! same run. Not a test: it holds figures against goals and ends well whatever they are.

#[cfg(feature = "peers")]
mod cqrs;
mod device;
mod edge;
mod grow;
mod http;
#[cfg(feature = "kafka")]
mod kafka;
mod load;
mod measure;
#[cfg(feature = "kafka")]
mod nodes;
mod note;
mod ours;
mod pauses;
mod pg;
mod plan;
mod process;
mod product;
mod restate;
mod row;
mod servers;
mod start;
mod streams;
#[cfg(feature = "peers")]
mod uma;
mod w1;
mod w3;
mod worker;

use std::path::Path;
use std::process::ExitCode;

use plan::{Plan, USAGE};
use row::Row;

/// The product's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Why a measurement ended without a figure.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failed(pub(crate) String);

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Where rows go, as soon as they are known.
pub(crate) struct Report {
    json: bool,
}

impl Report {
    #[expect(clippy::print_stdout, reason = "the report is what this program is for")]
    fn add(&self, row: &Row) {
        if self.json { println!("{}", row.json()) } else { println!("{}", row.text()) }
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["touch", dir] => return worker::touch(Path::new(dir)),
        ["worker", then, number, dir] => {
            let number = number.parse().map_err(|_| Failed(format!("{number} is no number")))?;
            return worker::work(Path::new(dir), then, number);
        }
        _ => {}
    }
    let plan = Plan::parse(args.into_iter())?;
    let mut report = Report { json: plan.json };
    match plan.workload.as_str() {
        "w1" => {
            w1::in_process(&plan, &mut report)?;
            http::commands(&plan, &mut report)?;
            // Brokers take longer to start than everything else to run: only where they are asked for.
            #[cfg(feature = "kafka")]
            if plan.names("W1-K") {
                kafka::commands(&plan, &mut report)?;
            }
            Ok(())
        }
        "w2" => w1::one_aggregate(&plan, &mut report),
        "w3" => w3::load(&plan, &mut report),
        "w7" => start::w7(&plan, &mut report),
        "w8" => {
            #[cfg(feature = "kafka")]
            if plan.names("W8-K") {
                nodes::kill(&plan, &mut report)?;
            }
            start::w8(&plan, &mut report)
        }
        "grow" => grow::rows(&plan, &mut report),
        other => Err(Failed(format!("there is no workload `{other}`\n\n{USAGE}"))),
    }
}
