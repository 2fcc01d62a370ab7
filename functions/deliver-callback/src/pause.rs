//! How long a message stays out of sight.

use jiff::Timestamp;

/// The first pause after a post that failed, and how it grows: 5 s, 15 s, 45 s, 2, 7, 20 minutes, an hour.
const FIRST_SECONDS: i32 = 5;
const GROWTH: i32 = 3;
const LONGEST_SECONDS: i32 = 3600;

/// The longest that a message waits for the place of a slow receiver once that is free.
const LONGEST_FOR_A_PLACE: i32 = 600;

/// The pause after so many posts that failed.
pub(crate) fn after_tries(tries: u32) -> i32 {
    GROWTH
        .saturating_pow(tries.saturating_sub(1))
        .saturating_mul(FIRST_SECONDS)
        .min(LONGEST_SECONDS)
}

/// The pause of a message whose receiver's one place is taken until then. The more often it has come in vain, the longer: a
/// thousand of them do not keep the functions busy. They do not all come back at one moment.
pub(crate) fn for_a_place(until: Timestamp, came: u32) -> i32 {
    let taken = until.duration_since(Timestamp::now()).as_secs();
    let taken = i32::try_from(taken.max(0)).unwrap_or(LONGEST_FOR_A_PLACE);
    let most = 2_i32.saturating_pow(came.min(20)).saturating_mul(5);
    taken.min(LONGEST_FOR_A_PLACE) + fastrand::i32(1..=most.min(LONGEST_FOR_A_PLACE))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        let pauses: Vec<i32> = (1..=8).map(after_tries).collect();
        assert_eq!(pauses, [5, 15, 45, 135, 405, 1215, 3600, 3600]);
        assert_eq!(after_tries(u32::MAX), 3600);
    }

    #[test]
    fn whoever_waits_for_a_place_waits_longer_each_time() {
        let now = Timestamp::now();
        for came in [0, 1, 5, 100, u32::MAX] {
            let pause = for_a_place(now, came);
            assert!((1..=600).contains(&pause), "{pause}");
            let pause = for_a_place(now + SignedDuration::from_secs(20), came);
            assert!((19..=620).contains(&pause), "{pause}");
        }
        assert!((0..50).all(|_| for_a_place(now, 1) <= 10));
    }
}
