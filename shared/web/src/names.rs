//! How a host's name becomes addresses. Those that are not public are left out before any connection is made to them.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

use crate::address::not_public;

/// Where names are looked up: the system, and before it the names that a test gives.
#[derive(Debug, Clone, Default)]
pub struct Names {
    given: Arc<Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>>,
}

/// What are no names for a test.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name with its addresses, such as `a.test=192.0.2.1+::1>10.0.0.1`")]
pub struct InvalidNames(pub String);

impl Names {
    /// Names as a test gives them, `;` between them: `a.test=8.8.8.8;b.test=8.8.8.8>127.0.0.1+::1`. After `>` stands what the
    /// next look-up is answered; the last answer stays.
    ///
    /// # Errors
    /// [`InvalidNames`].
    pub fn for_tests(text: &str) -> Result<Self, InvalidNames> {
        let entries = text.split(';').map(str::trim);
        let given = entries
            .filter(|entry| !entry.is_empty())
            .map(|entry| given(entry).ok_or_else(|| InvalidNames(entry.to_owned())))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            given: Arc::new(Mutex::new(given)),
        })
    }

    async fn look_up(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        if let Some(addresses) = self.given(name) {
            let addresses = addresses.into_iter();
            return Ok(addresses.map(|ip| SocketAddr::new(ip, 0)).collect());
        }
        Ok(lookup_host((name, 0)).await?.collect())
    }

    fn given(&self, name: &str) -> Option<Vec<IpAddr>> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = given.get_mut(name.trim_end_matches('.'))?;
        if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        }
    }
}

fn given(entry: &str) -> Option<(String, VecDeque<Vec<IpAddr>>)> {
    let (name, answers) = entry.split_once('=')?;
    let addresses = |answer: &str| {
        let addresses = answer.split('+').filter(|text| !text.is_empty());
        addresses.map(|text| text.parse().ok()).collect()
    };
    let answers: Option<_> = answers.split('>').map(addresses).collect();
    Some((name.to_owned(), answers?))
}

/// A name that has no public address.
#[derive(Debug, thiserror::Error)]
#[error("its name leads to {what}")]
pub(crate) struct NotPublic {
    /// What its first address is.
    pub(crate) what: &'static str,
}

/// Gives a name's public addresses.
pub(crate) struct PublicOnly(pub(crate) Names);

/// Gives all of a name's addresses.
pub(crate) struct All(pub(crate) Names);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.0.clone();
        Box::pin(async move {
            let found = names.look_up(name.as_str()).await?;
            let what = found.iter().find_map(|address| not_public(address.ip()));
            let public: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| not_public(address.ip()).is_none())
                .collect();
            match what {
                Some(what) if public.is_empty() => Err(NotPublic { what }.into()),
                _ => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

impl Resolve for All {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.0.clone();
        Box::pin(async move {
            let found = names.look_up(name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    }

    async fn public(names: &Names, name: &str) -> Result<Vec<String>, String> {
        let found = PublicOnly(names.clone()).resolve(name.parse().unwrap());
        match found.await {
            Ok(addresses) => Ok(addresses.map(|address| address.ip().to_string()).collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn only_public_addresses_of_a_name_are_given_and_a_name_without_one_is_refused() {
        runtime().block_on(async {
            let text = "mixed.test=10.0.0.1+8.8.8.8+::1;private.test=10.0.0.1;none.test=";
            let names = Names::for_tests(text).unwrap();
            assert_eq!(public(&names, "mixed.test").await.unwrap(), ["8.8.8.8"]);
            let refused = public(&names, "private.test").await.unwrap_err();
            assert!(refused.contains("a private address"), "{refused}");
            assert_eq!(public(&names, "none.test").await.unwrap().len(), 0);
            let refused = public(&names, "localhost").await.unwrap_err();
            assert!(refused.contains("a loopback address"), "{refused}");
        });
    }

    #[test]
    fn a_name_may_answer_otherwise_the_next_time() {
        runtime().block_on(async {
            let names = Names::for_tests("turns.test=8.8.8.8>127.0.0.1").unwrap();
            assert_eq!(public(&names, "turns.test").await.unwrap(), ["8.8.8.8"]);
            for _ in 0..2 {
                assert!(public(&names, "turns.test.").await.is_err());
            }
        });
    }

    #[test]
    fn what_are_no_names_is_refused() {
        for text in ["a", "a=b", "a=1.2.3.4>x"] {
            assert!(Names::for_tests(text).is_err(), "{text}");
        }
    }
}
