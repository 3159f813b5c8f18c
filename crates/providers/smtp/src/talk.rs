//! The talk with the server, phase by phase: what an interruption means depends on where it comes.

use std::time::Duration;

use domain::saga::{Fault, Refusal};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::{Address, Message};

use crate::server::Tls;
use crate::{Server, Stopped};

impl Server {
    /// Hands one letter over, within this time.
    pub(crate) async fn send(&self, letter: &Message, within: Duration) -> Result<(), Stopped> {
        let ends = tokio::time::Instant::now() + within;
        let late = || format!("{} did not answer in time", self.host);
        let ready = tokio::time::timeout_at(ends, self.ready(letter)).await;
        let mut talk = ready.map_err(|_| Stopped::Transient(Fault::new(late())))??;
        // From here on it may have been taken.
        let said = tokio::time::timeout_at(ends, talk.message(&letter.formatted())).await;
        match said {
            Err(_) => Err(Stopped::Unknown(Fault::new(late()))),
            Ok(Err(error)) if error.status().is_some() => Err(self.no(&error)),
            Ok(Err(error)) => Err(Stopped::Unknown(Fault::new(self.says(&error)))),
            Ok(Ok(_)) => {
                // It is taken, whatever becomes of the farewell.
                drop(tokio::time::timeout_at(ends, talk.quit()).await);
                Ok(())
            }
        }
    }

    /// Everything up to where the text is asked for.
    async fn ready(&self, letter: &Message) -> Result<AsyncSmtpConnection, Stopped> {
        let mut talk = self.open().await?;
        match self.announce(&mut talk, letter).await {
            Ok(()) => Ok(talk),
            Err(stopped) => {
                talk.abort().await;
                Err(stopped)
            }
        }
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Stopped> {
        let me = ClientId::default();
        let look = |error: Error| Stopped::Transient(Fault::new(self.says(&error)));
        let tls = || self.tls_parameters().map_err(look);
        let whole = if self.tls == Tls::Whole { Some(tls()?) } else { None };
        let place = (self.host.as_str(), self.port);
        let mut talk = AsyncSmtpConnection::connect_tokio1(place, None, &me, whole, None)
            .await
            .map_err(|error| self.no(&error))?;
        if self.tls == Tls::Starttls {
            if !talk.can_starttls() {
                let detail = format!("{} offers no STARTTLS; nothing was said", self.host);
                return Err(Stopped::Transient(Fault::new(detail)));
            }
            talk.starttls(tls()?, &me).await.map_err(look)?;
        }
        if let Some(login) = self.credentials() {
            // 535 is an operator's affair, not the letter's.
            talk.auth(DEFAULT_MECHANISMS, &login).await.map_err(look)?;
        }
        Ok(talk)
    }

    async fn announce(
        &self,
        talk: &mut AsyncSmtpConnection,
        letter: &Message,
    ) -> Result<(), Stopped> {
        let envelope = letter.envelope();
        let offers = |what| talk.server_info().supports_feature(what);
        let mut options = Vec::new();
        let mut addresses = envelope.to().iter().chain(envelope.from());
        if addresses.any(|it: &Address| !AsRef::<str>::as_ref(it).is_ascii()) {
            if !offers(Extension::SmtpUtfEight) {
                let detail = format!("{} takes no addresses with such letters", self.host);
                return Err(Stopped::Refused(Refusal::new("mail_refused", detail)));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        if offers(Extension::EightBitMime) {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let no = |error: Error| self.no(&error);
        talk.command(Mail::new(envelope.from().cloned(), options)).await.map_err(no)?;
        for to in envelope.to() {
            talk.command(Rcpt::new(to.clone(), vec![])).await.map_err(no)?;
        }
        talk.command(Data).await.map_err(no)?;
        Ok(())
    }

    /// An answer that is no yes, or none, before the text.
    fn no(&self, error: &Error) -> Stopped {
        let detail = self.says(error);
        if error.is_permanent() {
            Stopped::Refused(Refusal::new("mail_refused", detail))
        } else {
            Stopped::Transient(Fault::new(detail))
        }
    }

    /// The server's own words may name the recipient: of its answers only the code is told.
    fn says(&self, error: &Error) -> String {
        let host = &self.host;
        match error.status() {
            Some(code) => format!("{host} answered {code}"),
            None if let Some(why) = no_tls(error) => {
                format!("{host}: the TLS handshake failed: {why}")
            }
            None if error.is_tls() => format!("{host}: the TLS handshake failed"),
            None if error.is_timeout() => format!("{host} did not answer in time"),
            None => format!("{host}: the connection failed"),
        }
    }
}

/// Why there is no TLS, when that is why: handshakes tell it as invalid data of the connection.
fn no_tls(error: &Error) -> Option<String> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if let Some(io) = io.filter(|io| io.kind() == std::io::ErrorKind::InvalidData) {
            return Some(io.to_string());
        }
        cause = error.source();
    }
    None
}
