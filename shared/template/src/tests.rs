//! Templates that are read and rendered, and templates that are refused, each with its place.

use serde_json::{Value, json};

use steps_problem::Fault;

use crate::{Names, RenderError, Template};

fn render(template: &str, context: &Value, known: &[&str]) -> Result<String, RenderError> {
    Template::parse(template)?.render(context, known)
}

fn names(template: &str) -> Result<Names, Fault> {
    Template::parse(template).map(|template| template.names().clone())
}

#[track_caller]
fn gives(template: &str, context: Value, expected: &str) {
    assert_eq!(
        render(template, &context, &[]).as_deref(),
        Ok(expected),
        "{template}"
    );
}

#[track_caller]
fn misses(template: &str, context: Value) -> (String, Vec<String>, Option<String>) {
    match render(template, &context, &["later"]) {
        Err(RenderError::MissingVariable {
            path,
            names,
            suggestion,
            ..
        }) => (path, names, suggestion),
        other => panic!("{template}: {other:?}"),
    }
}

#[track_caller]
fn refused(template: &str) -> (usize, usize, String) {
    let fault = names(template).expect_err(template);
    (
        fault.line.unwrap_or_default(),
        fault.column.unwrap_or_default(),
        fault.message,
    )
}

#[test]
fn values_are_inserted_without_html_escaping() {
    let context = json!({"x": "<a href=\"x\">Tom & 'Jerry'</a> `=`"});
    for template in ["{{x}}", "{{{x}}}", "{{& x}}", "{{ x }}", "{{~x~}}"] {
        gives(
            template,
            context.clone(),
            "<a href=\"x\">Tom & 'Jerry'</a> `=`",
        );
    }
}

