//! Scheme, host and port: what a secret may be sent to.

use url::Url;

/// Whether two URLs have the same scheme, host and port.
pub(crate) fn is_same_origin(one: &Url, other: &Url) -> bool {
    // An opaque origin, which no URL of http or https has, equals none but itself.
    one.origin() == other.origin()
}

/// The URL without what may hold a secret: user, path, query and fragment.
pub(crate) fn shown(url: &Url) -> String {
    url.origin().ascii_serialization()
}
