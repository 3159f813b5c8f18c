//! Where the mail server is and how it is spoken to: what settings say. Not the talk.

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use ports::Secret;

/// Ports as they are assigned: submission with TLS from the first byte, and with STARTTLS.
const PORT_TLS: u16 = 465;
const PORT_STARTTLS: u16 = 587;
/// How a certificate begins in PEM (RFC 7468).
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// A mail server.
#[derive(Clone)]
pub struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Tls,
    pub(crate) login: Option<(String, Secret)>,
    /// Trusted beside the system's authorities.
    trusted: Option<Certificate>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({}:{}, {:?})", self.host, self.port, self.tls)
    }
}

/// How it is kept secret what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    /// From the first byte.
    Whole,
    /// Asked for, and nothing is said without it.
    Starttls,
    /// Not at all: on the loopback.
    Plain,
}

/// The settings name no server that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadServer {
    /// The address.
    #[error(
        "`{0}` is not the address of a mail server; write it as smtps://user@host or smtp://host:port"
    )]
    Address(String),
    /// Who sends.
    #[error("`{0}` is not a sender; write it as Recount <recount@example.org>")]
    From(String),
    /// A password would be told to everybody on the way.
    #[error("a password is not sent to {0} without TLS; use smtps:// or a host with STARTTLS")]
    PlainPassword(String),
    /// What should vouch for the server is no certificate.
    #[error("the authorities for the mail server are no certificates in PEM")]
    Authorities,
    /// A user without a password, or the other way round.
    #[error("a mail server needs both a user in its address and a password file, or neither")]
    HalfLogin,
}

impl Server {
    /// From its address: `smtps://` is TLS from the first byte (port 465), `smtp://` demands STARTTLS
    /// (port 587), except on the loopback, where nobody listens in.
    pub fn parse(address: &str, password: Option<Secret>) -> Result<Self, BadServer> {
        // What stands before an `@` may hold a secret that does not belong there.
        let wrong =
            || BadServer::Address(address.rsplit('@').next().unwrap_or_default().to_owned());
        let (scheme, rest) = address.split_once("://").ok_or_else(wrong)?;
        let rest = rest.trim_end_matches('/');
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| wrong())?)),
            None => (place, None),
        };
        if host.is_empty()
            || host.contains(['/', '?', '#'])
            || user.is_some_and(|it| it.contains(':'))
        {
            return Err(wrong());
        }
        let loopback = host == "localhost" || host.starts_with("127.");
        let (tls, usual) = match scheme {
            "smtps" => (Tls::Whole, PORT_TLS),
            "smtp" if loopback => (Tls::Plain, PORT_STARTTLS),
            "smtp" => (Tls::Starttls, PORT_STARTTLS),
            _ => return Err(wrong()),
        };
        let login = match (user, password) {
            (Some(user), Some(password)) => Some((user.to_owned(), password)),
            (None, None) => None,
            _ => return Err(BadServer::HalfLogin),
        };
        if login.is_some() && tls == Tls::Plain {
            return Err(BadServer::PlainPassword(host.to_owned()));
        }
        Ok(Self { host: host.to_owned(), port: port.unwrap_or(usual), tls, login, trusted: None })
    }

    /// Trusts these authorities too: certificates in PEM, for a server of one's own.
    pub fn trusting(mut self, pem: &[u8]) -> Result<Self, BadServer> {
        // One who finds no certificate in it is content with none.
        let some = pem.windows(CERTIFICATE.len()).any(|at| at == CERTIFICATE);
        let trusted = Certificate::from_pem(pem).ok().filter(|_| some);
        self.trusted = Some(trusted.ok_or(BadServer::Authorities)?);
        Ok(self)
    }

    pub(crate) fn tls_parameters(&self) -> Result<TlsParameters, Error> {
        let mut tls = TlsParameters::builder(self.host.clone());
        if let Some(trusted) = &self.trusted {
            tls = tls.add_root_certificate(trusted.clone());
        }
        tls.build_rustls()
    }

    pub(crate) fn credentials(&self) -> Option<Credentials> {
        let (user, password) = self.login.as_ref()?;
        Some(Credentials::new(user.clone(), password.expose().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::new("secret".into())
    }

    #[test]
    fn an_address_says_how_to_speak() {
        let of = |address| {
            let server = Server::parse(address, None).unwrap();
            (server.host, server.port, server.tls)
        };
        assert_eq!(of("smtps://mail.example.org"), ("mail.example.org".into(), 465, Tls::Whole));
        assert_eq!(of("smtp://mail.example.org"), ("mail.example.org".into(), 587, Tls::Starttls));
        assert_eq!(of("smtp://127.0.0.1:2525/"), ("127.0.0.1".into(), 2_525, Tls::Plain));
        let server = Server::parse("smtps://me@mail.example.org:4650", Some(secret())).unwrap();
        assert_eq!((server.port, server.login.as_ref().unwrap().0.as_str()), (4_650, "me"));
        assert_eq!(format!("{server:?}"), "Server(mail.example.org:4650, Whole)");
    }

    #[test]
    fn what_would_tell_a_password_is_refused() {
        let wrong = |address, password| Server::parse(address, password).unwrap_err();
        assert_eq!(wrong("smtps://me@host", None), BadServer::HalfLogin);
        assert_eq!(wrong("smtps://host", Some(secret())), BadServer::HalfLogin);
        let plain = BadServer::PlainPassword("localhost".into());
        assert_eq!(wrong("smtp://me@localhost", Some(secret())), plain);
        let server = || Server::parse("smtps://host", None).unwrap();
        for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA"] {
            assert_eq!(server().trusting(pem.as_bytes()).unwrap_err(), BadServer::Authorities);
        }
        for address in ["host", "http://host", "smtp://", "smtp://host:x", "smtp://me:secret@host"]
        {
            let said = wrong(address, None).to_string();
            assert!(said.contains("write it as") && !said.contains("secret"), "{said}");
        }
    }
}
