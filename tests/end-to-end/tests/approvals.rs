//! Approvals: a node asks, and a person decides once, with a token or by a signed link.

use end_to_end::{Answer, User, aws_cli, list, node, noise, stack_store, text};
use jiff::Timestamp;
use local_table::variable;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};
use steps_store::keys;

use crate::pauses::{all_asleep, let_time_come, set, sweep, swept};
use crate::played::Machine;

/// A node that asks, with these fields more.
fn asks(more: Value) -> Value {
    let mut node = json!({
        "type": "approval", "variableName": "ok", "question": "May {{what}} go out?",
        "data": {"text": "{{what}}", "n": 1},
    });
    let fields = node.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    node
}

/// A run of one lane that asks, and waits.
async fn asked(user: &User, more: Value) -> String {
    let workflow = user
        .workflow_with(json!({
            "limits": {"maxConcurrency": 1, "timeoutSeconds": 86_400},
            "nodes": [asks(more), set("after", "{{ok.approved}} {{ok.data.text}}")],
        }))
        .await;
    let run = user
        .trigger(&workflow, &json!({"what": "<b>tea</b>"}))
        .await;
    user.waiting(&run, "ok").await;
    all_asleep(&run).await;
    run
}

async fn decide(user: &User, run: &str, word: &str, body: &Value) -> Answer {
    user.post(&format!("/runs/{run}/nodes/ok/{word}"), body)
        .await
}

async fn link(user: &User, run: &str, body: &Value) -> String {
    let made = user
        .post(&format!("/runs/{run}/nodes/ok/approval-link"), body)
        .await;
    assert_eq!(made.status, 200, "{:?}", made.body);
    text(&made.body["path"])
}

