//! No spelling of an address leads to what is not public, but for the hosts that the deployment allows.

use serde_json::{Value, json};

use super::page::Page;
use super::{function, tried};

/// What hosts' names lead to.
const NAMES: &str = "private.test=10.0.0.1;loopback.test=127.0.0.1;loopback6.test=::1;metadata.test=169.254.169.254;\
                     metadata6.test=fd00:ec2::254;mapped.test=::ffff:127.0.0.1;shared.test=100.64.0.1;\
                     xn--bcher-kva.test=127.0.0.1;all.test=127.0.0.1+::1+10.0.0.1;teredo.test=2001::7f00:1;\
                     unspecified.test=0.0.0.0;unspecified6.test=::;relay.test=2002:7f00:1::1;nat.test=64:ff9b::7f00:1";

/// Hosts as they may stand in an address; `PORT` is where a page of the test is served on 127.0.0.1.
const HOSTS: [&str; 76] = [
    // 127.0.0.1, as browsers read it.
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7F.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.1.",
    "127.0.0.01",
    "127.000.000.001",
    "%31%32%37.0.0.1",
    "１２７.０.０.１",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "127.255.255.254",
    // Other addresses of IPv4.
    "0.0.0.0",
    "0",
    "0x0",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.170.2",
    "168.63.129.16",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    // IPv6.
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:0:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001::7f00:1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[100::1]",
    "[5f00::1]",
    // Names.
    "localhost",
    "LOCALHOST",
    "loopback.test.",
    "private.test",
    "PRIVATE.test.",
    "loopback.test",
    "loopback6.test",
    "metadata6.test",
    "mapped.test",
    "shared.test",
    "bücher.test",
    "all.test",
    "teredo.test",
    "nat.test",
];

/// Whole addresses that are refused; `PORT` as above.
const ADDRESSES: [&str; 22] = [
    "http://example.com@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT@example.com/",
    "http://user:pass@localhost:PORT/",
    "http://@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT#@example.com/",
    "http://127.0.0.1:PORT?@example.com/",
    "http:127.0.0.1:PORT/",
    "http:///127.0.0.1:PORT/",
    "http:\\\\127.0.0.1:PORT\\",
    "http://127.0.0.1:PORT\\@example.com/",
    "HTTP://LocalHost:PORT/",
    "http://metadata.test/latest/meta-data/",
    "http://unspecified.test:PORT/",
    "http://unspecified6.test:PORT/",
    "http://relay.test:PORT/",
    "https://127.0.0.1:PORT/",
    "https://loopback.test:PORT/",
    "ftp://127.0.0.1:PORT/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/_GET",
    "data:text/plain,hello",
    "unix:/var/run/docker.sock",
];

/// Texts that are no address at all.
const NO_ADDRESSES: [&str; 9] = [
    "",
    "127.0.0.1",
    "/local",
    "http://",
    "http://127.0.0.1 .example.com/",
    "http://exa mple.com/",
    "http://example.com/\r\nHost: localhost",
    "http://[::1",
    "http://a.test:99999/",
];

fn node() -> Value {
    json!({"url": "{{url}}", "timeoutSeconds": 20})
}

#[tokio::test]
async fn every_spelling_of_an_address_that_is_not_public_is_refused() {
    let page = Page::new().await;
    let (_sandbox, function) = function(&[("LOCAL_NAMES", NAMES)]).await;
    let port = page.port.to_string();
    let hosts = HOSTS.iter().map(|host| format!("http://{host}:PORT/"));
    let all = hosts.chain(ADDRESSES.iter().map(|address| (*address).to_owned()));
    let mut refused = 0;
    for address in all {
        let url = address.replace("PORT", &port);
        let answer = tried(&function, node(), json!({"url": url})).await;
        assert_eq!(answer["errorType"], "HttpAddressRefused", "{url}: {answer}");
        refused += 1;
    }
    assert!(refused > 90);
    for url in NO_ADDRESSES {
        let answer = tried(&function, node(), json!({"url": url})).await;
        assert_eq!(answer["errorType"], "HttpRequestInvalid", "{url}: {answer}");
    }
    assert_eq!(page.seen().len(), 0, "{:#?}", page.seen());
}

