//! Answers in sentences, for who wants to see what a user would see. They are made of the prompt's own words, say that no model
//! wrote them, and are the same for the same prompt and model.

use crate::ask::Ask;

/// A key with this in it is answered in sentences.
pub(crate) const WANTED_BY: &str = "demo";

/// What says that no model wrote it. It is left out where such an answer is part of the next prompt.
const SPEAKER: &str = "Stand-in for ";
const SAYS: &str = ": ";

/// Where a prompt has few words of its own.
const SPARE: [&str; PLACES] = ["question", "answer", "detail"];

/// How many places a sentence has at most, and how many words of a prompt are used.
const PLACES: usize = 3;
const MOST_WORDS: usize = 8;

/// Sentences with places for up to three words.
const SENTENCES: [&str; 14] = [
    "It is easiest to begin with {0}.",
    "Most people look at {0} first and come to {1} late.",
    "What holds {0} together is {1}, more than {2}.",
    "A small example of {0} shows it best: plain, and easy to check.",
    "Without {0} there would be little to say about {1}.",
    "Some would put {0} before {1}, and they have a point.",
    "The surprising part is how {0} and {1} help each other.",
    "Who has seen {0} once finds {1} everywhere.",
    "All of this takes time, and {0} most of all.",
    "Still, the trouble with {0} pays off.",
    "Ask what {0} would be without {1}, and the rest follows.",
    "One more thing about {0}: it rarely comes alone.",
    "So {0} and {1} belong together.",
    "That is why {0} stays interesting.",
];

/// Words that carry little.
const SMALL: [&str; 74] = [
    "about",
    "after",
    "again",
    "also",
    "analyse",
    "analysis",
    "analysts",
    "analyze",
    "another",
    "article",
    "because",
    "been",
    "before",
    "better",
    "blog",
    "both",
    "could",
    "curious",
    "data",
    "does",
    "each",
    "every",
    "expert",
    "first",
    "following",
    "from",
    "give",
    "have",
    "headline",
    "into",
    "just",
    "like",
    "make",
    "more",
    "most",
    "news",
    "once",
    "only",
    "other",
    "outline",
    "over",
    "people",
    "post",
    "read",
    "same",
    "second",
    "section",
    "sections",
    "sentence",
    "sentences",
    "short",
    "should",
    "some",
    "summarise",
    "summarize",
    "than",
    "that",
    "their",
    "them",
    "there",
    "these",
    "they",
    "third",
    "this",
    "three",
    "what",
    "when",
    "where",
    "which",
    "will",
    "with",
    "would",
    "write",
    "your",
];

/// The answer to this prompt in some sentences; in one where a headline is asked for.
pub(crate) fn answer(ask: &Ask, slug: &str) -> String {
    let words = words(&ask.user);
    let word = |place: usize| words.get(place).map_or("answer", String::as_str);
    let asked = ask.user.split(':').next().unwrap_or_default();
    if asked.to_lowercase().contains("headline") {
        return format!(
            "{} and {}: a headline of the stand-in",
            upper(word(0)),
            word(1)
        );
    }
    let seed = ask
        .user_sha256
        .bytes()
        .chain(slug.bytes())
        .fold(7_usize, |seed, byte| {
            seed.wrapping_mul(31).wrapping_add(usize::from(byte))
        });
    let count = 7 + seed % 4;
    let mut text = format!("{SPEAKER}{slug}:");
    for number in 0..count {
        let place = (seed / 7 + number * 3) % SENTENCES.len();
        let mut sentence = SENTENCES.get(place).copied().unwrap_or_default().to_owned();
        for place in 0..PLACES {
            let given = word((place + 2 * number) % words.len().max(1));
            sentence = sentence.replace(&format!("{{{place}}}"), given);
        }
        text.push_str(if number == count / 2 { "\n\n" } else { " " });
        text.push_str(&sentence);
    }
    text
}

/// The words of the prompt that say what it is about, each once.
fn words(prompt: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let said = without_speaker(prompt);
    for word in said.split(|letter: char| !letter.is_alphanumeric()) {
        let word = word.to_lowercase();
        let known = SMALL.contains(&word.as_str()) || is_of_a_sentence(&word);
        if word.chars().count() > 3 && !known && !words.contains(&word) {
            words.push(word);
        }
    }
    words.truncate(MOST_WORDS);
    let missing = PLACES.saturating_sub(words.len());
    words.extend(SPARE.iter().take(missing).map(|word| (*word).to_owned()));
    words
}

/// The prompt without what says that no model wrote a part of it.
fn without_speaker(prompt: &str) -> String {
    let mut said = String::new();
    let mut rest = prompt;
    while let Some((before, after)) = rest.split_once(SPEAKER) {
        said.push_str(before);
        rest = after.split_once(SAYS).map_or("", |(_, behind)| behind);
    }
    said.push_str(rest);
    said
}

/// Whether the sentences above have the word: where an answer is part of the next prompt, that says nothing.
fn is_of_a_sentence(word: &str) -> bool {
    let has = |sentence: &str| {
        let mut own = sentence.split(|letter: char| !letter.is_alphanumeric());
        own.any(|own| own.eq_ignore_ascii_case(word))
    };
    SENTENCES.iter().any(|sentence| has(sentence))
}

fn upper(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn the_words_are_those_of_the_prompt_without_what_an_answer_before_said() {
        let first = words("Outline a short article about octopuses for curious people");
        assert_eq!(first[0], "octopuses");
        let said = "Stand-in for a/b-flash:free: Octopuses stay interesting.";
        let next = words(&format!("Write the first section of: {said}"));
        assert_eq!(next[0], "octopuses");
        assert!(!next.contains(&"flash".to_owned()) && !next.contains(&"interesting".to_owned()));
    }
}