/// What waits, of this run.
async fn listed(user: &User, run: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut path = "/approvals?limit=7".to_owned();
    loop {
        let page = user.get(&path).await;
        assert_eq!(page.status, 200, "{:?}", page.body);
        let own = list(&page.body["approvals"]).iter();
        found.extend(own.filter(|one| one["runId"] == run).cloned());
        match page.body["cursor"].as_str() {
            Some(cursor) => path = format!("/approvals?limit=7&cursor={cursor}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn data_that_no_item_of_the_table_holds_is_decided_on_too() {
    let user = User::new("good");
    for by_link in [true, false] {
        // The document, too.
        let nodes = json!([
            asks(json!({"editable": true})),
            set("after", &noise(200_000))
        ]);
        let workflow = user.workflow(nodes).await;
        let run = user.trigger(&workflow, &json!({"what": "tea"})).await;
        user.waiting(&run, "ok").await;
        let long = noise(200_000);
        let mut decision = json!({"data": {"text": long}});
        let answer = if by_link {
            decision["decision"] = json!("approve");
            let path = link(&user, &run, &json!({})).await;
            user.post(&path, &decision).await
        } else {
            decide(&user, &run, "approve", &decision).await
        };
        assert_eq!(answer.status, 200, "{:?}", answer.body["cause"]);
        let ended = user.ended(&run).await;
        assert_eq!(ended["status"], "SUCCEEDED", "{:?}", ended["error"]);
        assert!(node(&ended, "ok")["output"]["data"]["text"] == long.as_str());
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let user = User::new("good");
    for _ in 0..2 {
        user.workflow(json!([set("x", "y")])).await;
    }
    let page = user.get("/workflows?limit=1").await;
    let cursor = text(&page.body["cursor"]);
    let answer = user.get(&format!("/approvals?cursor={cursor}")).await;
    assert_eq!(answer.status, 400, "{:?}", answer.body);
    assert_eq!(answer.body["code"], "InvalidRequest");
}

async fn audited(user: &User, run: &str) -> Vec<Value> {
    let rows = user.get(&format!("/audit?subject=runs/{run}")).await;
    list(&rows.body["audit"]).to_vec()
}

#[tokio::test]
async fn a_person_with_a_token_approves_edited_data_once_and_the_audit_knows() {
    let user = User::new("good");
    let run = asked(&user, json!({"editable": true})).await;
    let waiting = user.get(&format!("/runs/{run}")).await.body;
    let ok = node(&waiting, "ok");
    assert_eq!(ok["waitingFor"], "APPROVAL", "{ok:#}");
    assert_eq!(ok["asks"]["question"], "May <b>tea</b> go out?");
    assert_eq!(ok["asks"]["data"], json!({"text": "<b>tea</b>", "n": 1}));
    let waits = listed(&user, &run).await;
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert_eq!(waits[0]["node"], "ok");
    assert_eq!(waits[0]["editable"], true);

    let (reader, _) = user.with_scopes(&["read"]).await;
    assert_eq!(
        decide(&reader, &run, "approve", &json!({})).await.status,
        403
    );
    let body = json!({"comment": "good", "data": {"text": "coffee"}});
    let decided = decide(&user, &run, "approve", &body).await;
    assert_eq!(decided.status, 200, "{:?}", decided.body);
    assert_eq!(decided.body["approved"], true);
    let again = decide(&user, &run, "reject", &json!({})).await;
    assert_eq!(again.status, 409, "{:?}", again.body);
    let ended = user.ended(&run).await;
    assert_eq!(ended["output"]["after"], "true coffee", "{ended:#}");
    let ok = node(&ended, "ok");
    assert_eq!(ok["output"]["comment"], "good");
    assert_eq!(ok["output"]["by"], "root");
    assert_eq!(list(&ok["attempts"]).len(), 2, "{ok:#}");
    let rows = audited(&user, &run).await;
    let approve = |row: &&Value| row["action"] == "POST /runs/{id}/nodes/{node}/approve";
    assert_eq!(rows.iter().filter(approve).count(), 1, "{rows:?}");
    assert!(listed(&user, &run).await.is_empty());
    let late = decide(&user, &run, "approve", &json!({})).await;
    assert_eq!(late.body["code"], "RunEnded", "{:?}", late.body);
}

#[tokio::test]
async fn a_rejection_fails_the_node_and_a_resume_asks_again() {
    let user = User::new("good");
    let run = asked(&user, json!({})).await;
    let link_before = link(&user, &run, &json!({})).await;
    let edited = decide(&user, &run, "approve", &json!({"data": 1})).await;
    assert_eq!(edited.status, 400, "{:?}", edited.body);
    let rejected = decide(&user, &run, "reject", &json!({"comment": "too hot"})).await;
    assert_eq!(rejected.status, 200, "{:?}", rejected.body);
    let failed = user.ended(&run).await;
    assert_eq!(failed["error"]["code"], "ApprovalRejected", "{failed:#}");
    assert!(text(&failed["error"]["cause"]).contains("too hot"));
    let late = decide(&user, &run, "approve", &json!({})).await;
    assert_eq!(late.status, 409, "{:?}", late.body);
    let resumed = user.post(&format!("/runs/{run}/resume"), &json!({})).await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    user.waiting(&run, "ok").await;
    // A link to the question that was decided is none to the new one.
    let old = user.call_as(None, &link_before).await;
    assert_eq!(old.status, 409, "{:?}", old.body);
    let approved = decide(&user, &run, "approve", &json!({})).await;
    assert_eq!(approved.status, 200, "{:?}", approved.body);
    let ended = user.ended(&run).await;
    assert_eq!(ended["output"]["after"], "true <b>tea</b>", "{ended:#}");
}

#[tokio::test]
async fn opening_a_link_changes_nothing_and_whoever_holds_it_decides_once() {
    let user = User::new("good");
    let run = asked(&user, json!({"onReject": "continue"})).await;
    let path = link(&user, &run, &json!({})).await;
    let api = std::env::var("API_URL").unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::new();
    // A scanner of mail opens it, more than once.
    for _ in 0..3 {
        let page = http
            .get(format!("{api}{path}"))
            .header(ACCEPT, "text/html,*/*")
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), 200);
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert_eq!(page.headers()["cache-control"], "no-store");
        let html = page.text().await.unwrap();
        assert!(
            html.contains("May &lt;b&gt;tea&lt;/b&gt; go out?"),
            "{html}"
        );
        assert!(!html.contains("<b>") && !html.contains("<script"), "{html}");
    }
    let shown = user.call_as(None, &path).await;
    assert_eq!(shown.status, 200, "{:?}", shown.body);
    assert_eq!(shown.body["question"], "May <b>tea</b> go out?");
    assert_eq!(
        node(&user.get(&format!("/runs/{run}")).await.body, "ok")["status"],
        "WAITING"
    );
    let send = async |body: &'static str| {
        let sent = http
            .post(format!("{api}{path}"))
            .header(ACCEPT, "text/html")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .unwrap();
        (sent.status().as_u16(), sent.text().await.unwrap())
    };
    assert_eq!(send("decision=perhaps").await.0, 400);
    let (status, page) = send("decision=reject&comment=not+yet").await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("Rejected"), "{page}");
    let (status, page) = send("decision=approve").await;
    assert_eq!(status, 409, "{page}");
    let ended = user.ended(&run).await;
    assert_eq!(ended["output"]["after"], "false <b>tea</b>", "{ended:#}");
    let ok = node(&ended, "ok");
    assert_eq!(ok["output"]["by"], "link");
    assert_eq!(ok["output"]["comment"], "not yet");
    let rows = audited(&user, &run).await;
    let by_link: Vec<&Value> = rows
        .iter()
        .filter(|row| row["action"] == "POST /approvals/{token}")
        .collect();
    assert_eq!(by_link.len(), 1, "{rows:?}");
    assert_eq!(by_link[0]["actor"]["principal"], "link");
    let token = path.rsplit('/').next().unwrap();
    assert!(!json!(rows).to_string().contains(token));
}

