//! The known name that a wrong one was meant to be.

/// The nearest of `known`, if any is near enough to be meant.
pub(crate) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // A long name is worth no comparison: the cost is the product of the lengths.
    if name.len() > 128 {
        return None;
    }
    let plain = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    let wanted = plain(name);
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= 128)
        .filter_map(|candidate| {
            let distance = strsim::osa_distance(&wanted, &plain(candidate));
            let longest = name.chars().count().max(candidate.chars().count());
            (distance <= longest.div_ceil(3).min(3) && distance < longest)
                .then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// `; did you mean ...?`, or nothing.
pub(crate) fn did_you_mean<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    nearest(name, known).map_or_else(String::new, |candidate| {
        format!("; did you mean `{candidate}`?")
    })
}

/// The nearest of `known` if there is one, and then all of them, up to a screenful.
pub(crate) fn known<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
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

/// Whether two names differ by one slip of the hand or only in case.
pub(crate) fn near_miss(left: &str, right: &str) -> bool {
    left != right && (left.eq_ignore_ascii_case(right) || strsim::osa_distance(left, right) == 1)
}
