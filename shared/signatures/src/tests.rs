//! Signatures that are accepted and signatures that are refused; also compared with the crate `standardwebhooks`.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    BadSecret, Delivery, HmacAlgorithm, HmacEncoding, HmacForm, Mode, Refusal, Scheme,
    check_secret, generate_secret, is_secret, sign,
};

const TOLERANCE: u32 = 300;

fn verify<'a>(
    scheme: impl Into<Scheme<'a>>,
    secrets: &[&str],
    now: i64,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<(), Refusal> {
    let secrets: Vec<SecretString> = secrets
        .iter()
        .map(|text| SecretString::from(*text))
        .collect();
    let header = |name: &str| {
        let (_, value) = headers.iter().find(|(known, _)| *known == name)?;
        Some(*value)
    };
    let delivery = Delivery {
        header: &header,
        body,
    };
    delivery.verify(scheme.into(), &secrets, TOLERANCE, now)
}

fn identity<'a>(
    scheme: impl Into<Scheme<'a>>,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<String> {
    let header = |name: &str| {
        let (_, value) = headers.iter().find(|(known, _)| *known == name)?;
        Some(*value)
    };
    let delivery = Delivery {
        header: &header,
        body,
    };
    delivery.identity(scheme.into())
}

// The vector of the Standard Webhooks libraries.
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
const SENT: i64 = 1_649_367_553;
const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
const SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn standard(signature: &str) -> [(&str, &str); 3] {
    [
        ("webhook-id", ID),
        ("webhook-timestamp", "1649367553"),
        ("webhook-signature", signature),
    ]
}

#[test]
fn standard_webhooks_own_vector_is_made_and_accepted() {
    let secret = SecretString::from(SECRET);
    assert_eq!(sign(&secret, ID, SENT, BODY).as_deref(), Some(SIGNATURE));
    let headers = standard(SIGNATURE);
    assert_eq!(
        verify(Mode::Standard, &[SECRET], SENT, &headers, BODY),
        Ok(())
    );
}

#[test]
fn either_secret_and_any_of_several_signatures_will_do() {
    let several = format!("v1a,AAAA v1,bm9uZQ== {SIGNATURE}");
    let headers = standard(&several);
    for secrets in [&[SECRET, OTHER], &[OTHER, SECRET]] {
        assert_eq!(
            verify(Mode::Standard, secrets, SENT, &headers, BODY),
            Ok(())
        );
    }
    assert_eq!(
        verify(Mode::Standard, &[OTHER], SENT, &headers, BODY),
        Err(Refusal::Mismatch)
    );
}

#[test]
fn the_tolerance_holds_both_ways_and_to_the_second() {
    let headers = standard(SIGNATURE);
    let at = |now| verify(Mode::Standard, &[SECRET], now, &headers, BODY);
    let tolerance = TOLERANCE;
    assert_eq!(at(SENT + 300), Ok(()));
    assert_eq!(at(SENT + 301), Err(Refusal::TooOld { tolerance }));
    assert_eq!(at(SENT - 300), Ok(()));
    assert_eq!(at(SENT - 301), Err(Refusal::TooEarly { tolerance }));
    // A sender without the secret does not learn that the time was wrong.
    let strange = verify(Mode::Standard, &[OTHER], SENT + 301, &headers, BODY);
    assert_eq!(strange, Err(Refusal::Mismatch));
}

#[test]
fn what_is_signed_is_id_time_and_every_byte() {
    let signed = standard(SIGNATURE);
    for (index, value) in [(0, "msg_other"), (1, "1649367554")] {
        let mut headers = signed;
        headers[index].1 = value;
        let refused = verify(Mode::Standard, &[SECRET], SENT, &headers, BODY);
        assert_eq!(refused, Err(Refusal::Mismatch), "{value}");
    }
    let spaced = br#"{"email": "test@example.com","username":"test_user"}"#;
    assert_eq!(
        verify(Mode::Standard, &[SECRET], SENT, &signed, spaced),
        Err(Refusal::Mismatch)
    );
    let bytes = [0xff, 0x00, 0xfe];
    let secret = SecretString::from(SECRET);
    let signature = sign(&secret, ID, SENT, &bytes).unwrap();
    let headers = standard(&signature);
    assert_eq!(
        verify(Mode::Standard, &[SECRET], SENT, &headers, &bytes),
        Ok(())
    );
}

