//! Any request at all is judged without a panic and within time and memory; what is signed is accepted, and nothing near it.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use secrecy::SecretString;

use crate::{Delivery, HmacAlgorithm, HmacEncoding, HmacForm, Mode, Refusal, Scheme, mac, sign};

const NOW: i64 = 1_700_000_000;
const TOLERANCE: u32 = 300;
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const SLOWEST: Duration = Duration::from_secs(1);

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(vec![
        Mode::Standard,
        Mode::Github,
        Mode::Stripe,
        Mode::Slack,
        Mode::Hmac,
        Mode::Bearer,
    ])
}

fn form() -> impl Strategy<Value = HmacForm> {
    let algorithm = prop::sample::select(vec![
        HmacAlgorithm::Sha1,
        HmacAlgorithm::Sha256,
        HmacAlgorithm::Sha512,
    ]);
    let encoding = prop::sample::select(vec![HmacEncoding::Hex, HmacEncoding::Base64]);
    (algorithm, encoding, "[!-~]{0,8}").prop_map(|(algorithm, encoding, prefix)| HmacForm {
        header: "x-signature".to_owned(),
        algorithm,
        encoding,
        prefix,
        id_header: Some("x-id".to_owned()),
    })
}

/// Headers that are read, with values that look like what they should have, or do not.
fn headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let name = prop::sample::select(vec![
        "authorization",
        "idempotency-key",
        "stripe-signature",
        "svix-id",
        "svix-signature",
        "svix-timestamp",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
        "x-github-delivery",
        "x-hub-signature-256",
        "x-id",
        "x-signature",
        "x-slack-request-timestamp",
        "x-slack-signature",
    ]);
    let value = prop_oneof![
        "\\PC{0,40}",
        "-?[0-9]{1,25}",
        "sha256=[0-9a-fA-F]{0,70}",
        "(v0=|v1,|v1=|t=|,| ){0,8}[0-9a-zA-Z+/=]{0,70}",
        "t=-?[0-9]{1,25}(,v1=[0-9a-f]{0,70}){0,5}",
        "(v1,[A-Za-z0-9+/]{0,44}={0,2} ?){0,5}",
        "[Bb]earer {0,3}[ -~]{0,40}",
    ];
    vec((name, value), 0..12)
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..200),
        "\\{\"(id|event_id|type|challenge)\":\"?[a-z_0-9\\[\\{\\\\\"]{0,40}\"?\\}?"
            .prop_map(String::into_bytes),
    ]
}

fn verify(
    scheme: Scheme<'_>,
    headers: &[(&'static str, String)],
    body: &[u8],
) -> Result<(), Refusal> {
    let header = |name: &str| {
        let (_, value) = headers.iter().find(|(known, _)| *known == name)?;
        Some(value.as_str())
    };
    let delivery = Delivery {
        header: &header,
        body,
    };
    let _ = delivery.identity(scheme);
    delivery.verify(scheme, &[SecretString::from(SECRET)], TOLERANCE, NOW)
}

/// What the sender of a mode sends with a body.
fn signed(mode: Mode, form: &HmacForm, body: &[u8]) -> Vec<(&'static str, String)> {
    let secret = SecretString::from(SECRET);
    let key = SECRET.as_bytes();
    let hex = |parts: &[&[u8]]| hex::encode(mac::code(HmacAlgorithm::Sha256, key, parts));
    let time = NOW.to_string();
    match mode {
        Mode::Standard => vec![
            ("svix-id", "msg".to_owned()),
            (
                "svix-signature",
                sign(&secret, "msg", NOW, body).unwrap_or_default(),
            ),
            ("svix-timestamp", time),
        ],
        Mode::Github => vec![("x-hub-signature-256", format!("sha256={}", hex(&[body])))],
        Mode::Stripe => {
            let code = hex(&[time.as_bytes(), b".", body]);
            vec![("stripe-signature", format!("t={time},v1={code}"))]
        }
        Mode::Slack => {
            let code = hex(&[b"v0:", time.as_bytes(), b":", body]);
            vec![
                ("x-slack-signature", format!("v0={code}")),
                ("x-slack-request-timestamp", time),
            ]
        }
        Mode::Hmac => {
            let code = mac::code(form.algorithm, key, &[body]);
            let code = match form.encoding {
                HmacEncoding::Hex => hex::encode(code),
                HmacEncoding::Base64 => STANDARD.encode(code),
            };
            vec![("x-signature", format!("{}{code}", form.prefix))]
        }
        Mode::Bearer | Mode::None => vec![("authorization", format!("Bearer {SECRET}"))],
    }
}

proptest! {
    #[test]
    fn a_request_of_any_kind_is_refused_in_time_and_memory(
        mode in mode(), form in form(), headers in headers(), body in body()
    ) {
        let scheme = Scheme { mode, hmac: Some(&form) };
        let began = Instant::now();
        let size = body.len() + headers.iter().map(|(_, value)| value.len()).sum::<usize>();
        let mut refused = Ok(());
        let used = allocation_counter::measure(|| {
            refused = verify(scheme, &headers, &body);
            let header = |_: &str| None;
            let _ = Delivery { header: &header, body: &body }.challenge(mode);
        });
        prop_assert!(refused.is_err());
        prop_assert!(began.elapsed() < SLOWEST);
        let most = 4096 + 32 * u64::try_from(size).unwrap_or(u64::MAX);
        prop_assert!(used.bytes_max < most, "{} of {most}", used.bytes_max);
    }

    #[test]
    fn what_is_signed_is_accepted_and_no_other_byte_is(
        mode in mode(), form in form(), body in body(), at in any::<prop::sample::Index>(), bit in 0..8
    ) {
        let scheme = Scheme { mode, hmac: Some(&form) };
        let headers = signed(mode, &form, &body);
        prop_assert_eq!(verify(scheme, &headers, &body), Ok(()));
        if mode == Mode::Bearer {
            return Ok(());
        }
        let mut longer = body.clone();
        longer.push(b'0');
        prop_assert_eq!(verify(scheme, &headers, &longer), Err(Refusal::Mismatch));
        if let Some(place) = (!body.is_empty()).then(|| at.index(body.len())) {
            let mut other = body;
            other[place] ^= 1_u8 << bit;
            prop_assert_eq!(verify(scheme, &headers, &other), Err(Refusal::Mismatch));
        }
    }
}