#[tokio::test]
async fn every_such_address_is_refused_after_a_redirect_too() {
    let page = Page::new().await;
    let allowed = format!("localhost:{}", page.port);
    let environment = [("LOCAL_NAMES", NAMES), ("HTTP_HOSTS", allowed.as_str())];
    let (_sandbox, function) = function(&environment).await;
    let port = page.port.to_string();
    let hosts = HOSTS
        .iter()
        .filter(|host| !host.to_lowercase().starts_with("localhost"));
    let hosts = hosts.map(|host| format!("http://{host}:PORT/not-public"));
    // Without two slashes it is a path on the same host.
    let addresses = ADDRESSES.iter().filter(|address| {
        let is_relative = address.starts_with("http:") && !address.starts_with("http://");
        !is_relative && !address.contains("LocalHost")
    });
    let all = hosts.chain(addresses.map(|address| (*address).to_owned()));
    for (index, address) in all.enumerate() {
        let to = address.replace("PORT", &port);
        if !to.is_ascii() {
            // A header has none of these letters: a redirect spells them otherwise.
            continue;
        }
        let status = [301, 302, 303, 307, 308][index % 5];
        let node = json!({
            "url": page.url(&format!("/redirect/{status}")), "query": {"to": "{{to}}"},
            "headers": {"X-Own": "own"},
        });
        let answer = tried(&function, node, json!({"to": to})).await;
        assert_eq!(answer["errorType"], "HttpAddressRefused", "{to}: {answer}");
    }
    // Another port of the allowed host is another place.
    let other = Page::new().await;
    for to in [other.url("/x"), format!("//localhost:{}/x", other.port)] {
        let node = json!({"url": page.url("/redirect/302"), "query": {"to": to}});
        let answer = tried(&function, node, json!({})).await;
        assert_eq!(answer["errorType"], "HttpAddressRefused", "{to}: {answer}");
    }
    assert_eq!(other.seen().len(), 0);
    let paths: Vec<Value> = page
        .seen()
        .iter()
        .map(|seen| seen["path"].clone())
        .collect();
    let is_redirect = |path: &Value| path.as_str().unwrap().starts_with("/redirect/");
    assert!(paths.iter().all(is_redirect), "{paths:?}");
}

#[tokio::test]
async fn a_name_that_answers_otherwise_a_moment_later_leads_nowhere() {
    let page = Page::new().await;
    // The first answer is public, so it is checked and found good; the second is what a hostile name server says to
    // whoever asks again to connect.
    let names = "turns.test=3ffe::1>127.0.0.1;mixed.test=127.0.0.1+3ffe::1";
    let (_sandbox, function) = function(&[("LOCAL_NAMES", names)]).await;
    let at =
        |name: &str| json!({"url": format!("http://{name}:{}/", page.port), "timeoutSeconds": 2});
    let first = tried(&function, at("turns.test"), json!({})).await;
    assert!(
        first["errorType"] != "HttpAddressRefused" && first["output"].is_null(),
        "{first}"
    );
    let second = tried(&function, at("turns.test"), json!({})).await;
    assert_eq!(second["errorType"], "HttpAddressRefused", "{second}");
    let mixed = tried(&function, at("mixed.test"), json!({})).await;
    assert!(mixed["output"].is_null(), "{mixed}");
    assert_eq!(page.seen().len(), 0, "{:#?}", page.seen());
}

#[tokio::test]
async fn a_host_that_the_deployment_allows_is_let_through_and_no_other_is() {
    let page = Page::new().await;
    let other = Page::new().await;
    let allowed = format!(
        "localhost:{0}, own.test, 127.0.0.1:{0}, [::ffff:127.0.0.1]",
        page.port
    );
    let names = "own.test=127.0.0.1;not-own.test=127.0.0.1";
    let environment = [("LOCAL_NAMES", names), ("HTTP_HOSTS", allowed.as_str())];
    let (_sandbox, function) = function(&environment).await;
    for (host, port, is_let_through) in [
        ("localhost", page.port, true),
        ("LOCALHOST", page.port, true),
        ("own.test.", page.port, true),
        ("127.0.0.1", page.port, true),
        ("0x7f.1", page.port, true),
        ("own.test", page.port, true),
        ("own.test", other.port, true),
        ("localhost", other.port, false),
        ("127.0.0.1", other.port, false),
        ("not-own.test", page.port, false),
        ("a.own.test", page.port, false),
        ("127.0.0.2", page.port, false),
    ] {
        let url = format!("http://{host}:{port}/x");
        let answer = tried(
            &function,
            json!({"url": url, "retry": {"maxAttempts": 1}}),
            json!({}),
        )
        .await;
        let data = &answer["output"]["data"];
        assert_eq!(data == "here", is_let_through, "{url}: {answer}");
    }
}

#[tokio::test]
async fn no_proxy_of_the_environment_is_used() {
    let (page, proxy) = (Page::new().await, Page::new().await);
    let address = format!("http://127.0.0.1:{}", proxy.port);
    let environment = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let environment = environment.map(|name| (name, address.as_str()));
    let more = [("HTTP_HOSTS", "localhost"), ("NO_PROXY", "")];
    let (_sandbox, function) = function(&[&environment[..], &more[..]].concat()).await;
    let answer = tried(&function, json!({"url": page.url("/x")}), json!({})).await;
    assert_eq!(answer["output"]["data"], "here", "{answer}");
    assert_eq!((page.seen().len(), proxy.seen().len()), (1, 0));
}
