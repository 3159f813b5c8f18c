//! What the user of the clients may do with topics and group, as brokers say. Not how rights are given.

#![expect(unsafe_code, reason = "the C library asks brokers for rights, and its wrapper does not")]

use std::ffi::{CStr, CString, c_int};
use std::ptr::{NonNull, null_mut};

use rdkafka::admin::AdminClient;
use rdkafka::bindings::rd_kafka_AclOperation_t as Operation;
use rdkafka::bindings::rd_kafka_admin_op_t::{
    RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
};
use rdkafka::bindings::{
    rd_kafka_AdminOptions_destroy, rd_kafka_AdminOptions_new,
    rd_kafka_AdminOptions_set_include_authorized_operations,
    rd_kafka_AdminOptions_set_request_timeout, rd_kafka_AdminOptions_t,
    rd_kafka_ConsumerGroupDescription_authorized_operations,
    rd_kafka_ConsumerGroupDescription_error, rd_kafka_DescribeConsumerGroups,
    rd_kafka_DescribeConsumerGroups_result_groups, rd_kafka_DescribeTopics,
    rd_kafka_DescribeTopics_result_topics, rd_kafka_TopicCollection_destroy,
    rd_kafka_TopicCollection_of_topic_names, rd_kafka_TopicDescription_authorized_operations,
    rd_kafka_TopicDescription_error, rd_kafka_TopicDescription_name, rd_kafka_admin_op_t,
    rd_kafka_error_code, rd_kafka_error_destroy, rd_kafka_event_DescribeConsumerGroups_result,
    rd_kafka_event_DescribeTopics_result, rd_kafka_event_destroy, rd_kafka_event_error,
    rd_kafka_event_t, rd_kafka_queue_destroy, rd_kafka_queue_new, rd_kafka_queue_poll,
    rd_kafka_queue_t, rd_kafka_resp_err_t, rd_kafka_t,
};

use super::{connect, wanted};
use crate::watch::Watch;
use crate::{OpenError, Options};

/// What a node does with every topic.
const NEEDED: [(Operation, &str); 4] = [
    (Operation::RD_KAFKA_ACL_OPERATION_DESCRIBE, "Describe"),
    (Operation::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS, "DescribeConfigs"),
    (Operation::RD_KAFKA_ACL_OPERATION_READ, "Read"),
    (Operation::RD_KAFKA_ACL_OPERATION_WRITE, "Write"),
];

/// What the user lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rights {
    /// By topic, the operations that it may not do there, as Kafka's tools name them.
    pub lacking: Vec<(String, Vec<&'static str>)>,
    /// The group, when it may not read there, which is to join it.
    pub group: Option<String>,
    /// Topics whose brokers do not tell (older than Kafka 2.3), or that are not there.
    pub untold: usize,
}

/// Asks what the user may do with the topics of the log, and with the group that elects.
pub fn rights(options: &Options) -> Result<Rights, OpenError> {
    let names: Vec<String> = wanted(options).into_iter().map(|it| it.0).collect();
    let mut rights = Rights::default();
    for (name, allowed) in ask_topics(options, &connect(options)?, &names)? {
        match allowed {
            Allowed::Untold => rights.untold += 1,
            Allowed::These(allowed) => {
                let lacks = NEEDED.iter().filter(|it| !allowed.contains(&it.0));
                let lacks: Vec<_> = lacks.map(|it| it.1).collect();
                if !lacks.is_empty() {
                    rights.lacking.push((name, lacks));
                }
            }
        }
    }
    let group = options.kafka_name(crate::election::GROUP);
    let admin = connect(options)?;
    let closed = ask_group(options, &admin, &group)?.lacks(Operation::RD_KAFKA_ACL_OPERATION_READ);
    rights.group = closed.then_some(group);
    Ok(rights)
}

/// The first of these topics that the user may not look at, nor at its settings.
pub(super) fn unseen(
    options: &Options,
    admin: &AdminClient<Watch>,
    names: &[String],
) -> Result<Option<String>, OpenError> {
    let told = ask_topics(options, admin, names)?.into_iter();
    Ok(told.filter(|(_, allowed)| allowed.unseen()).map(|it| it.0).next())
}

enum Allowed {
    These(Vec<Operation>),
    Untold,
}

impl Allowed {
    fn unseen(&self) -> bool {
        self.lacks(Operation::RD_KAFKA_ACL_OPERATION_DESCRIBE)
            || self.lacks(Operation::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS)
    }

    fn lacks(&self, operation: Operation) -> bool {
        matches!(self, Self::These(allowed) if !allowed.contains(&operation))
    }

    /// What the library tells of a topic or a group.
    ///
    /// # Safety
    /// `all` points to `count` operations that live as long as this call, or is null.
    unsafe fn of(error: rd_kafka_resp_err_t, all: *const Operation, count: usize) -> Self {
        match error {
            rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
            | rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED => {
                Self::These(Vec::new())
            }
            rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR if count > 0 && !all.is_null() => {
                // SAFETY: as above.
                Self::These((0..count).map(|at| unsafe { *all.add(at) }).collect())
            }
            _ => Self::Untold,
        }
    }
}

/// What is made by the C library and given back to it.
struct Made<T>(NonNull<T>, unsafe extern "C" fn(*mut T));

impl<T> Made<T> {
    fn new(made: *mut T, end: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        NonNull::new(made).map(|made| Self(made, end))
    }