#[test]
fn missing_and_broken_headers_are_named() {
    let signed = standard(SIGNATURE);
    for missing in 0..3 {
        let left: Vec<_> = signed
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != missing)
            .map(|(_, header)| *header)
            .collect();
        assert_eq!(
            verify(Mode::Standard, &[SECRET], SENT, &left, BODY),
            Err(Refusal::missing(signed[missing].0))
        );
    }
    for broken in ["", "v1,", "v1,***", "v2,AAAA", "AAAA"] {
        let refused = verify(Mode::Standard, &[SECRET], SENT, &standard(broken), BODY);
        assert!(
            matches!(refused, Err(Refusal::Malformed(_) | Refusal::Mismatch)),
            "{broken}: {refused:?}"
        );
    }
    for (mode, header) in [
        (Mode::Github, "x-hub-signature-256"),
        (Mode::Stripe, "stripe-signature"),
        (Mode::Bearer, "authorization"),
    ] {
        let missing = verify(mode, &["a secret of theirs"], SENT, &[], BODY);
        assert_eq!(missing, Err(Refusal::missing(header)));
        for broken in [
            "",
            "x",
            "sha256=xyz",
            "t=1",
            "v1=00",
            "t=x,v1=00",
            "Basic abc",
        ] {
            let refused = verify(
                mode,
                &["a secret of theirs"],
                SENT,
                &[(header, broken)],
                BODY,
            );
            assert_eq!(refused, Err(Refusal::malformed(header)), "{broken}");
        }
    }
}

// From GitHub's documentation, "Validating webhook deliveries".
#[test]
fn githubs_own_vector_is_accepted_and_nothing_near_it() {
    let secret = "It's a Secret to Everybody";
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let headers = [("x-hub-signature-256", signature)];
    let good = |secrets: &[&str], body: &[u8]| verify(Mode::Github, secrets, 0, &headers, body);
    assert_eq!(good(&[secret], b"Hello, World!"), Ok(()));
    assert_eq!(good(&["another secret", secret], b"Hello, World!"), Ok(()));
    assert_eq!(good(&[secret], b"Hello, World"), Err(Refusal::Mismatch));
    assert_eq!(
        good(&["another secret"], b"Hello, World!"),
        Err(Refusal::Mismatch)
    );
    let short = [("x-hub-signature-256", "sha256=757107ea")];
    assert_eq!(
        verify(Mode::Github, &[secret], 0, &short, b"Hello, World!"),
        Err(Refusal::Mismatch)
    );
}

// HMAC-SHA256 of `1492774577.{"id":"evt_1"}`, made with OpenSSL.
#[test]
fn stripes_scheme_is_accepted_within_its_time() {
    let secret = "whsec_stripe_test_secret";
    let body = br#"{"id":"evt_1"}"#;
    let code = "56facc3c80856a8e9af1e425a0ac2b575b11325a06cf6bd2eaf565917e60f4fb";
    let header = format!("t=1492774577,v1=00ff,v1={code},v0=6ffbb59b2300aae63f272406069a9788");
    let headers = [("stripe-signature", header.as_str())];
    let at = |now, secret| verify(Mode::Stripe, &[secret], now, &headers, body);
    let tolerance = TOLERANCE;
    assert_eq!(at(1_492_774_577, secret), Ok(()));
    assert_eq!(
        at(1_492_774_878, secret),
        Err(Refusal::TooOld { tolerance })
    );
    assert_eq!(
        at(1_492_774_276, secret),
        Err(Refusal::TooEarly { tolerance })
    );
    assert_eq!(
        at(1_492_774_577, "whsec_other_secret"),
        Err(Refusal::Mismatch)
    );
    let test_only = format!("t=1492774577,v0={code}");
    assert_eq!(
        verify(
            Mode::Stripe,
            &[secret],
            1_492_774_577,
            &[("stripe-signature", &test_only)],
            body
        ),
        Err(Refusal::malformed("stripe-signature"))
    );
}

