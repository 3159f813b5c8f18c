//! Which release of Kafka each broker is at least. Brokers do not tell their release; they tell which
//! requests they take, and each release takes newer ones. Not what is configured.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};

use crate::{OpenError, Options};

/// A broker that is up has answered well within this.
const ANSWER_MAX: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A release of Apache Kafka, as (major, minor).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release(pub u8, pub u8);

impl Release {
    /// The oldest that keeps a log: before it, replicas could come to differ when leaders changed one
    /// after the other (KIP-279, KIP-320).
    pub const OLDEST: Self = Self(2, 1);
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The first release that takes a version of a request: release, number of the request, version. Of each
/// release one that brokers with and without `ZooKeeper` have; 3.4 has none.
const FIRST_WITH: [(Release, i16, i16); 24] = [
    (Release(0, 11), 0, 3),
    (Release(1, 0), 0, 5),
    (Release(1, 1), 1, 7),
    (Release(2, 0), 0, 6),
    (Release(2, 1), 0, 7),
    (Release(2, 2), 2, 5),
    (Release(2, 3), 1, 11),
    (Release(2, 4), 0, 8),
    (Release(2, 5), 22, 3),
    (Release(2, 6), 16, 4),
    (Release(2, 7), 22, 4),
    (Release(2, 8), 0, 9),
    (Release(3, 0), 2, 7),
    (Release(3, 1), 1, 13),
    (Release(3, 2), 11, 9),
    (Release(3, 3), 35, 4),
    (Release(3, 5), 1, 15),
    (Release(3, 6), 24, 4),
    (Release(3, 7), 0, 10),
    (Release(3, 8), 0, 11),
    (Release(3, 9), 1, 17),
    (Release(4, 0), 0, 12),
    (Release(4, 1), 0, 13),
    (Release(4, 2), 2, 11),
];

/// The newest release whose requests, and those of all before it, are taken; `None`: older than 0.11.
fn release(newest: &BTreeMap<i16, i16>) -> Option<Release> {
    let takes = |(_, request, version): &&(_, i16, i16)| {
        newest.get(request).is_some_and(|newest| newest >= version)
    };
    FIRST_WITH.iter().take_while(takes).last().map(|it| it.0)
}

/// What brokers say they take, by address. The client library asks each broker when it connects, and
/// tells the answer in its log alone.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<BTreeMap<String, Takes>>>);

#[derive(Default)]
struct Takes {
    newest: BTreeMap<i16, i16>,
    /// The list has come to its end.
    whole: bool,
}

impl Heard {
    fn hear(&self, message: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match line(message) {
            Some((address, Said::Takes { request, newest })) => {
                all.entry(address.to_owned()).or_default().newest.insert(request, newest);
            }
            Some((address, Said::Else)) => {
                if let Some(takes) = all.get_mut(address) {
                    takes.whole = true;
                }
            }
            None => {}
        }
    }

    /// The releases of the brokers that have answered.
    fn releases(&self) -> BTreeMap<String, Option<Release>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = all.iter().filter(|(_, takes)| takes.whole);
        whole.map(|(address, takes)| (address.clone(), release(&takes.newest))).collect()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// Of a request, the newest version that the broker takes.
    Takes { request: i16, newest: i16 },
    /// What the library makes of it; it comes behind the list.
    Else,
}

/// A line of the library about a broker's requests:
/// `[thrd:h:9092/1]: h:9092/1:   ApiKey Produce (0) Versions 0..13`.
fn line(message: &str) -> Option<(&str, Said)> {
    let message = message.rsplit_once("]: ").map_or(message, |it| it.1);
    let (broker, said) = message.split_once(": ")?;
    // `sasl_ssl://h:9092/1`, or `h:9092/bootstrap`.
    let address = broker.rsplit_once("://").map_or(broker, |it| it.1).rsplit_once('/')?.0;
    let said = said.trim();
    if said == "Broker API support:" {
        return None;
    }
    let Some(said) = said.strip_prefix("ApiKey ") else { return Some((address, Said::Else)) };
    let (request, versions) = said.rsplit_once(" Versions ")?;
    let request = request.rsplit_once('(')?.1.strip_suffix(')')?.parse().ok()?;
    let newest = versions.rsplit_once("..")?.1.parse().ok()?;
    Some((address, Said::Takes { request, newest }))
}

impl ClientContext for Heard {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == "APIVERSION" {
            self.hear(message);
        }
    }
}

