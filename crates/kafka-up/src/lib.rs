//! Starts, kills and pauses real Kafka brokers on this machine, for development and tests. Not a part
//! of the product, and no client of Kafka.
//!
//! Needs Java 17 or newer, and Maven for the first time: the jars are pinned in `pom.xml`. Brokers are
//! broker and controller in one (`KRaft`). Those of a test die with the test, however it ends; those of
//! `cargo xtask kafka up` live until `cargo xtask kafka down`.
//!
//! ```no_run
//! let cluster = kafka_up::Cluster::start(&kafka_up::Options::for_test(3))?;
//! println!("{}", cluster.bootstrap());
//! cluster.broker(1)?.kill()?; // kill -9; its data stays
//! cluster.broker(1)?.start()?;
//! # Ok::<(), kafka_up::Error>(())
//! ```

mod broker;
mod cluster;
mod error;
mod jars;
mod options;
mod ports;
mod probe;
mod process;
pub mod proxy;

pub use broker::{Broker, Condition};
pub use cluster::Cluster;
pub use error::Error;
pub use jars::{Jars, VERSION, cache_dir};
pub use options::{Options, Secure};
pub use ports::free as free_ports;
pub use proxy::Proxy;
