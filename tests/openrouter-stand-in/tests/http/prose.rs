//! A key with `demo` in it is answered in sentences, a few words at a time.

use serde_json::{Value, json};

use crate::desk::{Desk, KEY, MODEL, content};

const DEMO: &str = "sk-or-v1-demo-of-a-test";

async fn ask(desk: &Desk, key: &str, prompt: &str) -> String {
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": prompt}]});
    let body: Value = desk.chat_as(key, body).await.json().await.unwrap();
    content(&body).to_owned()
}

#[tokio::test]
async fn the_sentences_are_of_the_prompts_own_words_and_say_who_wrote_them() {
    let desk = Desk::open().await;
    let prompt = "Write a blog post about octopuses and their clever arms";
    let said = ask(&desk, DEMO, prompt).await;
    assert!(
        said.starts_with("Stand-in for openai/gpt-4o-mini: "),
        "{said}"
    );
    assert!(
        said.contains("octopuses") && said.contains("clever"),
        "{said}"
    );
    assert!(!said.contains("sha256") && !said.contains('{'), "{said}");
    assert!((250..1_500).contains(&said.len()), "{said}");
    assert_eq!(ask(&desk, DEMO, prompt).await, said, "the same each time");
    assert_ne!(
        ask(&desk, DEMO, "Write about bicycles and bridges").await,
        said
    );
    let headline = ask(
        &desk,
        DEMO,
        "One headline, no more, for: octopuses think with arms",
    )
    .await;
    assert!(
        headline.starts_with("Octopuses") && headline.len() < 80,
        "{headline}"
    );
    // Tests are answered with what arrived, as before.
    assert!(
        ask(&desk, KEY, prompt)
            .await
            .starts_with("[openai/gpt-4o-mini] system=")
    );
    assert_eq!(ask(&desk, DEMO, "[[echo]]as it is").await, "as it is");
}
