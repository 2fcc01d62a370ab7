//! The hosts that a deployment allows, whatever their addresses are.

use url::{Host, Url};

/// Hosts that may be called though their addresses are not public. Each is a name or an address, with a port or for every
/// port. No name stands for those below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<(Host, Option<u16>)>);

/// What is no list of hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host: it has to be a name or an address, with or without a port")]
pub struct InvalidHost(pub String);

impl AllowedHosts {
    /// Reads hosts with commas between them: `localhost, db.internal:8080, [::1]:9000, 10.0.0.7`.
    ///
    /// # Errors
    /// [`InvalidHost`].
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let entries = text.split(',').map(str::trim);
        entries
            .filter(|entry| !entry.is_empty())
            .map(|entry| host_and_port(entry).ok_or_else(|| InvalidHost(entry.to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the URL's host and port are among them.
    #[must_use]
    pub fn allow(&self, url: &Url) -> bool {
        let Some(host) = url.host().map(|host| plain(host.to_owned())) else {
            return false;
        };
        let port = url.port_or_known_default();
        self.0
            .iter()
            .any(|(allowed, only)| *allowed == host && (only.is_none() || *only == port))
    }
}

fn host_and_port(entry: &str) -> Option<(Host, Option<u16>)> {
    let split = match entry.rsplit_once(':') {
        // The colons of an address of IPv6 stand within brackets.
        Some((host, _)) if host.starts_with('[') && !host.ends_with(']') => None,
        split => split,
    };
    let (host, port) = match split {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (entry, None),
    };
    let host = plain(Host::parse(host).ok()?);
    // `*` is no wildcard, and a name that cannot be a host's would never be met.
    let can_be = !matches!(&host, Host::Domain(name) if name.is_empty() || name.contains('*'));
    can_be.then_some((host, port))
}

/// A name without the dot at its end, which says the same.
fn plain(host: Host) -> Host {
    match host {
        Host::Domain(name) => Host::Domain(name.trim_end_matches('.').to_owned()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(list: &str, url: &str) -> bool {
        AllowedHosts::parse(list)
            .unwrap()
            .allow(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_host_is_allowed_as_it_is_spelled_and_with_its_port() {
        for (list, url, allowed) in [
            ("localhost", "http://localhost:8080/x", true),
            ("localhost", "http://LOCALHOST./", true),
            ("localhost:8080", "http://localhost:8080/", true),
            ("localhost:8080", "http://localhost/", false),
            ("localhost:80", "http://localhost/", true),
            ("localhost:443", "https://localhost/", true),
            ("localhost", "http://127.0.0.1/", false),
            ("localhost", "http://a.localhost/", false),
            ("db.internal:8080, 10.0.0.7", "http://10.0.0.7:9/", true),
            ("10.0.0.7", "http://0x0a.7/", true),
            ("[::1]:9000", "http://[::1]:9000/", true),
            ("[::1]:9000", "http://[::1]:9001/", false),
            ("[::1]", "http://[0:0:0:0:0:0:0:1]/", true),
            ("bücher.example", "https://xn--bcher-kva.example/", true),
            ("", "http://localhost/", false),
        ] {
            assert_eq!(allow(list, url), allowed, "{list} {url}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for list in ["a b", "host:port", "http://host", "*", "host:70000", "::1"] {
            assert!(AllowedHosts::parse(list).is_err(), "{list}");
        }
        assert!(AllowedHosts::parse(" , ").unwrap().is_empty());
    }
}
