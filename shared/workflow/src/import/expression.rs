//! n8n's expressions as templates: paths, `JSON.stringify` and fallbacks. JavaScript is not carried out.

/// Where an expression reads from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    /// The output of the node before.
    Before,
    /// The output of the node of this name.
    Node(String),
    /// A variable of the deployment: `$vars` and `$env`.
    Vars,
    /// When the run started.
    Time,
    /// The run's id.
    RunId,
}

/// What an expression reads: the steps of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) from: From,
    pub(super) path: Vec<String>,
}

/// An expression that can be said in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// A value.
    Value(Read),
    /// A value as JSON.
    Json(Read),
    /// A value, or this text where it is missing or empty.
    Default(Read, String),
    /// A text.
    Text(String),
}

/// A part of a text with expressions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Text(&'a str),
    Expression(&'a str),
}

/// The parts of a text in which expressions stand in double braces.
pub(super) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((inside, after)) = behind.split_once("}}") else {
            break;
        };
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts.push(Part::Expression(inside.trim()));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

/// Reads an expression; `None` where a template cannot say it.
pub(super) fn read(text: &str) -> Option<Expression> {
    let text = text.trim().trim_end_matches(';').trim();
    if let Some(text) = quoted(text) {
        return Some(Expression::Text(text));
    }
    let call = text.strip_prefix("JSON.stringify(");
    if let Some(inside) = call.and_then(|call| call.strip_suffix(')')) {
        // Further arguments say how it is indented.
        let value = inside
            .split_once(", null")
            .map_or(inside, |(value, _)| value);
        return Some(Expression::Json(value_of(value.trim())?));
    }
    for operator in ["||", "??"] {
        if let Some((value, fallback)) = text.split_once(operator) {
            return Some(Expression::Default(
                value_of(value.trim())?,
                quoted(fallback.trim())?,
            ));
        }
    }
    let value = text.strip_suffix(".toJsonString()");
    match value {
        Some(value) => Some(Expression::Json(value_of(value)?)),
        None => Some(Expression::Value(value_of(text)?)),
    }
}

/// A text in quotes that has none of them inside.
fn quoted(text: &str) -> Option<String> {
    let quote = text
        .chars()
        .next()
        .filter(|quote| ['\'', '"', '`'].contains(quote))?;
    let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let is_plain = !inside.contains([quote, '\\']) && !inside.contains("${");
    is_plain.then(|| inside.to_owned())
}

fn value_of(text: &str) -> Option<Read> {
    for (head, from) in [
        ("$json", From::Before),
        ("$input.item.json", From::Before),
        ("$input.first().json", From::Before),
        ("$input.last().json", From::Before),
        ("$vars", From::Vars),
        ("$env", From::Vars),
    ] {
        if let Some(path) = text.strip_prefix(head).and_then(path) {
            return Some(Read { from, path });
        }
    }
    for (head, from) in [
        ("$now.toISO()", From::Time),
        ("$now", From::Time),
        ("$execution.id", From::RunId),
    ] {
        if text == head {
            let path = Vec::new();
            return Some(Read { from, path });
        }
    }
    let (name, rest) = named(text)?;
    let heads = [".item.json", ".first().json", ".last().json", ".json"];
    let rest = heads.iter().find_map(|head| rest.strip_prefix(head))?;
    Some(Read {
        from: From::Node(name),
        path: path(rest)?,
    })
}

/// The node that `$('name')` or `$node["name"]` names, and what follows.
fn named(text: &str) -> Option<(String, &str)> {
    for (open, close) in [("$(", ')'), ("$node[", ']')] {
        if let Some(rest) = text.strip_prefix(open) {
            let quote = rest.chars().next()?;
            let (name, rest) = rest.strip_prefix(quote)?.split_once(quote)?;
            let is_quote = ['\'', '"'].contains(&quote);
            return is_quote.then_some((name.to_owned(), rest.strip_prefix(close)?));
        }
    }
    None
}

/// The steps of a path such as `.a["b c"][0]`, to its end.
fn path(text: &str) -> Option<Vec<String>> {
    let mut steps = Vec::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() {
        let optional = rest.strip_prefix("?.");
        if let Some(inside) = optional.unwrap_or(rest).strip_prefix('[') {
            let (step, behind) = inside.split_once(']')?;
            let is_index = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
            steps.push(if is_index {
                step.to_owned()
            } else {
                quoted(step)?
            });
            rest = behind;
            continue;
        }
        let behind = optional.or_else(|| rest.strip_prefix('.'))?;
        let is_part =
            |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '$';
        let end = behind
            .find(|letter| !is_part(letter))
            .unwrap_or(behind.len());
        let (step, after) = behind.split_at(end);
        if step.is_empty() {
            return None;
        }
        steps.push(step.to_owned());
        rest = after;
    }
    Some(steps)
}

/// A path as a template says it.
pub(super) fn written(root: &str, steps: &[String]) -> String {
    let mut path = root.to_owned();
    for step in steps {
        let is_plain = step
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '$');
        if !path.is_empty() {
            path.push('.');
        }
        if is_plain {
            path.push_str(step);
        } else {
            path.push_str(&format!("[{step}]"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_template_can_say_is_read_and_javascript_is_not() {
        let value = |from: From, path: &[&str]| {
            let path = path.iter().map(|step| (*step).to_owned()).collect();
            Some(Expression::Value(Read { from, path }))
        };
        let node = |name: &str| From::Node(name.to_owned());
        assert_eq!(read("$json.a.b"), value(From::Before, &["a", "b"]));
        assert_eq!(read("$json?.a?.b"), value(From::Before, &["a", "b"]));
        assert_eq!(read("$json['a b'][0]"), value(From::Before, &["a b", "0"]));
        assert_eq!(
            read("$('Get it').item.json.x"),
            value(node("Get it"), &["x"])
        );
        assert_eq!(read("$node[\"A\"].json[\"x\"]"), value(node("A"), &["x"]));
        assert_eq!(read("$vars.team"), value(From::Vars, &["team"]));
        assert_eq!(read("$now"), value(From::Time, &[]));
        assert_eq!(read("'x'"), Some(Expression::Text("x".to_owned())));
        assert!(matches!(
            read("JSON.stringify($json.a)"),
            Some(Expression::Json(_))
        ));
        assert!(matches!(
            read("$json.a || 'b'"),
            Some(Expression::Default(..))
        ));
        for script in [
            "$json.a.toUpperCase()",
            "$json.a + 1",
            "$jsonx",
            "$json.items.map(i => i.x)",
            "$('A').all()",
            "$today.minus(1)",
            "",
            "$fromAI('x')",
        ] {
            assert_eq!(read(script), None, "{script}");
        }
        assert_eq!(
            parts("a {{ $json.x }}b{{ y"),
            [
                Part::Text("a "),
                Part::Expression("$json.x"),
                Part::Text("b{{ y")
            ]
        );
        assert_eq!(
            written("a", &["b c".to_owned(), "0".to_owned()]),
            "a.[b c].0"
        );
    }
}
