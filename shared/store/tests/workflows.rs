//! Whether a workflow exists can be read without its document.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use jiff::Timestamp;
use steps_store::{Action, Actor, AuditEntry, Credential, Error, Record};

use crate::world::World;

#[tokio::test]
async fn a_workflow_exists_from_its_first_version_to_its_deletion() {
    let world = World::new().await;
    let workflows = world.store.workflows();
    let missing = |found: Result<(), Error>| match found {
        Err(Error::NotFound { record, id }) => {
            assert_eq!((record, id.as_str()), (Record::Workflow, "w"))
        }
        other => panic!("{other:?}"),
    };
    missing(workflows.must_exist("w").await);
    // Too long for the item: reading it would read S3.
    let long: String = std::iter::repeat_with(fastrand::alphanumeric)
        .take(500_000)
        .collect();
    let names = BTreeSet::new();
    let put = workflows.put("w", "name", &long, &names, &names, Timestamp::now());
    assert_eq!(put.await.unwrap().version, 1);
    workflows.must_exist("w").await.unwrap();
    assert_eq!(workflows.get("w").await.unwrap().definition, long);
    workflows.delete("w").await.unwrap();
    missing(workflows.must_exist("w").await);
    let listed = workflows.list(10, None).await.unwrap();
    assert!(listed.rows.is_empty());
    let again = workflows.put("w", "name", "{}", &names, &names, Timestamp::now());
    assert_eq!(
        again.await.unwrap().version,
        2,
        "no version is written twice"
    );
    let listed = workflows.list(10, None).await.unwrap();
    assert_eq!(
        (listed.rows[0].id.as_str(), listed.rows[0].version),
        ("w", 2)
    );
}

#[tokio::test]
async fn of_two_long_documents_put_at_once_the_winners_text_is_kept() {
    let world = World::new().await;
    let workflows = world.store.workflows();
    let names = BTreeSet::new();
    let texts: Vec<String> = (0..4)
        .map(|_| {
            let characters = std::iter::repeat_with(fastrand::alphanumeric);
            characters.take(300_000).collect()
        })
        .collect();
    for _ in 0..3 {
        let puts = texts.iter().map(|text| {
            let (names, now) = (&names, Timestamp::now());
            workflows.put("raced", "name", text, names, names, now)
        });
        for put in join_all(puts).await {
            let Ok(put) = put else { continue };
            let kept = workflows.version("raced", put.version).await.unwrap();
            assert!(kept.definition == put.definition, "version {}", put.version);
        }
    }
}

#[tokio::test]
async fn a_credential_is_not_deleted_behind_a_put_that_names_it_and_not_named_once_it_is_gone() {
    let world = World::new().await;
    let (workflows, credentials) = (world.store.workflows(), world.store.credentials());
    let actor = Actor {
        principal: "test".to_owned(),
        source_ip: None,
    };
    let entry = AuditEntry::now(Action::Created, &actor, serde_json::Value::Null);
    let id = "0198c000-0000-7000-8000-000000000000".to_owned();
    let credential = Credential {
        id: id.clone(),
        name: "main".to_owned(),
        provider: "openrouter".to_owned(),
        auth: None,
        hosts: Vec::new(),
        last_four: "good".to_owned(),
        created_at: Timestamp::now(),
        last_used_at: None,
        last_check: None,
        max_cost_usd_per_day: None,
        rotation: None,
        last_rotation: None,
        revision: 1,
    };
    credentials.add(&credential, &entry).await.unwrap();
    let (names, ids) = (
        BTreeSet::from(["main".to_owned()]),
        BTreeSet::from([id.clone()]),
    );
    let put = async || {
        let put = workflows.put("w", "w", "{}", &names, &ids, Timestamp::now());
        put.await.map(drop)
    };
    let delete = async |named| {
        let now = Timestamp::now();
        let deleted = credentials.delete(&credential, named, now, now, &entry);
        deleted.await.map(drop)
    };
    let is_conflict = |result: Result<(), Error>| matches!(result, Err(Error::Conflict { .. }));

    // Its users are read, and there are none. Then a workflow is put that names it.
    let named = credentials.named(&id).await.unwrap();
    assert!(credentials.users(&["main"]).await.unwrap().is_empty());
    put().await.unwrap();
    assert!(is_conflict(delete(named).await));
    let named = credentials.named(&id).await.unwrap();
    assert_eq!(credentials.users(&["main"]).await.unwrap().len(), 1);
    delete(named).await.unwrap();
    // A put that has read it before comes too late.
    assert!(is_conflict(put().await));
}
