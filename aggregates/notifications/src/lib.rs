//! Rules of the notifications context: what a user is told, and where mail reaches him. Not the mail
//! server, which is a port's.
//!
//! Reading order: [`notification`], [`recipient`], then the schemas of their events in
//! `schemas/notifications/`.

pub mod notification;
pub mod recipient;

use domain::context::Aggregates;

/// The notifications context, as it is registered.
#[derive(Debug, Clone, Copy)]
pub struct Notifications;

impl domain::Context for Notifications {
    const NAME: &'static str = "notifications";
    const SCHEMAS: &'static [&'static str] = &[
        include_str!("../../../schemas/notifications/notifications.notification.promised.v1.avsc"),
        include_str!("../../../schemas/notifications/notifications.notification.sent.v1.avsc"),
        include_str!("../../../schemas/notifications/notifications.notification.read.v1.avsc"),
        include_str!(
            "../../../schemas/notifications/notifications.notification.delivery_begun.v1.avsc"
        ),
        include_str!("../../../schemas/notifications/notifications.notification.delivered.v1.avsc"),
        include_str!(
            "../../../schemas/notifications/notifications.notification.undelivered.v1.avsc"
        ),
        include_str!("../../../schemas/notifications/notifications.recipient.set.v1.avsc"),
        include_str!("../../../schemas/notifications/notifications.recipient.removed.v1.avsc"),
    ];

    fn aggregates(to: &mut impl Aggregates) {
        to.aggregate::<notification::Notification>();
        to.aggregate::<recipient::Recipient>();
    }
}

#[cfg(test)]
mod tests {
    testkit::context_laws!(super::Notifications);
}
