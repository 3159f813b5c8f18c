//! A letter as it is sent.

use domain::saga::StepKey;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::{Address, Message};
use ports::MailRequest;

/// The name of the letter: the step's key at the sender's domain.
pub(crate) fn message_id(key: StepKey, from: &Mailbox) -> String {
    format!("<{key}@{}>", from.email.domain())
}

/// Plain text, marked as sent by a program so that no holiday answers it.
pub(crate) fn written(
    from: &Mailbox,
    to: &Address,
    ask: &MailRequest,
    message_id: &str,
) -> Result<Message, String> {
    let builder: MessageBuilder = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(ask.subject.replace(['\r', '\n'], " "))
        .message_id(Some(message_id.to_owned()))
        .header(ContentType::TEXT_PLAIN)
        .raw_header(lettre::message::header::HeaderValue::new(
            lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    builder.body(ask.text.clone()).map_err(|error| error.to_string())
}
