//! Any text at all is parsed, and rendered with any values, without a panic and within time and memory.

use std::time::{Duration, Instant};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::Template;

/// Longest that one text may take, parsed and rendered, in a build that is not optimized and on a busy machine.
const SLOWEST: Duration = Duration::from_secs(20);

/// Most bytes that one rendering may hold at once: its text may have 32 MiB, and is copied while it grows.
const MOST_BYTES: u64 = 160 << 20;

const NAMES: [&str; 8] = ["a", "b", "items", "name", "length", "0", "this", "x y"];

/// What templates are made of, in any order: most of it is no template, much of it nearly is.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "{{", "}}", "{{{", "}}}", "{{{{raw}}}}", "{{{{/raw}}}}", "\\{{", "{{~", "~}}",
            "{{#if ", "{{else if ", "{{else}}", "{{/if}}", "{{#unless ", "{{/unless}}",
            "{{#each ", "{{/each}}", "{{#with ", "{{/with}}", " as |", "| ", "(", ")",
            "eq ", "and ", "or ", "not ", "gt ", "json ", "default ", "lookup ", "len ",
            "pretty=true", "this", "../", "@root", "@index", "@key", ".", "/", "[", "]", " ",
            "\"", "'", "1", "-1.5", "null", "true", "{{!-- ", " --}}", "{{! ", "{{> x}}", "\n", "#", "^",
        ]).prop_map(str::to_owned),
        3 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        // Whole tags, so that some texts are templates.
        4 => whole(),
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A whole tag or block, nested to some depth.
fn whole() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z ]{0,5}",
        Just("{{a}}".to_owned()),
        Just("{{json items}}".to_owned()),
        Just("{{default b.name \"x\"}}".to_owned()),
        Just("{{lookup items 0}}".to_owned()),
        Just("{{len (lookup items b)}}".to_owned()),
        Just("{{this}}{{@index}}{{@key}}{{../a}}".to_owned()),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        let inner = vec(inner, 0..4).prop_map(|parts| parts.concat());
        (
            prop::sample::select(vec!["if", "unless", "each", "with"]),
            prop::sample::select(vec![
                "a",
                "items",
                "b",
                "this",
                "../items",
                "@root",
                "(eq a b)",
                "items as |x y|",
            ]),
            inner.clone(),
            inner,
        )
            .prop_map(|(kind, of, one, other)| {
                format!("{{{{#{kind} {of}}}}}{one}{{{{else}}}}{other}{{{{/{kind}}}}}")
            })
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("{{a}}")),
    ];
    leaf.prop_recursive(4, 32, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::from),
            btree_map(prop::sample::select(NAMES.to_vec()), inner, 0..6).prop_map(|fields| {
                let fields: Map<String, Value> = fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect();
                Value::from(fields)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_parsed_and_rendered_in_time_and_memory(text in text(), a in value(), b in value(), items in value()) {
        let context = json!({"a": a, "b": b, "items": items});
        let began = Instant::now();
        let mut rendered = None;
        let used = allocation_counter::measure(|| {
            rendered = Template::parse(&text).ok().map(|template| {
                let least = template.least_chars();
                (least, template.render(&context, &["known"]))
            });
        });
        prop_assert!(began.elapsed() < SLOWEST, "{:?}", began.elapsed());
        prop_assert!(used.bytes_max < MOST_BYTES, "{}", used.bytes_max);
        match rendered {
            Some((least, Ok(rendered))) => {
                let chars = rendered.chars().count();
                prop_assert!(chars >= least, "{chars} characters, and {least} were the least");
            }
            Some((_, Err(error))) => {
                let said = error.to_string().len();
                prop_assert!(said < 16_000, "{said} bytes of words");
            }
            None => {}
        }
    }

    #[test]
    fn a_template_that_is_kept_is_the_same_template(text in text()) {
        let Ok(template) = Template::parse(&text) else { return Ok(()) };
        let kept = serde_json::to_string(&template).unwrap();
        let again: Template = serde_json::from_str(&kept).unwrap();
        prop_assert!(again.check().is_ok());
        prop_assert_eq!(again.names().roots(), template.names().roots());
        prop_assert_eq!(again.least_chars(), template.least_chars());
    }
}
