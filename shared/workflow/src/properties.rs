//! Any text at all is parsed as a document without a panic and within time and memory, and what is a document stays one.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{Faulty, Format, Workflow, parse};

/// Longest that one document may take, in a build that is not optimized and on a busy machine.
const SLOWEST: Duration = Duration::from_secs(20);

/// Most bytes that one document of some kilobytes may hold at once, all its faults included.
const MOST_BYTES: u64 = 64 << 20;

const FIXTURES: [&str; 2] = [
    include_str!("../fixtures/compare-models.yaml"),
    include_str!("../fixtures/broken.yaml"),
];

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec![
            "name", "description", "input", "callbacks", "nodes", "limits", "id", "type",
            "variableName", "dependsOn", "retry", "timeoutSeconds", "credential", "model",
            "models", "userPrompt", "systemPrompt", "maxTokens", "temperature", "stop",
            "reasoning", "provider", "responseFormat", "fields", "maxCostUsd", "maxConcurrency",
            "maxAttempts", "properties", "required", "$ref", "$defs", "pattern", "<<",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,8}",
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,16}".prop_map(Value::from),
        prop::sample::select(vec![
            "openrouter",
            "set",
            "main",
            "x",
            "y",
            "hi {{x.text}}",
            "{{y}}",
            "{{#each x}}",
            "openai/gpt-4o",
            "openrouter/auto",
            "https://example.org/done/",
            "object",
            "string",
            "-1e999",
            "1e28",
            "#/$defs/x",
            "(a+)+$",
            "constructor",
            "",
        ])
        .prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((field(), inner), 0..8).prop_map(|fields| Value::from(Map::from_iter(fields))),
        ]
    })
}

/// A node that is nearly one.
fn node() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec!["x", "y", "z", "gpt", "trigger", ""]);
    (name, vec((field(), value()), 0..4), vec(0..6_usize, 0..3)).prop_map(
        |(name, others, needs)| {
            let mut node = Map::from_iter([
                ("type".to_owned(), json!("openrouter")),
                ("variableName".to_owned(), json!(name)),
                ("credential".to_owned(), json!("main")),
            ]);
            let mut prompt = "hi".to_owned();
            for need in needs {
                let name = ["x", "y", "z", "gpt", "nobody", "trigger"].get(need);
                let _ = write!(prompt, " {{{{{}.text}}}}", name.unwrap_or(&"x"));
            }
            node.insert("userPrompt".to_owned(), prompt.into());
            node.extend(others);
            node.into()
        },
    )
}

fn document() -> impl Strategy<Value = Value> {
    (vec(node(), 0..6), vec((field(), value()), 0..4)).prop_map(|(nodes, others)| {
        let mut document = Map::from_iter([
            ("name".to_owned(), json!("n")),
            ("nodes".to_owned(), nodes.into()),
        ]);
        document.extend(others);
        document.into()
    })
}

/// A document of the fixtures in which some pieces are left out, doubled or replaced.
fn altered() -> impl Strategy<Value = String> {
    let change = (
        any::<prop::sample::Index>(),
        0..40_usize,
        prop_oneof![
            Just(String::new()),
            "\\PC{0,6}",
            "[-:{}\\[\\]&*!|>'\"#% \n\t]{0,6}"
        ],
        any::<bool>(),
    );
    (prop::sample::select(FIXTURES.to_vec()), vec(change, 0..6)).prop_map(|(text, changes)| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, length, put, doubled) in changes {
            let from = at.index(text.len().max(1)).min(text.len());
            let to = (from + length).min(text.len());
            let mut piece: Vec<char> = put.chars().collect();
            if doubled {
                piece.extend(&text[from..to]);
                piece.extend(&text[from..to]);
            }
            text.splice(from..to, piece);
        }
        text.into_iter().collect()
    })
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(vec![Format::Json, Format::Yaml])
}

fn text() -> impl Strategy<Value = (String, Format)> {
    prop_oneof![
        3 => (document(), format()).prop_map(|(document, format)| (document.to_string(), format)),
        1 => value().prop_map(|value| (value.to_string(), Format::Json)),
        2 => altered().prop_map(|text| (text, Format::Yaml)),
        1 => ("\\PC{0,80}", format()),
        1 => ("[-:{}\\[\\]&*!|>'\"#%a-c \n\t]{0,60}", Just(Format::Yaml)),
    ]
}

/// Parses it, and parses what is kept of it once more.
fn twice(text: &str, format: Format) -> Result<(Workflow, Option<Workflow>), Faulty> {
    let workflow = parse(text, format)?;
    let kept = serde_json::to_string(&workflow).unwrap();
    let again = parse(&kept, Format::Json).ok();
    Ok((workflow, again))
}

proptest! {
    #[test]
    fn any_text_is_parsed_in_time_and_memory((text, format) in text()) {
        let began = Instant::now();
        let mut parsed = None;
        let used = allocation_counter::measure(|| parsed = Some(twice(&text, format)));
        prop_assert!(began.elapsed() < SLOWEST, "{:?}", began.elapsed());
        prop_assert!(used.bytes_max < MOST_BYTES, "{}", used.bytes_max);
        match parsed {
            Some(Ok((workflow, again))) => {
                prop_assert_eq!(again.as_ref(), Some(&workflow));
                let kept = serde_json::to_string(&workflow).unwrap();
                prop_assert_eq!(Workflow::from_stored(&kept).unwrap(), workflow);
            }
            Some(Err(Faulty { faults, .. })) => {
                prop_assert!(!faults.is_empty());
                for fault in faults {
                    let said = fault.to_string();
                    prop_assert!(said.len() < 8_000, "{} bytes of words", said.len());
                }
            }
            None => prop_assert!(false),
        }
    }
}