#[test]
fn objects_and_lists_render_as_json() {
    let context = json!({"httpResponse": {"data": {"a": [1, {"b": null}]}}, "list": ["x", 2]});
    gives(
        "{{httpResponse.data}}",
        context.clone(),
        r#"{"a":[1,{"b":null}]}"#,
    );
    gives("{{{list}}}", context.clone(), r#"["x",2]"#);
    gives(
        "{{json httpResponse.data}}",
        context.clone(),
        r#"{"a":[1,{"b":null}]}"#,
    );
    gives("{{json list pretty=true}}", context, "[\n  \"x\",\n  2\n]");
}

#[test]
fn scalars_render_plain_and_null_as_nothing() {
    let context = json!({"n": 1.5, "i": 10, "t": true, "z": null});
    gives(
        "{{n}} {{i}} {{t}} [{{z}}] {{json z}}",
        context,
        "1.5 10 true [] null",
    );
    gives("{{json x}}", json!({"x": "a\"b"}), r#""a\"b""#);
}

#[test]
fn a_value_that_looks_like_a_template_is_inserted_verbatim() {
    gives(
        "{{x}}!",
        json!({"x": "{{y}} \\{{z}} {{{"}),
        "{{y}} \\{{z}} {{{!",
    );
}

#[test]
fn a_backslash_escapes_a_tag_and_a_raw_block_escapes_many() {
    gives("\\{{x}} and {{x}}", json!({"x": 1}), "{{x}} and 1");
    gives(
        "{{{{raw}}}}{{x}} {{#if}}{{{{/raw}}}} {{x}}",
        json!({"x": 1}),
        "{{x}} {{#if}} 1",
    );
    gives("{{! a note }}a{{!-- {{x}} --}}b", json!({}), "ab");
}

#[test]
fn a_missing_variable_fails_with_its_full_path_and_the_names_that_exist_there() {
    let context = json!({"gptResponse": {"text": "hi", "model": "m"}, "topic": "t"});
    assert_eq!(
        misses("{{gptResponse.txt}}", context.clone()),
        (
            "gptResponse.txt".into(),
            vec!["model".into(), "text".into()],
            Some("text".into())
        )
    );
    assert_eq!(
        misses("{{topics}}", context.clone()),
        (
            "topics".into(),
            vec!["gptResponse".into(), "later".into(), "topic".into()],
            Some("topic".into())
        )
    );
    assert_eq!(misses("{{topic.a.b}}", context.clone()).0, "topic.a.b");
    assert_eq!(misses("{{nothing.a.b}}", context).0, "nothing.a.b");
}

#[test]
fn a_missing_variable_fails_in_a_helpers_argument_and_in_a_loop_too() {
    let context = json!({"items": [{"name": "a"}, {"nam": "b"}], "topic": "t"});
    assert_eq!(misses("{{json topik}}", context.clone()).0, "topik");
    assert_eq!(misses("{{len items.2}}", context.clone()).0, "items.2");
    assert_eq!(
        misses("{{#each items}}{{name}}{{/each}}", context.clone()),
        (
            "items[1].name".into(),
            vec!["nam".into()],
            Some("nam".into())
        )
    );
    assert_eq!(
        misses(
            "{{#each items as |item|}}{{item.name}}{{/each}}",
            context.clone()
        )
        .0,
        "items[1].name"
    );
    assert_eq!(
        misses("{{#each items}}{{topic}}{{/each}}", context).2,
        Some("@root.topic".into())
    );
}

#[test]
fn a_missing_variable_tells_line_and_column() {
    let error = render("one\n  {{#if a}}\n  {{ b }}{{/if}}", &json!({"a": 1}), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3, column 3: `b` is missing. Names that exist there: a."
    );
    assert_eq!(error.code(), "MissingVariable");
    let problem = steps_problem::Problem::from(error);
    assert_eq!(
        (problem.code.as_str(), problem.status, problem.retryable),
        ("MissingVariable", 422, false)
    );
    assert_eq!(
        (problem.faults[0].line, problem.faults[0].column),
        (Some(3), Some(3))
    );
}

#[test]
fn optional_variables_are_served_by_if_unless_default_each_and_with() {
    let context = json!({"empty": "", "zero": 0, "none": null, "list": [], "there": "x"});
    gives("{{#if missing}}a{{else}}b{{/if}}", context.clone(), "b");
    gives("{{#if missing.deep.er}}a{{/if}}", context.clone(), "");
    gives("{{#if there.deep}}a{{else}}b{{/if}}", context.clone(), "b");
    gives("{{#unless missing}}a{{/unless}}", context.clone(), "a");
    gives("{{default missing \"a\"}}", context.clone(), "a");
    gives(
        "{{default missing 'a'}} {{default there 'a'}}",
        context.clone(),
        "a x",
    );
    gives(
        "{{default none \"a\"}}{{default empty \"b\"}}{{default zero \"c\"}}",
        context.clone(),
        "ab0",
    );
    gives("{{default missing empty there}}", context.clone(), "x");
    gives(
        "{{#each missing}}a{{else}}none{{/each}}",
        context.clone(),
        "none",
    );
    gives(
        "{{#each missing}}a{{/each}}{{#each list}}a{{/each}}{{#each none}}a{{/each}}",
        context.clone(),
        "",
    );
    gives("{{#with missing}}a{{else}}b{{/with}}", context.clone(), "b");
    gives(
        "{{#if (eq missing 'x')}}a{{else}}b{{/if}}",
        context.clone(),
        "b",
    );
    gives(
        "{{#if (and there (not missing))}}a{{/if}}",
        context.clone(),
        "a",
    );
    gives("{{json (default missing null)}}", context, "null");
}

#[test]
fn else_if_chains_take_the_first_that_is_true() {
    let template = "{{#if a}}A{{else if (eq b 2)}}B{{else if c}}C{{else}}D{{/if}}";
    gives(template, json!({"a": true}), "A");
    gives(template, json!({"b": 2.0}), "B");
    gives(template, json!({"b": 3, "c": "x"}), "C");
    gives(template, json!({}), "D");
}

#[test]
fn truth_is_that_of_handlebars() {
    for (value, truth) in [
        (json!(false), "f"),
        (json!(null), "f"),
        (json!(0), "f"),
        (json!(""), "f"),
        (json!([]), "f"),
        (json!({}), "t"),
        (json!("0"), "t"),
        (json!(-1), "t"),
    ] {
        gives("{{#if x}}t{{else}}f{{/if}}", json!({"x": value}), truth);
    }
}

#[test]
fn loops_know_index_key_first_last_this_and_the_outer_scope() {
    let context = json!({"items": ["a", "b"], "map": {"k": 1, "l": 2}, "sep": "-", "rows": [{"c": [1, 2], "n": "r"}]});
    gives(
        "{{#each items}}{{@index}}{{this}}{{#if @first}}F{{/if}}{{#unless @last}}{{../sep}}{{/unless}}{{/each}}",
        context.clone(),
        "0aF-1b",
    );
    gives(
        "{{#each map}}{{@key}}={{this}};{{/each}}",
        context.clone(),
        "k=1;l=2;",
    );
    gives(
        "{{#each map as |value key|}}{{key}}={{value}};{{/each}}",
        context.clone(),
        "k=1;l=2;",
    );
    gives(
        "{{#each items as |item i|}}{{i}}{{item}}{{@root.sep}}{{/each}}",
        context.clone(),
        "0a-1b-",
    );
    gives(
        "{{#each rows}}{{#each c}}{{@../index}}{{this}}{{../n}}{{../../sep}}{{/each}}{{/each}}",
        context.clone(),
        "01r-02r-",
    );
    gives(
        "{{#with rows.0}}{{n}}{{this.n}}{{./n}}{{/with}}",
        context.clone(),
        "rrr",
    );
    gives(
        "{{#with rows.[0] as |row|}}{{row.n}}{{/with}}",
        context.clone(),
        "r",
    );
    gives(
        "{{items.[1]}}{{items.0}} {{items.length}} {{len map}}",
        context,
        "ba 2 2",
    );
}

#[test]
fn literal_segments_and_lookup_reach_every_key() {
    let context = json!({"a": {"b c": 1, "d.e": 2}, "key": "b c", "list": ["x", "y"]});
    gives(
        "{{a.[b c]}} {{a.[d.e]}} {{lookup a key}} {{lookup list 1}}",
        context.clone(),
        "1 2 1 y",
    );
    assert_eq!(misses("{{lookup a 'q'}}", context.clone()).0, "a.q");
    gives("{{default (lookup a 'q') 'none'}}", context, "none");
}

#[test]
fn lines_that_hold_only_a_block_tag_leave_no_blank_line() {
    gives(
        "List:\n{{#each items}}\n- {{this}}\n{{/each}}\nEnd",
        json!({"items": [1, 2]}),
        "List:\n- 1\n- 2\nEnd",
    );
}

#[test]
fn a_loop_over_a_text_fails_plainly() {
    let error = render("{{#each x}}{{/each}}", &json!({"x": "abc"}), &[]).unwrap_err();
    assert_eq!(error.code(), "TemplateError");
    assert_eq!(
        error.to_string(),
        "line 1, column 1: `{{#each}}` needs a list or an object, and `x` is a text"
    );
}

#[test]
fn partials_and_decorators_are_refused() {
    for template in [
        "a {{> header}}",
        "a {{#> x}}{{/x}}",
        "a {{* inline}}",
        "a {{#*inline \"x\"}}{{/inline}}",
    ] {
        let (line, column, message) = refused(template);
        assert_eq!((line, column), (1, 3), "{template}");
        assert!(message.contains("partials and decorators"), "{message}");
    }
}

#[test]
fn unknown_helpers_are_refused_with_the_nearest() {
    assert_eq!(
        refused("Hi\n {{jsn x}}"),
        (
            2,
            2,
            "unknown helper `jsn`; did you mean `json`? Known: json, default, lookup, len, eq, ne, gt, gte, lt, lte, \
             and, or, not, if, unless, each, with, raw"
                .into()
        )
    );
    assert!(
        refused("{{#eech x}}{{/eech}}")
            .2
            .starts_with("unknown block helper `eech`; did you mean `each`?")
    );
    assert!(
        refused("{{#if (jsonn x)}}{{/if}}")
            .2
            .starts_with("unknown helper `jsonn`")
    );
    assert!(refused("{{log x}}").2.starts_with("unknown helper `log`"));
    assert!(refused("{{#json x}}{{/json}}").2.contains("is not a block"));
    assert!(refused("{{if x}}").2.contains("opens a block"));
    assert_eq!(
        refused("{{json a b}}").2,
        "`json` takes one argument and got 2"
    );
    assert_eq!(
        refused("{{default a}}").2,
        "`default` takes at least 2 arguments and got 1"
    );
    assert_eq!(
        refused("{{json a prety=true}}").2,
        "`json` has no option `prety`; known: pretty"
    );
}

#[test]
fn syntax_faults_tell_line_and_column_in_plain_words() {
    let close = "`{{` is never closed with `}}`; for a literal `{{` write `\\{{`";
    assert_eq!(refused("a\nbc {{x"), (2, 4, close.into()));
    assert_eq!(
        refused("é {{#if x}}a"),
        (
            1,
            3,
            "the block `{{#if}}` is never closed with `{{/if}}`".into()
        )
    );
    assert_eq!(
        refused("{{/if}}").2,
        "`{{/if}}` closes a block that is not open"
    );
    assert_eq!(refused("{{else}}").2, "`{{else}}` stands outside a block");
    assert_eq!(
        refused("{{#if x}}{{#each y}}{{/if}}{{/each}}"),
        (
            1,
            21,
            "`{{/if}}` stands where `{{/each}}` must close the block opened at line 1, column 10"
                .into()
        )
    );
    assert_eq!(refused("{{}}").2, "the expression is empty");
    assert_eq!(
        refused("{{json \"x}}").2,
        "a quote inside this `{{` is never closed"
    );
    let (line, column, message) = refused("ok {{a}}\n {{a b..c}} {{d}}");
    assert_eq!((line, column), (2, 2), "{message}");
    assert!(
        message.starts_with("`{{a b..c}}` is not a Handlebars expression"),
        "{message}"
    );
    assert_eq!(
        refused("{{#each x}}{{.}}{{/each}}").2,
        "`{{.}}` is not a Handlebars expression; write `this` for `.` and `../this` for `..`"
    );
    assert_eq!(refused("{{../x}}").2, "`../x` climbs above the root");
    assert!(
        refused("{{@index}}")
            .2
            .contains("only directly inside `{{#each}}`")
    );
    assert!(
        refused("{{#each x}}{{@idx}}{{/each}}")
            .2
            .starts_with("unknown `@idx`; did you mean `@index`?")
    );
}

#[test]
fn names_are_found_wherever_they_stand() {
    let roots = |template: &str| {
        let names = names(template).unwrap();
        names.roots().into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        roots("{{a}} {{{b.c}}} {{json d.e}} {{default f g}}"),
        "a b d f g"
    );
    assert_eq!(
        roots("{{#if a}}{{b}}{{else if c}}{{d}}{{else}}{{e}}{{/if}}"),
        "a b c d e"
    );
    assert_eq!(
        roots("{{#each a}}{{b}}{{../c}}{{this.d}}{{@root.e.f}}{{@index}}{{/each}}"),
        "a c e"
    );
    assert_eq!(
        roots("{{#each a as |x i|}}{{x.y}}{{i}}{{../c}}{{#with x}}{{z}}{{/with}}{{/each}}"),
        "a c"
    );
    assert_eq!(
        roots("{{#with a}}{{b}}{{#with ../c}}{{d}}{{/with}}{{/with}}"),
        "a c"
    );
    assert_eq!(roots("{{json (default a (lookup b 'c'))}}"), "a b");
    assert_eq!(
        roots("{{this.a}} {{./b}} {{@root.c}} {{this}} {{json @root}}"),
        "a b c"
    );
    assert_eq!(roots("{{lookup this 'a'}} {{lookup @root \"b\"}}"), "a b");
    assert_eq!(roots("{{#each (default a b)}}{{c}}{{/each}}"), "a b");
    assert_eq!(roots("{{#each this}}{{json this}}{{/each}}"), "");
    assert_eq!(roots("\\{{a}} {{!b}} plain"), "");
    assert!(
        refused("{{lookup this a}}")
            .2
            .starts_with("`lookup` at the root")
    );
}

#[test]
fn the_first_field_of_a_name_is_known() {
    let names = names("{{a.b}}{{#with c}}{{d}}{{/with}}{{lookup e 'f'}}").unwrap();
    let fields: Vec<(&str, Option<&str>)> = names
        .references
        .iter()
        .map(|reference| (reference.root.as_str(), reference.field.as_deref()))
        .collect();
    assert_eq!(
        fields,
        [
            ("a", Some("b")),
            ("c", None),
            ("c", Some("d")),
            ("e", None),
            ("e", Some("f"))
        ]
    );
}

#[test]
fn nesting_without_end_is_refused_not_overflown() {
    for template in [
        "{{#if a}}".repeat(100_000),
        format!("{}x{}", "{{#if a}}".repeat(1000), "{{/if}}".repeat(1000)),
        format!("{{{{{}a{}}}}}", "(not ".repeat(1000), ")".repeat(1000)),
        format!("{{{{json {}{}}}}}", "[".repeat(1000), "]".repeat(1000)),
        format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if b}}".repeat(1000)),
        "{{((((".repeat(1000),
        "{{a".repeat(100_000),
    ] {
        assert!(names(&template).is_err());
    }
    let deep = format!("{}x{}", "{{#if a}}".repeat(60), "{{/if}}".repeat(60));
    assert_eq!(render(&deep, &json!({"a": 1}), &[]).as_deref(), Ok("x"));
}

