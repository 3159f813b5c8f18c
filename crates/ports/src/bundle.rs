//! The ports of an installation: which provider stands behind each. Who is not configured is not
//! called; a step that needs one is refused with a sentence that says which setting is missing.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::Platform;
use domain::saga::Refusal;

use crate::{Mail, Payments, Publishing};

/// Every provider that is configured.
#[derive(Clone, Default)]
pub struct Ports {
    publishing: BTreeMap<Platform, Arc<dyn Publishing>>,
    payments: Option<Arc<dyn Payments>>,
    mail: Option<Arc<dyn Mail>>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports")
            .field("publishing", &self.publishing.keys().collect::<Vec<_>>())
            .field("payments", &self.payments.is_some())
            .field("mail", &self.mail.is_some())
            .finish()
    }
}

/// Name of the rule by which a step is refused when nobody is configured for it.
const RULE: &str = "no_provider";

impl Ports {
    /// Nobody is configured.
    pub fn none() -> Self {
        Self::default()
    }

    /// Publishes on this platform with this provider.
    #[must_use]
    pub fn publishing(mut self, on: Platform, with: Arc<dyn Publishing>) -> Self {
        self.publishing.insert(on, with);
        self
    }

    /// Moves money with this provider.
    #[must_use]
    pub fn payments(self, with: Arc<dyn Payments>) -> Self {
        Self { payments: Some(with), ..self }
    }

    /// Sends mail with this provider.
    #[must_use]
    pub fn mail(self, with: Arc<dyn Mail>) -> Self {
        Self { mail: Some(with), ..self }
    }

    /// Whether posts can be published there.
    pub fn publishes_on(&self, platform: Platform) -> bool {
        self.publishing.contains_key(&platform)
    }

    /// Who publishes on a platform.
    pub fn publisher(&self, on: Platform) -> Result<&dyn Publishing, Refusal> {
        self.publishing.get(&on).map(|it| &**it).ok_or_else(|| {
            let title = on.title();
            let detail = format!("nothing is set up to publish on {title}");
            Refusal::new(RULE, detail)
        })
    }

    /// Who moves money.
    pub fn cashier(&self) -> Result<&dyn Payments, Refusal> {
        let none = || Refusal::new(RULE, "nothing is set up to take payments");
        self.payments.as_deref().ok_or_else(none)
    }

    /// Who sends mail.
    pub fn postman(&self) -> Result<&dyn Mail, Refusal> {
        self.mail.as_deref().ok_or_else(|| Refusal::new(RULE, "nothing is set up to send mail"))
    }
}
