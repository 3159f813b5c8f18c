//! Where the log of a product under test lies: in its data directory, or with `RECOUNT_TEST_LOG=kafka` in
//! topics of a real broker that all products of the test process share. Not the tests.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use kafka_up::{Cluster, Options};

/// Few: every lane of every topic is a partition of one broker on a busy machine.
const LANES: &str = "4";

/// The broker; it dies with the process.
fn broker() -> &'static Cluster {
    static BROKER: OnceLock<Cluster> = OnceLock::new();
    BROKER.get_or_init(|| Cluster::start(&Options::for_test(1)).expect("a broker can be started"))
}

/// The flags of a product whose data lie here, with its topics made; none for the embedded log.
pub(crate) fn flags(binary: &Path, data: &Path) -> Vec<String> {
    match std::env::var("RECOUNT_TEST_LOG").as_deref() {
        Err(_) | Ok("embedded") => return Vec::new(),
        Ok("kafka") => {}
        Ok(other) => panic!("RECOUNT_TEST_LOG is embedded or kafka, not `{other}`"),
    }
    let mut name = DefaultHasher::new();
    data.hash(&mut name);
    let prefix = format!("t{:016x}-", name.finish());
    let secret = data.with_extension("cluster-secret");
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef").expect("a secret can be written");
    let flags = [
        ("--log", "kafka".to_owned()),
        ("--brokers", broker().bootstrap()),
        ("--kafka-durability", "none".to_owned()),
        ("--topic-prefix", prefix),
        ("--lanes", LANES.to_owned()),
        ("--cluster-secret-file", secret.display().to_string()),
    ];
    let flags: Vec<String> =
        flags.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
    let applied = Command::new(binary)
        .args(["topics", "apply", "--data"])
        .arg(data)
        .args(&flags)
        .stdin(Stdio::null())
        .output()
        .expect("recount can be run");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    flags
}
