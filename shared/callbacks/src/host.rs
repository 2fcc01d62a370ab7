//! Whom an address belongs to.

use url::Url;

/// The host of an address, with its port: `example.com:443`. Empty where the text is no address.
pub fn host_of(url: &str) -> String {
    let Ok(url) = Url::parse(url) else {
        return String::new();
    };
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn addresses_of_one_host_have_it_in_common() {
        for url in ["https://Example.com/a?b=c", "https://example.com:443/other"] {
            assert_eq!(host_of(url), "example.com:443");
        }
        assert_eq!(host_of("http://localhost:9000/x"), "localhost:9000");
        assert_eq!(host_of("nonsense"), "");
    }
}