// From Svix's documentation, "Verifying Webhooks Manually".
#[test]
fn svix_names_its_headers_otherwise() {
    let secret = "whsec_plJ3nmyCDGBKInavdOK15jsl";
    let body = br#"{"event_type":"ping","data":{"success":true}}"#;
    let signature = "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=";
    let headers = [
        ("svix-id", "msg_loFOjxBNrRLzqYUf"),
        ("svix-timestamp", "1731705121"),
        ("svix-signature", signature),
    ];
    let sent = 1_731_705_121;
    let good = |headers: &[(&str, &str)]| verify(Mode::Standard, &[secret], sent, headers, body);
    assert_eq!(good(&headers), Ok(()));
    assert_eq!(
        identity(Mode::Standard, &headers, body).as_deref(),
        Some("msg_loFOjxBNrRLzqYUf")
    );
    assert_eq!(
        verify(Mode::Standard, &[secret], sent + 301, &headers, body),
        Err(Refusal::TooOld {
            tolerance: TOLERANCE
        })
    );
    // The id that counts is the one that the signature was checked with.
    let mut renamed = headers.to_vec();
    renamed.push(("webhook-id", "msg_other"));
    assert_eq!(good(&renamed), Err(Refusal::missing("webhook-timestamp")));
    renamed.push(("webhook-timestamp", "1731705121"));
    renamed.push(("webhook-signature", signature));
    assert_eq!(good(&renamed), Err(Refusal::Mismatch));
    for missing in 1..3 {
        let mut left = headers.to_vec();
        let (name, _) = left.remove(missing);
        assert_eq!(good(&left), Err(Refusal::missing(name)));
    }
}

// From Slack's documentation, "Verifying requests from Slack".
#[test]
fn slacks_own_vector_is_accepted_within_its_time() {
    let secret = "8f742231b10e8888abcd99yyyzzz85a5";
    let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
        &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
        &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands\
        %2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
        &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    let headers = [
        ("x-slack-request-timestamp", "1531420618"),
        ("x-slack-signature", signature),
    ];
    let sent = 1_531_420_618;
    let tolerance = TOLERANCE;
    let at = |now, secret, body: &[u8]| verify(Mode::Slack, &[secret], now, &headers, body);
    assert_eq!(at(sent, secret, body), Ok(()));
    assert_eq!(
        at(sent + 301, secret, body),
        Err(Refusal::TooOld { tolerance })
    );
    assert_eq!(
        at(sent - 301, secret, body),
        Err(Refusal::TooEarly { tolerance })
    );
    let other = "a-signing-secret-of-another-app";
    assert_eq!(at(sent, other, body), Err(Refusal::Mismatch));
    assert_eq!(at(sent, secret, b"token=other"), Err(Refusal::Mismatch));
    for (name, value, refusal) in [
        (
            "x-slack-request-timestamp",
            "soon",
            Refusal::malformed("x-slack-request-timestamp"),
        ),
        ("x-slack-request-timestamp", "1531420619", Refusal::Mismatch),
        (
            "x-slack-signature",
            "v1=a2114d57",
            Refusal::malformed("x-slack-signature"),
        ),
    ] {
        let changed = headers.map(|header| {
            if header.0 == name {
                (name, value)
            } else {
                header
            }
        });
        assert_eq!(
            verify(Mode::Slack, &[secret], sent, &changed, body),
            Err(refusal)
        );
    }
    assert_eq!(
        verify(Mode::Slack, &[secret], sent, &headers[..1], body),
        Err(Refusal::missing("x-slack-signature"))
    );
}

#[test]
fn only_slacks_question_for_the_address_has_a_challenge() {
    let question = br#"{"token":"t","challenge":"3eZbrw1aB","type":"url_verification"}"#;
    let challenge = |mode: Mode, body: &[u8]| {
        let header = |_: &str| None;
        let header = &header;
        Delivery { header, body }.challenge(mode)
    };
    assert_eq!(
        challenge(Mode::Slack, question).as_deref(),
        Some("3eZbrw1aB")
    );
    assert_eq!(challenge(Mode::Github, question), None);
    for other in [
        &br#"{"challenge":"3eZbrw1aB","type":"event_callback"}"#[..],
        br#"{"type":"url_verification"}"#,
        br#"{"type":"url_verification","challenge":1}"#,
        b"challenge=3eZbrw1aB&type=url_verification",
        b"",
    ] {
        assert_eq!(challenge(Mode::Slack, other), None);
    }
    let event = br#"{"type":"event_callback","event_id":"Ev123ABC456"}"#;
    assert_eq!(
        identity(Mode::Slack, &[("idempotency-key", "key")], event).as_deref(),
        Some("Ev123ABC456")
    );
}

fn hmac(header: &str, algorithm: HmacAlgorithm, encoding: HmacEncoding, prefix: &str) -> HmacForm {
    HmacForm {
        header: header.to_owned(),
        algorithm,
        encoding,
        prefix: prefix.to_owned(),
        id_header: None,
    }
}

