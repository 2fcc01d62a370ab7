//! Runs are listed newest first, by workflow and status, in pages.

use end_to_end::{User, list, text};
use serde_json::json;

#[tokio::test]
async fn runs_are_listed_by_workflow_and_status_in_pages() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow(
            json!([{"variableName": "x", "userPrompt": "{{#if fail}}{{gone}}{{else}}hi{{/if}}"}]),
        )
        .await;
    let mut started = Vec::new();
    for fail in [false, true, false, false] {
        let run = user.trigger(&workflow, &json!({"fail": fail})).await;
        user.ended(&run).await;
        started.push(run);
    }
    started.reverse();
    let ids = |body: &serde_json::Value| -> Vec<String> {
        list(&body["runs"])
            .iter()
            .map(|run| text(&run["id"]))
            .collect()
    };
    let path = format!("/runs?workflowId={workflow}");
    let all = user.get(&path).await;
    assert_eq!(ids(&all.body), started, "{:?}", all.body);
    assert_eq!(all.body["runs"][0]["status"], "SUCCEEDED");
    assert_eq!(all.body["runs"][0]["workflowId"], json!(workflow));

    let failed = user.get(&format!("{path}&status=FAILED")).await;
    assert_eq!(ids(&failed.body), [started[2].clone()]);
    let failed = user.get("/runs?status=FAILED&limit=100").await;
    assert!(ids(&failed.body).contains(&started[2]), "{:?}", failed.body);

    let mut paged = Vec::new();
    let mut next = format!("{path}&limit=3");
    loop {
        let page = user.get(&next).await;
        assert_eq!(page.status, 200, "{:?}", page.body);
        paged.extend(ids(&page.body));
        match page.body["cursor"].as_str() {
            Some(cursor) => next = format!("{path}&limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(paged, started);
    assert_eq!(user.get("/runs?status=DONE").await.status, 400);
    assert_eq!(user.get("/runs?cursor=nonsense").await.status, 400);
    let everyones = user.get("/runs?limit=100").await;
    let order = ids(&everyones.body);
    assert!(
        order.windows(2).all(|pair| pair[0] > pair[1]),
        "newest first"
    );
}

#[tokio::test]
async fn a_run_keeps_to_the_version_it_started_with() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": "[[echo]]one"}]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let run = user.ended(&run).await;
    let document = json!({"name": "v2", "nodes": [
        {"type": "openrouter", "variableName": "y", "credential": user.name, "userPrompt": "[[echo]]two"}]});
    let put = user.put(&format!("/workflows/{workflow}"), &document).await;
    assert_eq!(put.body["version"], 2);
    let again = user.get(&format!("/runs/{}", text(&run["id"]))).await;
    assert_eq!(again.body["output"]["x"]["text"], "one");
    assert_eq!(again.body["version"], 1);
    let next = user.trigger(&workflow, &json!({})).await;
    assert_eq!(user.ended(&next).await["output"]["y"]["text"], "two");
}
