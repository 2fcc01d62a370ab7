//! `PUT /workflows/{id}/sources/{arn}`: lets a queue, topic or bucket start a workflow. One source starts one workflow.

use steps_api::SourceView;
use steps_lambda::Answer;
use steps_problem::{Fault, Problem};

use crate::app::App;

/// Stores the source, unless it starts another workflow already.
pub(crate) async fn put_source(app: &App, workflow: &str, arn: &str) -> Result<Answer, Problem> {
    app.store.workflows().must_exist(workflow).await?;
    if !names_a_source(arn) {
        return Err(Problem::new(
            422,
            "InvalidSource",
            "Invalid Source",
            "the path does not name a source of events; nothing was stored",
        )
        .solution(["Put the ARN of an SQS queue, an SNS topic or an S3 bucket at the path's end"])
        .faults(vec![Fault::at(
            "arn",
            format!("`{arn}` is none of `arn:aws:sqs:REGION:ACCOUNT:QUEUE`, `arn:aws:sns:REGION:ACCOUNT:TOPIC`, `arn:aws:s3:::BUCKET`"),
        )]));
    }
    if !app.store.sources().put(arn, workflow).await? {
        return Err(Problem::new(
            409,
            "SourceTaken",
            "Source Taken",
            format!("the events of `{arn}` start another workflow already"),
        )
        .solution([
            "Delete it there first with DELETE /workflows/{id}/sources/{arn}",
            "For several workflows use an EventBridge rule with a target for each",
        ]));
    }
    Answer::json(
        200,
        &SourceView {
            arn: arn.to_owned(),
            workflow_id: workflow.to_owned(),
        },
    )
}

fn names_a_source(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    let [arn, partition, service, region, account, name] = parts.as_slice() else {
        return false;
    };
    let placed = match *service {
        "s3" => region.is_empty() && account.is_empty(),
        "sqs" | "sns" => {
            !region.is_empty() && account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    *arn == "arn"
        && partition.starts_with("aws")
        && placed
        && !name.is_empty()
        && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::names_a_source;

    #[test]
    fn queues_topics_and_buckets_are_sources() {
        for arn in [
            "arn:aws:sqs:eu-central-1:123456789012:orders.fifo",
            "arn:aws-cn:sns:cn-north-1:123456789012:orders",
            "arn:aws:s3:::my.bucket",
        ] {
            assert!(names_a_source(arn), "{arn}");
        }
        for arn in [
            "orders",
            "arn:aws:sqs:eu-central-1:1234:orders",
            "arn:aws:sns:eu-central-1:123456789012:orders:0b1c2d3e",
            "arn:aws:lambda:eu-central-1:123456789012:orders",
            "arn:aws:s3:eu-central-1::bucket",
            "arn:aws:s3:::",
            "arn:aws:s3:::bucket/key",
        ] {
            assert!(!names_a_source(arn), "{arn}");
        }
    }
}