// The second test case of RFC 2202 and RFC 4231, whose key is too short for a webhook here but good for the check.
#[test]
fn hmacs_are_taken_in_the_form_that_is_given() {
    use HmacAlgorithm::{Sha1, Sha256, Sha512};
    use HmacEncoding::{Base64, Hex};
    let body = b"what do ya want for nothing?";
    for (form, value) in [
        (
            hmac("x-hub-signature", Sha1, Hex, "sha1="),
            "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ),
        // As Linear and Sentry write it.
        (
            hmac("linear-signature", Sha256, Hex, ""),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            hmac("sentry-hook-signature", Sha256, Hex, ""),
            "5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843",
        ),
        // As Shopify writes it.
        (
            hmac("x-shopify-hmac-sha256", Sha256, Base64, ""),
            "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=",
        ),
        (
            hmac("x-signature", Sha512, Hex, ""),
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ] {
        let headers = [(form.header.as_str(), value)];
        let with = |secret, headers: &[(&str, &str)], body: &[u8]| {
            let scheme = Scheme {
                mode: Mode::Hmac,
                hmac: Some(&form),
            };
            verify(scheme, &[secret], 0, headers, body)
        };
        assert_eq!(with("Jefe", &headers, body), Ok(()), "{form:?}");
        assert_eq!(with("Jeff", &headers, body), Err(Refusal::Mismatch));
        assert_eq!(with("Jefe", &headers, b"other"), Err(Refusal::Mismatch));
        let missing = Err(Refusal::Missing(form.header.clone().into()));
        assert_eq!(with("Jefe", &[], body), missing);
        let malformed = Err(Refusal::Malformed(form.header.clone().into()));
        let broken = format!("{value}!");
        assert_eq!(
            with("Jefe", &[(form.header.as_str(), broken.as_str())], body),
            malformed
        );
        if let Some(bare) = value.strip_prefix("sha1=") {
            assert_eq!(
                with("Jefe", &[(form.header.as_str(), bare)], body),
                malformed
            );
        }
    }
    // A record without the form lets nobody in.
    let headers = [("x-signature", "00")];
    assert_eq!(
        verify(Mode::Hmac, &["Jefe"], 0, &headers, body),
        Err(Refusal::Mismatch)
    );
}

#[test]
fn the_form_of_an_hmac_is_checked_and_names_the_id() {
    let mut form = hmac(
        "X-Shopify-Hmac-SHA256",
        HmacAlgorithm::Sha256,
        HmacEncoding::Base64,
        "",
    );
    form.id_header = Some("X-Shopify-Webhook-Id".to_owned());
    assert_eq!(form.faults(), []);
    let form = form.in_lower_case();
    assert_eq!(form.header, "x-shopify-hmac-sha256");
    let scheme = Scheme {
        mode: Mode::Hmac,
        hmac: Some(&form),
    };
    let key = ("idempotency-key", "key");
    let own = ("x-shopify-webhook-id", "b54557e4");
    assert_eq!(
        identity(scheme, &[key, own], b"").as_deref(),
        Some("b54557e4")
    );
    assert_eq!(identity(scheme, &[key], b"").as_deref(), Some("key"));
    let mut bad = hmac(
        "a header",
        HmacAlgorithm::Sha1,
        HmacEncoding::Hex,
        "with space ",
    );
    bad.id_header = Some(String::new());
    let places: Vec<&str> = bad.faults().into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["header", "idHeader", "prefix"]);
}

#[test]
fn a_bearer_token_is_one_of_the_secrets() {
    let at = |value| {
        let headers = [("authorization", value)];
        verify(
            Mode::Bearer,
            &["new-token-new-token", "old-token-old-token"],
            0,
            &headers,
            b"",
        )
    };
    assert_eq!(at("Bearer new-token-new-token"), Ok(()));
    assert_eq!(at("bearer  old-token-old-token"), Ok(()));
    assert_eq!(at("Bearer new-token-new-toke"), Err(Refusal::Mismatch));
    assert_eq!(at("Bearer "), Err(Refusal::malformed("authorization")));
}

#[test]
fn what_is_signed_comes_first_as_identity() {
    let all = [
        ("idempotency-key", "key"),
        ("webhook-id", "msg"),
        ("x-github-delivery", "guid"),
    ];
    let event = br#"{"id":"evt_1"}"#;
    for (mode, want) in [
        (Mode::Standard, "msg"),
        (Mode::Github, "guid"),
        (Mode::Stripe, "evt_1"),
        (Mode::Bearer, "key"),
        (Mode::None, "key"),
    ] {
        assert_eq!(identity(mode, &all, event).as_deref(), Some(want));
        assert_eq!(identity(mode, &[], b"{}"), None);
    }
    assert_eq!(identity(Mode::Stripe, &all, b"{}").as_deref(), Some("key"));
    assert_eq!(
        identity(Mode::None, &all[1..], b"{}").as_deref(),
        Some("msg")
    );
}

#[test]
fn made_secrets_fit_and_brought_ones_are_checked() {
    for mode in [Mode::Standard, Mode::Github, Mode::Hmac, Mode::Bearer] {
        let (one, other) = (
            generate_secret(mode).unwrap(),
            generate_secret(mode).unwrap(),
        );
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert_eq!(check_secret(mode, &one), Ok(()));
    }
    for (mode, text, want) in [
        (Mode::Standard, SECRET, Ok(())),
        (Mode::Standard, "whsec_c2hvcnQ=", Err(BadSecret::Standard)),
        (
            Mode::Standard,
            "not base64 at all!",
            Err(BadSecret::Standard),
        ),
        (Mode::Github, "It's a Secret to Everybody", Ok(())),
        (Mode::Github, "short", Err(BadSecret::Text)),
        (
            Mode::Stripe,
            "sechzehn Zeichen \u{e4}",
            Err(BadSecret::Text),
        ),
        (Mode::Bearer, "a token with a space", Err(BadSecret::Token)),
        (Mode::None, "a secret for nothing", Err(BadSecret::None)),
    ] {
        assert_eq!(
            check_secret(mode, &SecretString::from(text)),
            want,
            "{text}"
        );
    }
}

/// The specification's own library takes what is signed here, and what it signs is taken here.
#[test]
fn standard_webhooks_own_library_agrees() {
    let theirs = standardwebhooks::Webhook::new(SECRET).unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let now = i64::try_from(now).unwrap();
    let time = now.to_string();
    let signature = theirs.sign(ID, now, BODY).unwrap();
    let headers = [
        ("webhook-id", ID),
        ("webhook-timestamp", time.as_str()),
        ("webhook-signature", signature.as_str()),
    ];
    assert_eq!(
        verify(Mode::Standard, &[SECRET], now, &headers, BODY),
        Ok(())
    );

    let ours = sign(&SecretString::from(SECRET), ID, now, BODY).unwrap();
    let mut headers = http::HeaderMap::new();
    for (name, value) in [
        ("webhook-id", ID),
        ("webhook-timestamp", &time),
        ("webhook-signature", &ours),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    assert!(theirs.verify(BODY, &headers).is_ok());
}

#[test]
fn a_text_is_the_secret_only_where_every_byte_is_the_same() {
    let long = "a".repeat(256);
    for secret in ["", "a", "another secret", &long] {
        let kept = SecretString::from(secret);
        assert!(is_secret(secret, &kept), "{secret}");
        for other in [
            format!("{secret}b"),
            format!("b{secret}"),
            secret.to_uppercase() + "\0",
        ] {
            assert!(!is_secret(&other, &kept), "{other} is not {secret}");
        }
    }
    assert!(!is_secret("", &SecretString::from("a")));
}

#[test]
fn an_id_that_no_signature_ties_to_the_body_comes_with_a_hash_of_the_request() {
    let fingerprint = |mode: Mode, body: &[u8], others: &[&str]| {
        let header = |_: &str| None;
        let delivery = Delivery {
            header: &header,
            body,
        };
        delivery.fingerprint(mode, others)
    };
    for mode in [Mode::Standard, Mode::Github, Mode::Stripe] {
        assert_eq!(fingerprint(mode, b"{}", &[""]), None);
    }
    for mode in [Mode::Bearer, Mode::None] {
        let first = fingerprint(mode, b"{}", &["https://a/"]);
        assert!(first.is_some());
        assert_eq!(fingerprint(mode, b"{}", &["https://a/"]), first);
        assert_ne!(fingerprint(mode, b"{ }", &["https://a/"]), first);
        assert_ne!(fingerprint(mode, b"{}", &["https://b/"]), first);
        assert_ne!(fingerprint(mode, b"{}https://a/", &[""]), first);
    }
}
