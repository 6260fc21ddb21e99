//! Who may ask for what: names under which this server may be asked, and the token.
//!
//! On loopback whoever has an account on this machine may look. What changes a run needs the token always, and so does
//! every look from elsewhere; the page itself and whether the process is well need none, since they tell nothing of the
//! run. Which methods an address takes is told to whoever uses another, with or without a token. Pages of other sites can
//! do nothing here: their requests bear another name (DNS rebinding) or no token.

use super::answer::Problem;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hatchery_actors::cluster::{Cookie, CookieError};
use std::{net::IpAddr, path::PathBuf, sync::Arc};

/// What anybody may ask for.
const PUBLIC: [&str; 6] = ["/healthz", "/readyz", "/", "/app.js", "/style.css", "/favicon.ico"];

/// Who may ask for what.
#[derive(Clone, Debug)]
pub struct Access {
    /// What is to be known; without one nothing may be changed.
    token: Option<(Arc<str>, PathBuf)>,
    is_loopback: bool,
}

impl Access {
    /// On an address of this machine. The token's file is made where it is missing; where none is named, nobody has one.
    ///
    /// # Errors
    /// Where the file can neither be made nor read, or others may read it.
    pub fn new(ip: IpAddr, token_file: Option<PathBuf>) -> Result<Self, CookieError> {
        let token = match token_file {
            Some(path) => Some((Cookie::create(&path)?.hex().into(), path)),
            None => None,
        };
        Ok(Self { token, is_loopback: ip.is_loopback() })
    }

    fn check_name(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if self.is_loopback && !is_loopback_name(headers) { Err(Problem::foreign_host()) } else { Ok(()) }
    }

    fn check(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Problem> {
        self.check_name(headers)?;
        let is_look = *method == Method::GET || *method == Method::HEAD;
        if is_look && (self.is_loopback || PUBLIC.contains(&path)) || self.is_shown(headers) {
            return Ok(());
        }
        Err(Problem::unauthorized(match &self.token {
            Some((_, path)) => format!("send it as Authorization: Bearer TOKEN; it is in {}", path.display()),
            None => "this node was given no --http-token-file: nothing can be changed here".to_owned(),
        }))
    }

    /// Whether the request bears the token.
    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        let shown =
            shown.split_at_checked(BEARER.len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(BEARER));
        match (&self.token, shown) {
            (Some((token, _)), Some((_, shown))) => is_equal(token.as_bytes(), shown.trim_ascii()),
            _ => false,
        }
    }
}

/// How a header with a token begins.
const BEARER: &[u8] = b"Bearer ";

/// Takes as long for a wrong token as for the right one.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let differ = one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other));
    one.len() == other.len() && std::hint::black_box(differ) == 0
}

/// Whether the server is asked as what it is: this machine, from this machine.
fn is_loopback_name(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(name, _)| name),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Lets through who may. To stand before all that answers, but not before what says that a method is not taken: no token
/// would help there, and nothing of a run is told.
pub async fn guard(State(access): State<Access>, request: Request, next: Next) -> Response {
    match access.check(request.method(), request.uri().path(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Lets through who asks under a name of this server; says of every answer that it is only what it says it is.
pub async fn receive(State(access): State<Access>, request: Request, next: Next) -> Response {
    let mut response = match access.check_name(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(nothing);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn access(ip: &str) -> Access {
        Access { token: Some(("secret".into(), "run/token".into())), is_loopback: ip.starts_with("127") }
    }

    #[test]
    fn on_loopback_all_may_look_and_changes_need_the_token() {
        let local = access("127.0.0.1");
        let bare = headers(&[(header::HOST, "localhost:9100")]);
        let shown = headers(&[(header::HOST, "127.0.0.1:9100"), (header::AUTHORIZATION, "bearer secret")]);
        local.check(&Method::GET, "/api/v1/run", &bare).unwrap();
        local.check(&Method::POST, "/api/v1/run/stop", &shown).unwrap();
        for wrong in [bare, headers(&[(header::HOST, "[::1]"), (header::AUTHORIZATION, "Bearer secre")])] {
            let refused = local.check(&Method::POST, "/api/v1/run/stop", &wrong).unwrap_err();
            assert_eq!(refused.into_response().status(), 401);
        }
    }

    #[test]
    fn names_of_other_machines_are_refused_on_loopback() {
        for host in
            ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "192.0.2.1", "[::2]", ""]
        {
            let refused =
                access("127.0.0.1").check(&Method::GET, "/metrics", &headers(&[(header::HOST, host)]));
            assert_eq!(refused.unwrap_err().into_response().status(), 403, "{host}");
        }
        assert!(access("127.0.0.1").check(&Method::GET, "/metrics", &HeaderMap::new()).is_err());
    }

    #[test]
    fn from_elsewhere_every_look_needs_the_token_but_the_page_and_the_process_s_health() {
        let open = access("0.0.0.0");
        let bare = headers(&[(header::HOST, "node1:9100")]);
        for path in PUBLIC {
            open.check(&Method::GET, path, &bare).unwrap();
        }
        for path in ["/metrics", "/api/v1/run", "/api/v1/events", "/healthz/", "//"] {
            assert!(open.check(&Method::GET, path, &bare).is_err(), "{path}");
        }
        let basic = headers(&[(header::AUTHORIZATION, "Basic secret")]);
        assert!(open.check(&Method::GET, "/metrics", &basic).is_err());
        open.check(&Method::GET, "/metrics", &headers(&[(header::AUTHORIZATION, "Bearer secret")])).unwrap();
    }
}
