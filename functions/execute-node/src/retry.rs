//! Whether a failed call is tried again, and when.

use std::time::Duration;

use steps_nodes::Failed;

/// How long to wait before the next attempt, in whole seconds: as long as OpenRouter says, else a random time
/// up to a limit that doubles with every attempt (full jitter). No time at all where the next attempt corrects what this one has
/// left. `None` where there is to be no next attempt.
pub(crate) fn wait_seconds(
    failed: &Failed,
    attempt: u32,
    max_attempts: u32,
    left: Duration,
) -> Option<u64> {
    const FIRST: u64 = 2;
    const LONGEST: u64 = 60;
    if !failed.problem.retryable || attempt >= max_attempts {
        return None;
    }
    let limit = (FIRST << attempt.min(10)).min(LONGEST);
    if failed.draft.is_some() {
        return (!left.is_zero()).then_some(0);
    }
    let seconds = match failed.retry_after {
        Some(after) => after.as_secs() + u64::from(after.subsec_nanos() > 0),
        None => fastrand::u64(1..=limit),
    };
    let seconds = seconds.max(1);
    (Duration::from_secs(seconds) < left).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use steps_problem::Problem;

    fn error(retryable: bool, retry_after: Option<Duration>) -> Failed {
        Failed {
            retry_after,
            draft: None,
            problem: Problem::new(429, "RateLimitExceeded", "Rate Limit Exceeded", "slow down")
                .retryable(retryable),
        }
    }

    #[test]
    fn what_openrouter_says_is_waited_out_in_full() {
        let error = error(true, Some(Duration::from_millis(2_100)));
        assert_eq!(wait_seconds(&error, 1, 5, Duration::from_secs(60)), Some(3));
    }

    #[test]
    fn nothing_is_waited_out_past_the_time_left_or_the_last_attempt() {
        let after = Some(Duration::from_secs(30));
        assert_eq!(
            wait_seconds(&error(true, after), 1, 5, Duration::from_secs(20)),
            None
        );
        assert_eq!(
            wait_seconds(&error(true, after), 5, 5, Duration::from_secs(60)),
            None
        );
        assert_eq!(
            wait_seconds(&error(false, after), 1, 5, Duration::from_secs(60)),
            None
        );
    }

    #[test]
    fn waits_grow_and_stay_within_a_minute() {
        for attempt in 1..40 {
            let seconds =
                wait_seconds(&error(true, None), attempt, 50, Duration::from_secs(3600)).unwrap();
            assert!((1..=60).contains(&seconds), "{seconds}");
            assert!(seconds <= 2 << attempt.min(10), "{seconds}");
        }
    }
}
