//! The gate in front of every route: is the request meant for us, does it come from where it may,
//! who asks, and may he. Not limits, which come behind it.

use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use domain::{ActorId, Principal, TenantId, Timestamp};

use super::{Access, Authenticator, ClusterSecret};
use crate::codes;
use crate::problem::Problem;

/// Checks requests.
#[derive(Debug)]
pub(crate) struct Gate {
    auth: Authenticator,
    cluster: Option<ClusterSecret>,
    /// Names this installation is reached by, besides the loopback ones.
    hosts: Vec<String>,
    owner: Arc<Principal>,
}

/// Nobody in particular: the principal of open routes.
pub(crate) fn anonymous() -> Principal {
    Principal {
        tenant: TenantId::from_static("local"),
        actor: ActorId::from_static("anonymous"),
        roles: Vec::new(),
    }
}

impl Gate {
    pub(crate) fn new(
        auth: Authenticator,
        cluster: Option<ClusterSecret>,
        hosts: Vec<String>,
    ) -> Self {
        Self { auth, cluster, hosts, owner: Arc::new(Principal::local_owner()) }
    }

    /// The principal of a request, or why it does not pass.
    pub(crate) fn check(
        &self,
        access: Access,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Arc<Principal>, Problem> {
        self.host(uri, headers)?;
        if !method.is_safe() {
            same_site(uri, headers)?;
        }
        let principal = match self.known(headers, now) {
            Err(_) if access == Access::Open => return Ok(Arc::new(anonymous())),
            known => known?,
        };
        let roles = access.roles();
        if roles.is_empty() || principal.has(roles) {
            return Ok(principal);
        }
        let needed: Vec<_> = roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
        let detail = format!("this needs one of the roles {}", needed.join(", "));
        Err(Problem::new(codes::FORBIDDEN, detail))
    }

    /// Against DNS rebinding: without tokens, a request must name us as a local client does.
    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        if matches!(self.auth, Authenticator::Tokens(_)) && self.hosts.is_empty() {
            return Ok(());
        }
        let Some(host) = host_of(uri, headers) else { return Ok(()) };
        let name = name_of(host);
        let local = name.eq_ignore_ascii_case("localhost") || is_loopback(name);
        if local || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Ok(());
        }
        let detail =
            "this API answers to localhost and loopback addresses; other names must be configured";
        Err(Problem::new(codes::WRONG_HOST, detail))
    }

    /// Whether another node of the installation asks.
    pub(crate) fn is_node(&self, headers: &HeaderMap) -> bool {
        self.cluster.as_ref().is_some_and(|it| it.shown(headers))
    }

    fn known(&self, headers: &HeaderMap, now: Timestamp) -> Result<Arc<Principal>, Problem> {
        if self.is_node(headers) {
            return ClusterSecret::principal(headers).map(Arc::new).ok_or_else(|| {
                unauthenticated("the principal that the node asks for cannot be read")
            });
        }
        let tokens = match &self.auth {
            Authenticator::LocalOwner => return Ok(Arc::clone(&self.owner)),
            Authenticator::Tokens(tokens) => tokens,
        };
        let Some(shown) = headers.get(AUTHORIZATION) else {
            return Err(unauthenticated("send `Authorization: Bearer <token>`"));
        };
        bearer(shown.as_bytes())
            .and_then(|token| tokens.principal(token, now))
            .ok_or_else(|| unauthenticated("the token is unknown or has expired"))
    }
}

fn unauthenticated(detail: &'static str) -> Problem {
    let challenge = HeaderValue::from_static("Bearer realm=\"recount\"");
    Problem::new(codes::UNAUTHENTICATED, detail).header(WWW_AUTHENTICATE, challenge)
}

fn bearer(shown: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = shown.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// A page of another site must not be able to change anything here. Programs send neither header.
fn same_site(uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let wrong = || {
        let detail = "a web page of another origin may not change anything here";
        Err(Problem::new(codes::CROSS_SITE, detail))
    };
    if let Some(site) = headers.get("sec-fetch-site")
        && !matches!(site.as_bytes(), b"same-origin" | b"none")
    {
        return wrong();
    }
    if let Some(origin) = headers.get(ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let from = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        let host = host_of(uri, headers);
        if !matches!((from, host), (Some(from), Some(host)) if from.eq_ignore_ascii_case(host)) {
            return wrong();
        }
    }
    Ok(())
}

fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    match headers.get(HOST) {
        Some(host) => Some(host.to_str().unwrap_or_default()),
        None => uri.authority().map(axum::http::uri::Authority::as_str),
    }
}

/// The host without its port.
fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or("", |(name, _)| name);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn is_loopback(name: &str) -> bool {
    name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(headers: &[(&'static str, &'static str)], method: &Method) -> Result<(), String> {
        let gate = Gate::new(Authenticator::LocalOwner, None, vec!["recount.test".into()]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        let uri = Uri::from_static("/api/content/posts");
        gate.check(Access::Command, method, &uri, &map, Timestamp::default())
            .map(|_| ())
            .map_err(|problem| problem.word().to_owned())
    }

    #[test]
    fn a_name_that_was_bound_to_loopback_by_somebody_else_is_refused() {
        for fine in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "recount.test:1"] {
            let fine: &'static str = fine;
            assert_eq!(asks(&[("host", fine)], &Method::GET), Ok(()), "{fine}");
        }
        for evil in ["evil.test", "evil.test:8080", "localhost.evil.test", "10.0.0.1", "", "[::1"] {
            assert_eq!(asks(&[("host", evil)], &Method::GET), Err("wrong_host".into()), "{evil}");
        }
    }

    #[test]
    fn a_page_elsewhere_cannot_post_to_the_loopback_api() {
        let host = ("host", "localhost:8080");
        let refused = Err("cross_site".to_owned());
        for site in ["cross-site", "same-site", "nonsense"] {
            assert_eq!(asks(&[host, ("sec-fetch-site", site)], &Method::POST), refused);
            assert_eq!(asks(&[host, ("sec-fetch-site", site)], &Method::GET), Ok(()));
        }
        for origin in ["http://evil.test", "http://localhost:3000", "null", "http://localhost"] {
            assert_eq!(asks(&[host, ("origin", origin)], &Method::DELETE), refused, "{origin}");
        }
        for fine in [("sec-fetch-site", "same-origin"), ("origin", "http://localhost:8080")] {
            assert_eq!(asks(&[host, fine], &Method::POST), Ok(()));
        }
        assert_eq!(asks(&[host], &Method::POST), Ok(()));
    }

    #[test]
    fn only_the_right_secret_makes_a_node() {
        let secret = "0123456789abcdef0123456789abcdef";
        let cluster = ClusterSecret::new(secret).unwrap();
        assert!(ClusterSecret::new("short").is_none());
        let mut headers = HeaderMap::new();
        assert!(!cluster.shown(&headers));
        headers.insert(
            super::super::cluster::SECRET,
            HeaderValue::from_static("0123456789abcdef0123456789abcdeF"),
        );
        assert!(!cluster.shown(&headers));
        headers.insert(super::super::cluster::SECRET, HeaderValue::from_static(secret));
        assert!(cluster.shown(&headers));
        let on_behalf = r#"{"tenant":"acme","actor":"alice","roles":["viewer"]}"#;
        headers.insert(super::super::cluster::ON_BEHALF, HeaderValue::from_static(on_behalf));
        assert_eq!(ClusterSecret::principal(&headers).unwrap().actor.as_str(), "alice");
    }
}
