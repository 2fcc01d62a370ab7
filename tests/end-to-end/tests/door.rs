//! Nobody gets in without the API's token, and every refusal is a problem in words.

use end_to_end::User;

#[tokio::test]
async fn no_token_and_a_wrong_token_are_refused() {
    let user = User::new("good");
    for path in ["/runs", "/credentials", "/workflows", "/models"] {
        assert_eq!(user.call_as(None, path).await.status, 401, "{path}");
        for wrong in ["Bearer wrong", "Bearer ", "Basic d3Jvbmc6d3Jvbmc="] {
            let status = user.call_as(Some(wrong), path).await.status;
            assert!(status == 403 || status == 401, "{path} {wrong}: {status}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_in_words() {
    let user = User::new("good");
    for (path, code) in [
        ("/runs/019ab000-0000-7000-8000-000000000000", "RunNotFound"),
        ("/workflows/nothing-here", "WorkflowNotFound"),
        ("/credentials/nothing-here", "CredentialNotFound"),
    ] {
        let answer = user.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.content_type, "application/problem+json");
        assert_eq!(answer.body["code"], code);
        assert_eq!(answer.body["status"], 404);
        assert!(answer.body["detail"].is_string());
        assert!(answer.body["solution"].is_array());
    }
}
