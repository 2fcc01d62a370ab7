//! Every change of a credential has a row in its audit: who did what, and when. The audit of a deleted credential can
//! be read too.

use end_to_end::{User, list, text};
use jiff::Timestamp;
use serde_json::json;

use super::delete;

#[tokio::test]
async fn every_change_is_told_with_who_what_and_when() {
    let user = User::new("good");
    let began = Timestamp::now();
    let id = user.store_credential().await;
    let path = format!("/credentials/{id}");
    let next = User::new("good");
    let name = format!("{}-2", user.name);
    for change in [
        json!({"name": name}),
        json!({"apiKey": next.key}),
        json!({"rotation": {"everyDays": 90}}),
        json!({"rotation": null}),
        // No changes.
        json!({}),
        json!({"name": name, "apiKey": next.key, "rotation": null}),
    ] {
        let changed = user.put(&path, &change).await;
        assert_eq!(changed.status, 200, "{change}: {:?}", changed.body);
    }
    assert_eq!(delete(&user, &id, false).await.status, 200);

    // Page by page, of a credential that is deleted.
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = user
            .get(&format!("{path}/audit?limit=2&cursor={cursor}"))
            .await;
        assert_eq!(page.status, 200, "{:?}", page.body);
        assert!(list(&page.body["audit"]).len() <= 2);
        rows.extend(list(&page.body["audit"]).to_vec());
        match page.body["cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    let actions: Vec<_> = rows.iter().map(|row| text(&row["action"])).collect();
    assert_eq!(
        actions,
        [
            "deleted",
            "rotationSet",
            "rotationSet",
            "keyReplaced",
            "renamed",
            "created"
        ]
    );
    let mut later = Timestamp::now();
    for row in &rows {
        assert_eq!(row["actor"]["principal"], "root", "{row}");
        assert_eq!(row["actor"]["sourceIp"], "127.0.0.1");
        let at: Timestamp = text(&row["at"]).parse().unwrap();
        assert!(
            began.as_millisecond() <= at.as_millisecond() && at <= later,
            "{row}"
        );
        later = at;
    }
    let subject = format!("credentials/{id}");
    assert!(rows.iter().all(|row| row["subject"] == subject.as_str()));
    let found = user.get(&format!("/audit?subject={subject}")).await;
    assert_eq!(found.body["audit"], json!(rows), "the same by its subject");
    assert_eq!(rows[4]["details"], json!({"from": user.name, "to": name}));
    assert_eq!(
        rows[3]["details"],
        json!({"lastFour": next.last_four(), "lastFourBefore": user.last_four()})
    );
    assert_eq!(
        rows[2]["details"],
        json!({"from": null, "to": {"everyDays": 90}})
    );
    let all = format!("{rows:?}");
    assert!(!all.contains(&user.key) && !all.contains(&next.key));
}

#[tokio::test]
async fn an_audit_of_nothing_and_a_foreign_cursor_are_refused() {
    let user = User::new("good");
    let id = user.store_credential().await;
    let other = User::new("good").store_credential().await;
    let nothing = user.get("/credentials/nobody/audit").await;
    assert_eq!(nothing.status, 404, "{:?}", nothing.body);
    user.put(
        &format!("/credentials/{other}"),
        &json!({"name": format!("{}-x", user.name)}),
    )
    .await;
    let page = user
        .get(&format!("/credentials/{other}/audit?limit=1"))
        .await;
    let foreign = text(&page.body["cursor"]);
    for cursor in ["nonsense", &foreign] {
        let refused = user
            .get(&format!("/credentials/{id}/audit?cursor={cursor}"))
            .await;
        assert_eq!(refused.status, 400, "{cursor}: {:?}", refused.body);
        assert_eq!(refused.body["code"], "InvalidRequest");
    }
    let by_name = user.get(&format!("/credentials/{}/audit", user.name)).await;
    assert_eq!(list(&by_name.body["audit"]).len(), 1);
}