#[test]
fn megabytes_are_rendered_in_linear_time() {
    let big = "<&>{{".repeat(400_000);
    let context = json!({"big": big, "items": vec!["abcdefghij"; 100_000]});
    let start = std::time::Instant::now();
    let text = render("{{big}}{{#each items}}{{this}}{{/each}}", &context, &[]).unwrap();
    assert_eq!(text.len(), 2_000_000 + 1_000_000);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    let heavy = "{{a}}".repeat(100_000);
    assert!(names(&heavy).unwrap_err().message.contains("too large"));
}

#[test]
fn loops_in_loops_stop_at_a_limit() {
    let context = json!({"a": vec![0; 1000]});
    let template = "{{#each a}}{{#each @root.a}}{{#each @root.a}}x{{/each}}{{/each}}{{/each}}";
    assert_eq!(
        render(template, &context, &[]).unwrap_err().code(),
        "TemplateTooLarge"
    );
}

/// Pieces that templates are made of, put together at random: whatever comes of them, nothing may panic.
#[test]
fn no_template_panics() {
    const PIECES: [&str; 44] = [
        "{{", "}}", "{{{", "}}}", "{{{{", "}}}}", "#", "/", "^", "~", "!", "!--", "--", "&", ">",
        "*", "if", "each", "with", "else", "raw", "json", "default", "a", "b.c", "this", "../",
        "./", "@root", "@index", "[", "]", "(", ")", "\"", "'", " ", "\n", "\\", "as |x y|", "=",
        "1", ".", "é",
    ];
    let context = json!({"a": [1, {"b": null}], "b": {"c": "x"}});
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % bound
    };
    let rounds = std::env::var("TEMPLATE_ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(20_000);
    for _ in 0..rounds {
        let mut template = String::new();
        for _ in 0..=next(14) {
            match next(4) {
                0 => template.push_str(
                    [
                        "{{#if a}}",
                        "{{/if}}",
                        "{{else}}",
                        "{{#each a}}",
                        "{{/each}}",
                        "{{a}}",
                    ][next(6)],
                ),
                _ => template.push_str(PIECES[next(PIECES.len())]),
            }
        }
        if names(&template).is_ok() {
            let _ = render(&template, &context, &[]);
        }
    }
}

