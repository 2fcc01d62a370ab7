//! Tokens: what is known of each, and the hash of its secret beside it.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steps_access::Scopes;

use crate::audit::{self, AuditEntry};
use crate::keys::{self, EXPIRES_AT};
use crate::table::item::kept_by_serde;
use crate::table::key::{PK, SK};
use crate::table::page::{Page, from_cursor, to_cursor};
use crate::table::{Attribute, Change, Item, Put, Query, Table, Transacted};
use crate::{Error, Record, millis};

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRecord {
    /// Its id, the middle part of the token: 32 hexadecimal digits.
    pub id: String,
    /// What it is for, as its maker wrote.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub created_at: Timestamp,
    /// From when on it is refused; absent where it does not end by itself.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub revoked_at: Option<Timestamp>,
}

impl TokenRecord {
    /// Whether whoever has its secret is let in at this time.
    pub fn is_good_at(&self, at: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| at < end)
    }
}

const TOKEN: Attribute<TokenRecord> = Attribute::new("token");
/// Beside the record, so that nothing shows it that shows a record.
const HASH: Attribute<Vec<u8>> = Attribute::new("hash");
/// A field of the record.
const REVOKED_AT: Attribute<Timestamp> = Attribute::new("revokedAt");

kept_by_serde!(TokenRecord);

/// For how long a token that has ended is still listed.
const LISTED_AFTERWARDS: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Where a page ends, and the next one begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    token: String,
}

/// Named tokens, by id.
#[derive(Debug, Clone)]
pub struct Tokens(pub(crate) Table);

impl Tokens {
    /// Records a new token with the hash of its secret.
    pub async fn add(
        &self,
        token: &TokenRecord,
        hash: Vec<u8>,
        entry: &AuditEntry,
    ) -> Result<(), Error> {
        let put = Put::of(keys::token(&token.id))
            .when(PK.missing())
            .set(TOKEN, token)
            .set(HASH, hash)
            .set_some(EXPIRES_AT, token.expires_at.map(dropped));
        let row = audit::row(&entry.clone().about(keys::audited_token(&token.id)));
        match self.0.transact([put.into(), row.into()]).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused { .. } => Err(Record::Token.conflict(&token.id)),
        }
    }

    /// The token, or [`Error::NotFound`].
    pub async fn get(&self, id: &str) -> Result<TokenRecord, Error> {
        let found = self.0.get(keys::token(id)).await?;
        TOKEN.get(&found.ok_or_else(|| Record::Token.not_found(id))?)
    }

    /// The token with the hash of its secret, from one read; `None` where there is none.
    pub async fn with_hash(&self, id: &str) -> Result<Option<(TokenRecord, Vec<u8>)>, Error> {
        let found = self.0.get(keys::token(id)).await?;
        let both = |item: &Item| Ok((TOKEN.get(item)?, HASH.get(item)?));
        found.as_ref().map(both).transpose()
    }

    /// Tokens, the newest first; also those that have ended, for 90 days.
    pub async fn list(
        &self,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<TokenRecord>, Error> {
        let from: Option<Place> = cursor.map(from_cursor).transpose()?;
        let tokens = PK.is(keys::TOKENS);
        let behind = match from {
            Some(from) => tokens.and(SK.is_below(keys::token(&from.token).sk)),
            None => tokens,
        };
        let query = Query::of(behind).backwards().limit(limit);
        let (items, next) = self.0.page(query).await?;
        let rows = items.iter().map(|item| TOKEN.get(item));
        let rows = rows.collect::<Result<Vec<_>, Error>>()?;
        let last = next.and(rows.last()).map(|last| last.id.clone());
        Ok(Page {
            cursor: last.and_then(|token| to_cursor(&Place { token })),
            rows,
        })
    }

    /// Has the token refused from now on. One that is revoked already stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke(&self, id: &str, at: Timestamp, entry: &AuditEntry) -> Result<(), Error> {
        let revoked = Change::of(keys::token(id))
            .when(PK.exists().and(TOKEN.field(REVOKED_AT).missing()))
            .set(TOKEN.field(REVOKED_AT), at)
            .set(EXPIRES_AT, dropped(at));
        let row = audit::row(&entry.clone().about(keys::audited_token(id)));
        match self.0.transact([revoked.into(), row.into()]).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused { .. } => self.get(id).await.map(drop),
        }
    }
}

/// When DynamoDB may drop a token that ends at `end`: seconds since 1970.
fn dropped(end: Timestamp) -> i64 {
    (end + LISTED_AFTERWARDS).as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_it_ends_or_is_revoked() {
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        let token = |expires: Option<i64>, revoked: Option<i64>| TokenRecord {
            id: String::new(),
            name: String::new(),
            scopes: Scopes::all(),
            created_at: at(0),
            expires_at: expires.map(at),
            revoked_at: revoked.map(at),
        };
        assert!(token(None, None).is_good_at(at(1_000_000)));
        assert!(token(Some(2), None).is_good_at(at(1)));
        assert!(!token(Some(2), None).is_good_at(at(2)));
        assert!(!token(None, Some(1)).is_good_at(at(1)));
    }
}
