//! The peer that everybody has: one row inserted and committed in PostgreSQL, by its own `pgbench`. No
//! command runtime, no version check, no idempotency: the table has two unique indexes, and that is all.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use postgres::server::{self, Server};
use tokio::runtime::Runtime;

use crate::Failed;
use crate::measure::Measured;

/// More connections than this make PostgreSQL slower on two processors.
pub(crate) const CLIENTS_MAX: u64 = 64;
/// One event of 200 bytes in a stream, found again by stream and version, and by id.
const TABLE: &str = "create sequence at; create table events (stream uuid, version bigint, \
                     id uuid unique, recorded_at timestamptz, type text, data bytea, \
                     primary key (stream, version))";
const INSERT: &str = "\\set a random(1, 10000)\n\
    insert into events values (lpad(:a::text, 32, '0')::uuid, nextval('at'), gen_random_uuid(), \
    now(), 'bench.note.written.v1', decode(repeat('78', 200), 'hex'));\n";

/// A private server with its table.
pub(crate) struct Pg {
    server: Server,
    dir: PathBuf,
    bin: PathBuf,
    script: PathBuf,
}

impl Pg {
    /// Starts one on the device that is measured, durable as it is by default, with memory to spare.
    pub(crate) fn start(runtime: &Runtime, dir: &Path) -> Result<Self, Failed> {
        let mut options = server::Options::new(dir.join("pg"));
        for (name, value) in [
            ("fsync", "on"),
            ("synchronous_commit", "on"),
            ("max_connections", "200"),
            ("shared_buffers", "512MB"),
            ("max_wal_size", "8GB"),
        ] {
            options.settings.push((name.to_owned(), value.to_owned()));
        }
        let server = runtime.block_on(Server::start(options));
        let server = server.map_err(|error| Failed(error.to_string()))?;
        let bin = server::find_binaries().map_err(|error| Failed(error.to_string()))?;
        let script = dir.join("insert.sql");
        std::fs::write(&script, INSERT)?;
        let it = Self { server, dir: dir.to_owned(), bin, script };
        it.sql(TABLE)?;
        Ok(it)
    }

    /// Runs SQL.
    pub(crate) fn sql(&self, text: &str) -> Result<(), Failed> {
        let mut psql = Command::new(self.bin.join("psql"));
        self.run(psql.arg(self.server.url()).args(["-qc", text])).map(drop)
    }

    /// Where it is.
    #[cfg(feature = "peers")]
    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    fn run(&self, command: &mut Command) -> Result<String, Failed> {
        let out = command.current_dir(&self.dir).output()?;
        if !out.status.success() {
            return Err(Failed(String::from_utf8_lossy(&out.stderr).into_owned()));
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// So many connections that insert one row after the other. `pgbench` counts whole seconds.
    pub(crate) fn insert(&self, callers: u64, lasts: Duration) -> Result<Measured, Failed> {
        let clients = callers.min(CLIENTS_MAX);
        let seconds = lasts.as_secs().max(1);
        let log = self.dir.join("pgbench-log");
        let mut pgbench = Command::new(self.bin.join("pgbench"));
        pgbench.args(["-n", "-M", "prepared", "-l", "-j", "2"]);
        pgbench.arg("--log-prefix").arg(&log).arg("-f").arg(&self.script);
        pgbench.arg("-c").arg(clients.to_string()).arg("-T").arg(seconds.to_string());
        self.run(pgbench.arg(self.server.url()))?;
        let mut latencies = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            if name.is_some_and(|name| name.starts_with("pgbench-log")) {
                let text = std::fs::read_to_string(&path)?;
                // Client, transaction, microseconds, ...
                let third = |line: &str| line.split(' ').nth(2)?.parse::<u32>().ok();
                latencies.extend(text.lines().filter_map(third).map(|us| us.saturating_mul(10)));
                std::fs::remove_file(path)?;
            }
        }
        let took = Duration::from_secs(seconds);
        Ok(Measured { cpu_s: None, ..Measured::new(latencies.len() as u64, took, 0.0, latencies) })
    }

    /// Ends the server.
    pub(crate) fn stop(self, runtime: &Runtime) {
        runtime.block_on(self.server.stop());
    }
}
