//! Which addresses are public: a table of the ones that are not.

use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;

/// Addresses that no request may go to, each with what they are. Of IPv6 only `2000::/3` is given out to the public: what
/// lies outside of it and has no line here is refused too. See IANA's registries of special-purpose addresses.
const NOT_PUBLIC: [(&str, &str); 40] = [
    ("0.0.0.0/8", "an address of this machine"),
    ("10.0.0.0/8", "a private address"),
    (
        "100.64.0.0/10",
        "an address shared within a provider's network",
    ),
    ("127.0.0.0/8", "a loopback address"),
    (
        "169.254.0.0/16",
        "a link-local address, where a machine's metadata is",
    ),
    ("172.16.0.0/12", "a private address"),
    ("192.0.0.0/24", "an address of a protocol"),
    ("192.0.2.0/24", "an address for documentation"),
    ("192.31.196.0/24", "an address of a protocol"),
    ("192.52.193.0/24", "an address of a protocol"),
    ("192.88.99.0/24", "a 6to4 relay"),
    ("192.168.0.0/16", "a private address"),
    ("192.175.48.0/24", "an address of a protocol"),
    (
        "168.63.129.16/32",
        "an address where a machine's metadata is",
    ),
    ("198.18.0.0/15", "an address for benchmarks"),
    ("198.51.100.0/24", "an address for documentation"),
    ("203.0.113.0/24", "an address for documentation"),
    ("224.0.0.0/4", "a multicast address"),
    ("255.255.255.255/32", "the broadcast address"),
    ("240.0.0.0/4", "a reserved address"),
    ("::/128", "the unspecified address"),
    ("::1/128", "a loopback address"),
    ("::ffff:0:0/96", "an address of IPv4 within one of IPv6"),
    ("::ffff:0:0:0/96", "an address of IPv4 within one of IPv6"),
    ("::/96", "an address of IPv4 within one of IPv6"),
    (
        "64:ff9b::/96",
        "an address of IPv4 within one of IPv6 (NAT64)",
    ),
    (
        "64:ff9b:1::/48",
        "an address of IPv4 within one of IPv6 (NAT64)",
    ),
    ("100::/64", "an address that discards"),
    (
        "2001::/32",
        "an address of IPv4 within one of IPv6 (Teredo)",
    ),
    ("2001:2::/48", "an address for benchmarks"),
    ("2001::/23", "an address of a protocol"),
    ("2001:db8::/32", "an address for documentation"),
    ("2002::/16", "an address of IPv4 within one of IPv6 (6to4)"),
    ("2620:4f:8000::/48", "an address of a protocol"),
    ("3fff::/20", "an address for documentation"),
    ("5f00::/16", "an address of a protocol"),
    ("fc00::/7", "a private address"),
    ("fe80::/10", "a link-local address"),
    ("fec0::/10", "a private address"),
    ("ff00::/8", "a multicast address"),
];

/// The addresses of IPv6 that are given out to the public.
const GIVEN_OUT: &str = "2000::/3";

struct Table {
    not_public: Vec<(IpNet, &'static str)>,
    given_out: Option<IpNet>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table {
    not_public: NOT_PUBLIC
        .iter()
        .filter_map(|(net, what)| Some((net.parse().ok()?, *what)))
        .collect(),
    given_out: GIVEN_OUT.parse().ok(),
});

/// What the address is, where it is not a public one; `None` for a public one.
#[must_use]
pub fn not_public(address: IpAddr) -> Option<&'static str> {
    let listed = TABLE
        .not_public
        .iter()
        .find(|(net, _)| net.contains(&address))
        .map(|(_, what)| *what);
    listed.or_else(|| {
        let is_given_out = address.is_ipv4()
            || TABLE
                .given_out
                .as_ref()
                .is_some_and(|net| net.contains(&address));
        (!is_given_out).then_some("no address that is given out to the public")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_can_be_read() {
        assert_eq!(TABLE.not_public.len(), NOT_PUBLIC.len());
        assert!(TABLE.given_out.is_some());
    }

    #[test]
    fn both_ends_of_every_line_are_refused_and_what_lies_beside_the_lines_of_ipv4_is_not() {
        for (net, _) in &TABLE.not_public {
            for end in [net.network(), net.broadcast()] {
                assert!(not_public(end).is_some(), "{end}");
            }
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.114.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2001:db7:ffff::1",
            "2003::1",
            "2606:4700:4700::1111",
            "3ffe::1",
        ] {
            assert_eq!(not_public(public.parse().unwrap()), None, "{public}");
        }
    }

    #[test]
    fn no_address_of_ipv4_comes_through_within_one_of_ipv6() {
        for refused in [
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001:0:7f00:1::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "1::1",
            "::2",
            "8000::1",
        ] {
            assert!(not_public(refused.parse().unwrap()).is_some(), "{refused}");
        }
    }
}
