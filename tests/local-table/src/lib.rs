//! The local AWS of `make test`, and tables in it for single tests. They have the keys, indexes and projections that
//! `infra/template.yaml` gives to the deployed table.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "a test says what it expects by panicking"
)]

use std::path::Path;
use std::{env, fs};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, Projection,
};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use uuid::Uuid;
use yaml_serde::Value;

/// A variable of the local stack.
pub fn variable(name: &str) -> String {
    env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the end-to-end tests with `make test`"))
}

/// AWS as the stack's owner sees it.
pub async fn aws() -> SdkConfig {
    variable("AWS_ENDPOINT_URL");
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .load()
        .await
}

/// The template, read.
pub fn template() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/template.yaml");
    let text = fs::read_to_string(file).expect("the template is there");
    yaml_serde::from_str(&text).expect("the template is YAML")
}

/// Makes an empty table as the template has it; gives its name.
pub async fn new_table(client: &Client) -> String {
    let name = format!("sandbox-{}", Uuid::now_v7().simple());
    let template = template();
    let table = &template["Resources"]["Table"]["Properties"];
    let attributes = list(&table["AttributeDefinitions"])
        .iter()
        .map(|attribute| {
            AttributeDefinition::builder()
                .attribute_name(text(&attribute["AttributeName"]))
                .attribute_type(text(&attribute["AttributeType"]).into())
                .build()
                .expect("name and type are set")
        });
    let indexes = list(&table["GlobalSecondaryIndexes"]).iter().map(|index| {
        GlobalSecondaryIndex::builder()
            .index_name(text(&index["IndexName"]))
            .set_key_schema(Some(keys(&index["KeySchema"])))
            .projection(projection(&index["Projection"]))
            .build()
            .expect("name, keys and projection are set")
    });
    client
        .create_table()
        .table_name(&name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes.collect()))
        .set_key_schema(Some(keys(&table["KeySchema"])))
        .set_global_secondary_indexes(Some(indexes.collect()))
        .send()
        .await
        .expect("the table is made");
    name
}

fn keys(schema: &Value) -> Vec<KeySchemaElement> {
    let keys = list(schema).iter().map(|key| {
        KeySchemaElement::builder()
            .attribute_name(text(&key["AttributeName"]))
            .key_type(text(&key["KeyType"]).into())
            .build()
            .expect("name and type are set")
    });
    keys.collect()
}

fn projection(of: &Value) -> Projection {
    let names = of["NonKeyAttributes"].as_sequence();
    let names = names.map(|names| names.iter().map(|name| text(name).to_owned()).collect());
    Projection::builder()
        .projection_type(text(&of["ProjectionType"]).into())
        .set_non_key_attributes(names)
        .build()
}

fn list(value: &Value) -> &[Value] {
    value.as_sequence().map(Vec::as_slice).expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