#[tokio::test]
async fn a_link_that_is_altered_or_has_expired_leads_nowhere() {
    let user = User::new("good");
    let run = asked(&user, json!({})).await;
    let early = json!({"ttlSeconds": 59});
    let refused = user
        .post(&format!("/runs/{run}/nodes/ok/approval-link"), &early)
        .await;
    assert_eq!(refused.status, 400, "{:?}", refused.body);
    let path = link(&user, &run, &json!({"ttlSeconds": 60})).await;
    let altered = format!("{}A{}", &path[..20], &path[21..]);
    for path in [altered.as_str(), "/approvals/x", "/approvals/v1.a.b.c.d.e"] {
        let answer = user.call_as(None, path).await;
        assert_eq!(answer.status, 401, "{path}: {:?}", answer.body);
        assert_eq!(answer.body["code"], "ApprovalLinkInvalid");
    }
    // One whose time is over, signed with the stack's own key.
    let expired = user.call_as(None, &expired_link(&run).await).await;
    assert_eq!(expired.status, 401, "{:?}", expired.body);
    assert_eq!(expired.body["code"], "ApprovalLinkExpired");
    assert_eq!(user.call_as(None, &path).await.status, 200);
}

async fn expired_link(run: &str) -> String {
    let name = format!("{}/events-key", variable("STACK_NAME"));
    let secret = aws_cli(&["secretsmanager", "get-secret-value", "--secret-id", &name]);
    let link = steps_approvals::Link {
        run_id: run.to_owned(),
        unit: "ok".to_owned(),
        take: 1,
        expires_at: Timestamp::now().as_second() - 1,
    };
    let secret = secrecy::SecretString::from(text(&secret["SecretString"]));
    format!("/approvals/{}", link.token(&secret))
}

#[tokio::test]
async fn what_nobody_decides_in_time_fails_or_counts_as_the_node_says() {
    let user = User::new("good");
    for (on_timeout, after, code) in [
        ("approve", json!("true <b>tea</b>"), json!(null)),
        ("reject", json!(null), json!("ApprovalRejected")),
        ("fail", json!(null), json!("ApprovalTimedOut")),
    ] {
        let more = json!({"timeoutSeconds": 3600, "onTimeout": on_timeout});
        let run = asked(&user, more).await;
        let_own_time_come(&run).await;
        let ended = swept(&user, &run).await;
        assert_eq!(ended["output"]["after"], after, "{on_timeout}: {ended:#}");
        assert_eq!(ended["error"]["code"], code, "{on_timeout}: {ended:#}");
        if on_timeout == "approve" {
            assert_eq!(node(&ended, "ok")["output"]["by"], "timeout");
        }
    }
}

