//! "Did you mean": the known name that is nearest to an unknown one.

/// Longer texts are not compared: no name is as long, and the work grows with the product of the lengths.
const MAX_LENGTH: usize = 128;

/// How many typing mistakes (a letter wrong, missing, added, or two exchanged) lie between two names. Case, `_` and
/// `-` make no difference. `None` where one of them is longer than 128 bytes.
#[must_use]
pub fn distance(left: &str, right: &str) -> Option<usize> {
    let plain = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    (left.len() <= MAX_LENGTH && right.len() <= MAX_LENGTH)
        .then(|| strsim::osa_distance(&plain(left), &plain(right)))
}

/// The nearest of `known`, if it is near enough: at most 3 mistakes away, and at most one for every three characters.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .filter_map(|candidate| {
            let distance = distance(name, candidate)?;
            let longest = name.chars().count().max(candidate.chars().count());
            (distance <= longest.div_ceil(3).min(3) && distance < longest)
                .then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// `; did you mean ...?`, or nothing.
pub fn did_you_mean<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    nearest(name, known).map_or_else(String::new, |candidate| {
        format!("; did you mean `{candidate}`?")
    })
}

/// The end of a message about an unknown name: first the nearest of `known`, if there is one, then all known names,
/// twenty at most.
pub fn known_names<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    const SHOWN: usize = 20;
    let known: Vec<&str> = known.into_iter().collect();
    let more = if known.len() > SHOWN { ", ..." } else { "" };
    let listed: Vec<&str> = known.iter().copied().take(SHOWN).collect();
    let meant = did_you_mean(name, known.iter().copied());
    let lead = if meant.is_empty() {
        "; known"
    } else {
        " Known"
    };
    format!("{meant}{lead}: {}{more}", listed.join(", "))
}

/// Whether two names differ by one typing mistake or only in case.
#[must_use]
pub fn near_miss(left: &str, right: &str) -> bool {
    left != right && (left.eq_ignore_ascii_case(right) || strsim::osa_distance(left, right) == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_meant_only_where_it_is_near() {
        let known = ["userPrompt", "systemPrompt", "model", "x"];
        for (name, meant) in [
            ("user_prompt", Some("userPrompt")),
            ("sytemPromt", Some("systemPrompt")),
            ("mdoel", Some("model")),
            ("MODEL", Some("model")),
            ("temperature", None),
            ("y", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), meant, "{name}");
        }
        assert_eq!(nearest(&"model".repeat(100), known), None);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        assert_eq!(
            known_names("prise", ["price", "latency"]),
            "; did you mean `price`? Known: price, latency"
        );
        assert_eq!(known_names("size", ["price"]), "; known: price");
        let many: Vec<String> = (0..21).map(|index| format!("name{index}")).collect();
        assert!(known_names("size", many.iter().map(String::as_str)).ends_with(", name19, ..."));
    }
}
