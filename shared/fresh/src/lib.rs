#![doc = include_str!("../README.md")]

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A cache: values by key, each remembered for a time.
#[derive(Debug)]
pub struct Fresh<K, V> {
    time: Duration,
    most: usize,
    kept: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash, V: Clone> Fresh<K, V> {
    /// Remembers each value for `time`, and at most `most` values: where one more is put in, all others are forgotten.
    #[must_use]
    pub fn new(time: Duration, most: usize) -> Self {
        Self {
            time,
            most,
            kept: Mutex::default(),
        }
    }

    /// The value of the key, if it is not older than the time.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let kept = self.kept();
        let (put_in_at, value) = kept.get(key)?;
        (put_in_at.elapsed() < self.time).then(|| value.clone())
    }

    /// Remembers a value; its time begins now.
    pub fn put(&self, key: K, value: V) {
        let mut kept = self.kept();
        if kept.len() >= self.most && !kept.contains_key(&key) {
            kept.clear();
        }
        kept.insert(key, (Instant::now(), value));
    }

    /// Forgets a value.
    pub fn forget<Q: Eq + Hash + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.kept().remove(key);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<K, (Instant, V)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_remembered_for_its_time() {
        let hour = Fresh::new(Duration::from_secs(3600), 10);
        hour.put("a".to_owned(), 1);
        hour.put("a".to_owned(), 2);
        assert_eq!((hour.get("a"), hour.get("b")), (Some(2), None));
        hour.forget("a");
        assert_eq!(hour.get("a"), None);
        let never = Fresh::new(Duration::ZERO, 10);
        never.put("a", 1);
        assert_eq!(never.get("a"), None);
    }

    #[test]
    fn no_more_are_remembered_than_the_most() {
        let two = Fresh::new(Duration::MAX, 2);
        for key in 0..2 {
            two.put(key, key);
        }
        two.put(1, 7);
        assert_eq!((two.get(&0), two.get(&1)), (Some(0), Some(7)));
        two.put(2, 2);
        assert_eq!((two.get(&0), two.get(&2)), (None, Some(2)));
    }
}
