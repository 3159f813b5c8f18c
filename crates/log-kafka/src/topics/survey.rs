//! How brokers and replicas do. Not the settings of topics.

use super::{connect, find, metadata, wanted};
use crate::{OpenError, Options};

/// How the cluster does, as far as the log's topics are concerned.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Survey {
    /// Brokers that are up, as `1 at a:9092`.
    pub brokers: Vec<String>,
    /// Partitions of the log's topics.
    pub partitions: usize,
    /// Of them those with replicas that are not in sync, as `content.events/3: 2 of 3`.
    pub behind: Vec<String>,
    /// Of them those that no broker leads: nothing is taken there.
    pub leaderless: Vec<String>,
}

/// Looks at brokers, leaders and replicas.
pub fn survey(options: &Options) -> Result<Survey, OpenError> {
    let metadata = metadata(options, &connect(options)?)?;
    let brokers = metadata.brokers().iter();
    let brokers = brokers.map(|it| format!("{} at {}:{}", it.id(), it.host(), it.port()));
    let mut survey = Survey {
        brokers: brokers.collect(),
        partitions: 0,
        behind: Vec::new(),
        leaderless: Vec::new(),
    };
    for (name, _) in wanted(options) {
        for partition in find(&metadata, &name).iter().flat_map(|topic| topic.partitions()) {
            survey.partitions += 1;
            let lane = format!("{name}/{}", partition.id());
            let (in_sync, all) = (partition.isr().len(), partition.replicas().len());
            if partition.leader() < 0 {
                survey.leaderless.push(lane);
            } else if in_sync < all {
                survey.behind.push(format!("{lane}: {in_sync} of {all}"));
            }
        }
    }
    Ok(survey)
}