impl ConsumerContext for Heard {}

/// The release that each of these brokers is at least, by address; those that do not answer in time are
/// left out. `None`: older than 0.11.
pub(super) fn releases(
    options: &Options,
    brokers: &[String],
) -> Result<BTreeMap<String, Option<Release>>, OpenError> {
    let heard = Heard::default();
    let mut config = options.client();
    // To every broker, not only to those that something is wanted of.
    config.set("enable.sparse.connections", "false").set("debug", "feature");
    config.set_log_level(RDKafkaLogLevel::Debug);
    let failed = || OpenError::refused("asking brokers what they take");
    let asker: BaseConsumer<Heard> = config.create_with_context(heard.clone()).map_err(failed())?;
    asker.fetch_metadata(None, options.connect_timeout).map_err(failed())?;
    let deadline = Instant::now() + ANSWER_MAX;
    loop {
        let releases = heard.releases();
        let all = brokers.iter().all(|address| releases.contains_key(address));
        if all || Instant::now() > deadline {
            return Ok(releases);
        }
        // What the library logs comes with the polling; nothing is read.
        drop(asker.poll(LOOK_EVERY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_known_by_what_it_takes() {
        let of = |takes: &[(i16, i16)]| release(&takes.iter().copied().collect());
        assert_eq!(of(&[(0, 2), (1, 3), (3, 2)]), None, "0.10");
        assert_eq!(of(&[(0, 3), (1, 5), (2, 2)]), Some(Release(0, 11)));
        let of_2_0 = [(0, 6), (1, 8), (2, 3), (11, 3), (16, 2), (22, 1), (35, 1)];
        assert_eq!(of(&of_2_0), Some(Release(2, 0)));
        assert!(of(&of_2_0) < Some(Release::OLDEST));
        let of_2_8 = [(0, 9), (1, 12), (2, 6), (11, 7), (16, 4), (22, 4), (24, 3), (35, 2)];
        assert_eq!(of(&of_2_8), Some(Release(2, 8)));
        let newer = [(0, 99), (1, 99), (2, 99), (11, 99), (16, 99), (22, 99), (24, 99), (35, 99)];
        assert_eq!(of(&newer), Some(Release(4, 2)), "the newest that is known here");
        // Others that speak the protocol may lack what is between.
        assert_eq!(of(&[(0, 13), (1, 6)]), Some(Release(1, 0)));
    }

    #[test]
    fn the_library_tells_what_brokers_take() {
        let heard = Heard::default();
        for said in [
            "[thrd:sasl_ssl://h:9092/bootstrap]: sasl_ssl://h:9092/1: Broker API support:",
            "[thrd:sasl_ssl://h:9092/bootstrap]: sasl_ssl://h:9092/1:   ApiKey Produce (0) Versions 0..5",
            "[thrd:h:9092/1]: h:9092/1:   ApiKey Unknown-99? (99) Versions 1..2",
            "[thrd:other:9092/2]: other:9092/2:   ApiKey Produce (0) Versions 0..13",
        ] {
            heard.hear(said);
        }
        assert!(heard.releases().is_empty(), "no list is at its end");
        heard.hear(
            "[thrd:h:9092/1]: h:9092/1:  Feature MsgVer1: Produce (2..2) supported by broker",
        );
        assert_eq!(heard.releases(), [("h:9092".to_owned(), Some(Release(1, 0)))].into());
    }
}
