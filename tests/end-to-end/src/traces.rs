//! Everything that the stack writes down: tests look for what must not be in it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use aws_sdk_dynamodb::types::AttributeValue;
use local_table::variable;
use steps_store::keys;

use crate::{aws, table};

/// Every item of the stack's table, as text.
pub async fn whole_table() -> String {
    let items = aws_sdk_dynamodb::Client::new(&aws().await)
        .scan()
        .table_name(table())
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .expect("the table can be read");
    assert!(!items.is_empty());
    format!("{items:?}")
}

/// The items of a run, with their attributes.
pub async fn items_of(run: &str) -> Vec<HashMap<String, AttributeValue>> {
    aws_sdk_dynamodb::Client::new(&aws().await)
        .query()
        .table_name(table())
        .key_condition_expression("pk = :run")
        .expression_attribute_values(":run", AttributeValue::S(keys::run(run).pk))
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .expect("the table can be read")
}

/// The objects of a run in the stack's bucket, with all versions that are kept of them.
pub async fn objects_of(run: &str) -> Vec<String> {
    let config = aws_sdk_s3::config::Builder::from(&aws().await)
        .force_path_style(true)
        .build();
    let listed = aws_sdk_s3::Client::from_conf(config)
        .list_object_versions()
        .bucket(variable("BUCKET_NAME"))
        .prefix(format!("runs/{run}/"))
        .send()
        .await
        .expect("the bucket can be listed");
    let keys = listed.versions().iter().filter_map(|version| version.key());
    let markers = listed.delete_markers().iter();
    let markers = markers.filter_map(|marker| marker.key());
    keys.chain(markers).map(str::to_owned).collect()
}

/// What the functions have logged.
pub fn function_logs() -> String {
    let logs = Command::new(root().join("infra/local/stack.py"))
        .arg("logs")
        .output()
        .expect("the functions' logs can be read");
    String::from_utf8_lossy(&logs.stdout).into_owned()
}

/// The files that the local AWS and the stand-in have logged to, with what is in them.
pub fn service_logs() -> Vec<(PathBuf, String)> {
    let folder = root()
        .join(env::var("LOCAL_DIR").unwrap_or_else(|_| ".local".to_owned()))
        .join("logs");
    let mut found = Vec::new();
    files(&folder, &mut found);
    assert!(!found.is_empty(), "there are logs in {}", folder.display());
    found
        .into_iter()
        .map(|file| {
            let log = fs::read(&file).expect("a log can be read");
            (file, String::from_utf8_lossy(&log).into_owned())
        })
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}