/// Lets the node's own time limit have passed.
async fn let_own_time_come(run: &str) {
    use aws_sdk_dynamodb::types::AttributeValue;
    aws_sdk_dynamodb::Client::new(&end_to_end::aws().await)
        .update_item()
        .table_name(end_to_end::table())
        .set_key(Some(end_to_end::item_key(keys::unit(run, "ok"))))
        .update_expression("SET pause.#until = :past")
        .expression_attribute_names("#until", "until")
        .expression_attribute_values(
            ":past",
            AttributeValue::S("2026-11-23T00:00:00.000Z".to_owned()),
        )
        .send()
        .await
        .expect("the record is there");
    let_time_come(run, "ok").await;
}

#[tokio::test]
async fn a_decision_whose_sender_died_before_it_woke_a_lane_is_found_by_the_sweep() {
    let user = User::new("good");
    let run = asked(&user, json!({})).await;
    let nodes = stack_store().await.nodes();
    let record = nodes.get(&run, "ok").await.unwrap().unwrap();
    let name = record.pause.unwrap().awaits.unwrap();
    let now = Timestamp::now();
    nodes.hasten(&run, "ok", now).await.unwrap();
    // Whoever was to decide has died: it is asked on, and its time is what it was.
    sweep();
    let waiting = user.get(&format!("/runs/{run}")).await.body;
    assert_eq!(node(&waiting, "ok")["status"], "WAITING");
    assert_eq!(list(&node(&waiting, "ok")["attempts"]).len(), 1);
    nodes.hasten(&run, "ok", now).await.unwrap();
    let decision = json!({"approved": true, "by": "somebody", "at": now});
    assert!(nodes.tell(&run, &name, &decision, now).await.unwrap());
    let ended = swept(&user, &run).await;
    assert_eq!(ended["output"]["after"], "true <b>tea</b>", "{ended:#}");
}

#[tokio::test]
async fn the_items_of_a_list_are_decided_one_by_one() {
    let user = User::new("good");
    let workflow = user
        .workflow(json!([
            {"type": "approval", "variableName": "ok", "question": "{{item}}?", "onReject": "continue",
             "forEach": {"items": "{{all}}", "concurrency": 2}},
            set("after", "{{#each ok}}{{this.approved}} {{/each}}"),
        ]))
        .await;
    let run = user
        .trigger(&workflow, &json!({"all": ["a", "b", "c"]}))
        .await;
    for (index, word) in [(1, "reject"), (0, "approve"), (2, "approve")] {
        while decide(&user, &run, word, &json!({"index": index}))
            .await
            .status
            != 200
        {}
    }
    let ended = user.ended(&run).await;
    assert_eq!(ended["output"]["after"], "true false true ", "{ended:#}");
}

/// Nothing of a function holds a question: another deployment decides it and goes on.
#[tokio::test]
async fn a_question_outlives_every_function() {
    let machine = Machine::new().await;
    let nodes = json!([
        {"type": "approval", "variableName": "ok", "question": "?"},
        set("after", "{{ok.approved}}"),
    ]);
    let run = machine.start(json!({"nodes": nodes})).await;
    let ended = async {
        machine
            .world
            .run_when(&run, |run| node(run, "ok")["status"] == "WAITING")
            .await;
        let lanes = machine.world.sandbox.store.lanes();
        while lanes
            .list(&run)
            .await
            .unwrap()
            .iter()
            .all(|lane| lane.token.is_none())
        {}
        machine.kill_idle().await;
        let runs = machine.world.sandbox.function("runs").await;
        let path = format!("/runs/{run}/nodes/ok/approve");
        let approved = runs.http(Method::POST, &path, Some(&json!({}))).await;
        assert_eq!(approved.status, 200, "{:?}", approved.body);
    };
    let (played, ()) = tokio::join!(machine.play(&run), ended);
    assert_eq!(played["output"]["after"], "true", "{played:#}");
}
