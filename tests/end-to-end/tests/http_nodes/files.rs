//! A file that a node keeps: in the bucket, and read through the API, whole or in pieces.

use end_to_end::{User, list, node, text};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::page::{Page, counted};

/// The most that one answer holds.
const PIECE: usize = 4 << 20;

#[tokio::test]
async fn a_file_is_kept_in_the_bucket_and_named_by_the_variable() {
    let page = Page::new().await;
    let nodes = json!([
        {"type": "http", "variableName": "x", "url": page.url("/binary"), "as": "file"},
        {"type": "set", "variableName": "where", "value": "{{x.data.key}}"},
    ]);
    let run = User::new("good").run(nodes, json!({})).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let file = &node(&run, "x")["output"]["data"];
    assert_eq!(file["bytes"], 4);
    assert_eq!(file["contentType"], "application/octet-stream");
    let key = run["output"]["where"].as_str().unwrap();
    assert!(
        key.starts_with(&format!("runs/{}/", run["id"].as_str().unwrap())),
        "{key}"
    );
    let s3 = aws_sdk_s3::config::Builder::from(&end_to_end::aws().await).force_path_style(true);
    let object = aws_sdk_s3::Client::from_conf(s3.build())
        .get_object()
        .bucket(file["bucket"].as_str().unwrap())
        .key(key)
        .send()
        .await
        .unwrap();
    let bytes = object.body.collect().await.unwrap().to_vec();
    assert_eq!(bytes, [0, 159, 146, 150]);
}

/// What the API answers to a reader of bytes.
async fn read(user: &User, at: &str, range: Option<String>) -> (StatusCode, HeaderMap, Vec<u8>) {
    let header = range.as_deref().map(|range| ("range", range));
    let answer = user.get_bytes(at, header).await;
    let (status, headers) = (answer.status(), answer.headers().clone());
    (status, headers, answer.bytes().await.unwrap().to_vec())
}

/// The path of the file that a node has kept.
fn at(output: &Value) -> &str {
    output["data"]["at"].as_str().expect("the file's path")
}

async fn kept(user: &User, url: String) -> Value {
    let nodes = json!([{"type": "http", "variableName": "x", "url": url, "as": "file", "maxBytes": 20_971_520}]);
    let run = user.run(nodes, json!({})).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    run
}

#[tokio::test]
async fn a_file_that_fits_is_read_whole_and_no_browser_shows_it_as_a_page() {
    let (page, user) = (Page::new().await, User::new("good"));
    let run = kept(&user, page.url("/file/1000")).await;
    let at = at(&node(&run, "x")["output"]);
    let (status, headers, bytes) = read(&user, at, None).await;
    assert_eq!((status, bytes), (StatusCode::OK, counted(1000)));
    assert_eq!(headers["content-type"], "text/html");
    assert_eq!(headers["accept-ranges"], "bytes");
    assert_eq!(
        headers["content-disposition"],
        "attachment; filename=\"x.1.file\""
    );
    assert_eq!(
        headers["content-security-policy"],
        "default-src 'none'; sandbox"
    );
    assert_eq!(headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn a_file_past_one_answer_is_read_in_pieces() {
    let (page, user) = (Page::new().await, User::new("good"));
    let count = 2 * PIECE + 12_345;
    let run = kept(&user, page.url(&format!("/file/{count}"))).await;
    let output = &node(&run, "x")["output"];
    assert_eq!(output["data"]["bytes"], count);
    let at = at(output);
    let whole = user.get(at).await;
    assert_eq!(whole.status, 400, "{:?}", whole.body);
    assert_eq!(whole.body["code"], "FileNeedsRange");

    let mut all = Vec::new();
    while all.len() < count {
        // A reader that asks for all the rest gets what an answer holds.
        let (status, headers, bytes) = read(&user, at, Some(format!("bytes={}-", all.len()))).await;
        assert_eq!(status, StatusCode::PARTIAL_CONTENT);
        let last = all.len() + bytes.len() - 1;
        let place = format!("bytes {}-{last}/{count}", all.len());
        assert_eq!(headers["content-range"], place.as_str());
        assert!(bytes.len() <= PIECE);
        all.extend(bytes);
    }
    assert!(all == counted(count), "the pieces are the file");
    let (_, headers, bytes) = read(&user, at, Some("bytes=-5".to_owned())).await;
    assert_eq!(bytes, counted(count)[count - 5..]);
    assert_eq!(
        headers["content-range"],
        format!("bytes {}-{}/{count}", count - 5, count - 1).as_str()
    );
    let (status, _, words) = read(&user, at, Some(format!("bytes={count}-"))).await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
    let problem: Value = serde_json::from_slice(&words).unwrap();
    assert_eq!(problem["code"], "RangeNotSatisfiable");
}

#[tokio::test]
async fn an_empty_file_and_those_of_a_lists_items_are_read_too() {
    let (page, user) = (Page::new().await, User::new("good"));
    let nodes = json!([{
        "type": "http", "variableName": "x", "forEach": {"items": "[0, 3, 5]"}, "url": page.url("/file/{{item}}"), "as": "file",
    }]);
    let run = user.run(nodes, json!({})).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    for (output, count) in list(&run["output"]["x"]).iter().zip([0, 3, 5]) {
        let (status, _, bytes) = read(&user, at(output), None).await;
        assert_eq!(
            (status, bytes),
            (StatusCode::OK, counted(count)),
            "{output}"
        );
    }
}

#[tokio::test]
async fn nothing_but_files_is_read_and_nothing_that_is_gone() {
    let (page, user) = (Page::new().await, User::new("good"));
    let run = kept(&user, page.url("/file/10")).await;
    let (id, at) = (text(&run["id"]), at(&node(&run, "x")["output"]));
    for name in ["x.2.file", "y.1.file", "x", "input", "document.json"] {
        let answer = user.get(&format!("/runs/{id}/files/{name}")).await;
        assert_eq!(answer.status, 404, "{name}: {:?}", answer.body);
        assert_eq!(answer.body["code"], "FileNotFound", "{name}");
    }
    let other = user.get("/runs/no-such-run/files/x.1.file").await;
    assert_eq!(other.body["code"], "RunNotFound");
    let erased = user
        .call(Method::DELETE, &format!("/runs/{id}"), None)
        .await;
    assert_eq!(erased.status, 200, "{:?}", erased.body);
    assert_eq!(user.get(at).await.body["code"], "FileNotFound");
}