#[test]
fn the_least_length_counts_what_every_rendering_has() {
    for (template, least) in [
        ("", 0),
        ("hello", 5),
        ("hé {{name}}!", 4),
        ("a{{#if x}}bcd{{/if}}e", 2),
        ("a{{#if x}}bcd{{else}}ef{{/if}}", 3),
        ("{{#each xs}}long text{{/each}}", 0),
    ] {
        assert_eq!(
            Template::parse(template).unwrap().least_chars(),
            least,
            "{template}"
        );
    }
}

#[test]
fn a_template_is_kept_as_its_text_and_read_back_the_same() {
    let text = "Hi {{name}}, \\{{x}}:\n{{#each items as |item|}}{{json item}}{{else}}none{{/each}}";
    let template = Template::parse(text).unwrap();
    assert_eq!(template.as_str(), text);
    let kept = serde_json::to_value(&template).unwrap();
    assert_eq!(kept, json!(text));
    let read: Template = serde_json::from_value(kept).unwrap();
    assert_eq!(read, template);
    assert_eq!(read.names(), template.names());
    let context = json!({"name": "Ann", "items": [1]});
    assert_eq!(read.render(&context, &[]).unwrap(), "Hi Ann, {{x}}:\n1");
    assert_ne!(read, Template::parse("Hi {{name}}").unwrap());
    assert_eq!(Template::default(), Template::parse("").unwrap());
}

#[test]
fn a_kept_text_that_is_no_template_is_told_with_its_place_once_it_is_rendered() {
    let template: Template = serde_json::from_value(json!("one\n{{#if x}}")).unwrap();
    assert_eq!(template.names().references, []);
    assert_eq!(
        template.render(&json!({}), &[]).unwrap_err().to_string(),
        "line 2, column 1: the block `{{#if}}` is never closed with `{{/if}}`"
    );
}

#[test]
fn what_helpers_write_and_compare_counts_towards_the_limit_of_a_template() {
    let items: Vec<String> = (0..20_000).map(|number| format!("item {number}")).collect();
    let context = json!({ "items": items });
    for template in [
        "{{#each items}}{{#if (eq (json @root) \"x\")}}{{/if}}{{/each}}",
        "{{#each items}}{{#if (eq @root @root)}}{{/if}}{{/each}}",
    ] {
        let refused = render(template, &context, &[]).unwrap_err();
        assert!(matches!(refused, RenderError::TooLarge { .. }), "{refused}");
    }
    // A large value that is written once is no such thing.
    let once = render("{{json items}}", &context, &[]).unwrap();
    assert!(once.len() > 200_000);
}
