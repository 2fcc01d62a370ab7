//! A lane's number among the attributes of the lane: who holds it, and who waits for it.

use crate::Error;
use crate::run::Part;
use crate::table::{Attribute, Condition, Item};

/// A lane of a later part, which sleeps until the number is let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heir {
    /// Its part.
    pub part: Part,
    /// The token of the task in which it sleeps.
    pub token: String,
    /// The call that wrote it. A later one is greater, as text.
    pub call: String,
}

/// The part whose lane holds the number; number 0 where nobody does.
pub(super) const HOLDER: Attribute<String> = Attribute::new("holder");
/// The part whose lane sleeps under the record's token.
pub(super) const TOKEN_OF: Attribute<String> = Attribute::new("tokenOf");
pub(super) const HEIR: Attribute<String> = Attribute::new("heir");
pub(super) const HEIR_OF: Attribute<String> = Attribute::new("heirOf");
pub(super) const HEIR_CALL: Attribute<String> = Attribute::new("heirCall");

/// Nobody's.
pub(super) fn free(take: u32) -> Part {
    Part { take, number: 0 }
}

/// A part among an item's attributes.
pub(super) fn part(item: &Item, attribute: Attribute<String>) -> Result<Option<Part>, Error> {
    let malformed = || Error::Malformed {
        attribute: attribute.name(),
    };
    let Some(text) = attribute.find(item)? else {
        return Ok(None);
    };
    Ok(Some(Part::parse(&text).ok_or_else(malformed)?))
}

pub(super) fn heir(item: &Item) -> Result<Option<Heir>, Error> {
    let token = HEIR.find(item)?;
    let part = part(item, HEIR_OF)?;
    let call = HEIR_CALL.find(item)?.unwrap_or_default();
    Ok(token
        .zip(part)
        .map(|(token, part)| Heir { part, token, call }))
}

/// The lane of this part holds its number.
pub(super) fn is_held_by(part: Part) -> Condition {
    let held = HOLDER.is(part.to_string());
    match part.number {
        // Unless somebody has written another holder in this take.
        1 => held.or(HOLDER
            .missing()
            .or(HOLDER.is_below(free(part.take).to_string()))),
        _ => held,
    }
}
