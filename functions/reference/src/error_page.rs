//! `GET /errors/{code}`: the page that explains an error code, in Markdown. The `type` of every problem is its path.

use steps_lambda::Answer;
use steps_problem::{Problem, nearest};

use crate::pages::PAGES;

/// The page of `code`.
pub(crate) fn error_page(code: &str) -> Result<Answer, Problem> {
    match PAGES.iter().find(|(known, _)| *known == code) {
        Some((_, page)) => Ok(Answer::text("text/markdown; charset=utf-8", *page)),
        None => Err(unknown(code)),
    }
}

fn unknown(code: &str) -> Problem {
    let near = nearest(code, PAGES.iter().map(|(known, _)| *known));
    let meant = near.map(|near| format!("Did you mean /errors/{near}?"));
    let look_up = "Look the code up in docs/errors/README.md, which lists all of them";
    Problem::new(
        404,
        "ErrorPageNotFound",
        "Error Page Not Found",
        format!("no problem has the code `{code}`"),
    )
    .solution(meant.into_iter().chain([look_up.to_owned()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_code_is_told_with_the_near_one() {
        let problem = error_page("runNotFoud").unwrap_err();
        assert_eq!(
            (problem.status, problem.code.as_str()),
            (404, "ErrorPageNotFound")
        );
        assert_eq!(problem.solution[0], "Did you mean /errors/RunNotFound?");
        assert_eq!(error_page("sleep").unwrap_err().solution.len(), 1);
    }
}