    fn ptr(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T> Drop for Made<T> {
    fn drop(&mut self) {
        // SAFETY: it was made by the function that `end` belongs to, and is given back once.
        unsafe { (self.1)(self.ptr()) }
    }
}

fn refused(why: impl Into<String>) -> OpenError {
    OpenError::Refused { attempt: "asking for rights".to_owned(), why: why.into() }
}

/// Names as the C library takes them.
fn names(all: &[String]) -> Result<Vec<CString>, OpenError> {
    let texts: Result<Vec<CString>, _> = all.iter().map(|it| CString::new(it.as_str())).collect();
    texts.map_err(|error| refused(error.to_string()))
}

/// Asks one question, which `send` hands over with how and where it is to be answered.
fn ask(
    options: &Options,
    admin: &AdminClient<Watch>,
    what: rd_kafka_admin_op_t,
    send: impl FnOnce(*mut rd_kafka_t, *const rd_kafka_AdminOptions_t, *mut rd_kafka_queue_t),
) -> Result<Made<rd_kafka_event_t>, OpenError> {
    let silent = || refused("the client library gives nothing");
    let timeout_ms = c_int::try_from(options.connect_timeout.as_millis()).unwrap_or(c_int::MAX);
    let client = admin.inner().native_ptr();
    // SAFETY: the client lives as long as `admin`; what is made is given back at the end of this
    // function. An error that is given is ours to give back; no text of one is wanted, which null and 0
    // say. An event does not need its queue.
    unsafe {
        let queue = Made::new(rd_kafka_queue_new(client), rd_kafka_queue_destroy);
        let how = Made::new(rd_kafka_AdminOptions_new(client, what), rd_kafka_AdminOptions_destroy);
        let (queue, how) = (queue.ok_or_else(silent)?, how.ok_or_else(silent)?);
        let wrong = rd_kafka_AdminOptions_set_include_authorized_operations(how.ptr(), 1);
        if !wrong.is_null() {
            rd_kafka_error_destroy(wrong);
            return Err(refused("the client library cannot"));
        }
        rd_kafka_AdminOptions_set_request_timeout(how.ptr(), timeout_ms, null_mut(), 0);
        send(client, how.ptr(), queue.ptr());
        let answer =
            Made::new(rd_kafka_queue_poll(queue.ptr(), timeout_ms), rd_kafka_event_destroy);
        answer.ok_or_else(|| refused("brokers do not answer"))
    }
}

fn ask_topics(
    options: &Options,
    admin: &AdminClient<Watch>,
    topics: &[String],
) -> Result<Vec<(String, Allowed)>, OpenError> {
    let texts = names(topics)?;
    let mut texts: Vec<_> = texts.iter().map(|it| it.as_ptr()).collect();
    // SAFETY: names and their array are copied.
    let asked = unsafe {
        Made::new(
            rd_kafka_TopicCollection_of_topic_names(texts.as_mut_ptr(), texts.len()),
            rd_kafka_TopicCollection_destroy,
        )
    };
    let asked = asked.ok_or_else(|| refused("the client library gives nothing"))?;
    // SAFETY: all pointers live as long as the call, which copies what it keeps.
    let send = |client, how, queue| unsafe {
        rd_kafka_DescribeTopics(client, asked.ptr(), how, queue);
    };
    let answer = ask(options, admin, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, send)?;
    let mut told = Vec::new();
    // SAFETY: results, names, errors and operations belong to the event and are read before it goes;
    // counts are those that the library gives with each array, and an array of none may be null.
    unsafe {
        let result = rd_kafka_event_DescribeTopics_result(answer.ptr());
        if result.is_null() {
            return Err(refused("the client library gives nothing"));
        }
        let mut count = 0;
        let all = rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        for at in 0..if all.is_null() { 0 } else { count } {
            let topic = *all.add(at);
            let name = CStr::from_ptr(rd_kafka_TopicDescription_name(topic));
            let error = rd_kafka_error_code(rd_kafka_TopicDescription_error(topic));
            let mut count = 0;
            let allowed = rd_kafka_TopicDescription_authorized_operations(topic, &raw mut count);
            told.push((name.to_string_lossy().into_owned(), Allowed::of(error, allowed, count)));
        }
    }
    Ok(told)
}

fn ask_group(
    options: &Options,
    admin: &AdminClient<Watch>,
    group: &str,
) -> Result<Allowed, OpenError> {
    let texts = names(&[group.to_owned()])?;
    let mut texts: Vec<_> = texts.iter().map(|it| it.as_ptr()).collect();
    // SAFETY: names and their array are copied, and live as long as the call.
    let send = |client, how, queue| unsafe {
        rd_kafka_DescribeConsumerGroups(client, texts.as_mut_ptr(), 1, how, queue);
    };
    let answer = ask(options, admin, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, send)?;
    // SAFETY: as for topics.
    unsafe {
        let result = rd_kafka_event_DescribeConsumerGroups_result(answer.ptr());
        if result.is_null() {
            return Ok(Allowed::of(rd_kafka_event_error(answer.ptr()), null_mut(), 0));
        }
        let mut count = 0;
        let all = rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
        if all.is_null() || count == 0 {
            return Ok(Allowed::of(rd_kafka_event_error(answer.ptr()), null_mut(), 0));
        }
        let group = *all;
        let error = rd_kafka_error_code(rd_kafka_ConsumerGroupDescription_error(group));
        let mut count = 0;
        let allowed =
            rd_kafka_ConsumerGroupDescription_authorized_operations(group, &raw mut count);
        Ok(Allowed::of(error, allowed, count))
    }
}
