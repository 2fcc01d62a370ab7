//! Switches: whether runs of a workflow, or any runs at all, may start. Runs that go on are not touched.

use jiff::Timestamp;

use crate::Error;
use crate::keys;
use crate::table::{Attribute, Item, Put, Table};

/// A switch as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// Whether runs may start.
    pub enabled: bool,
    /// Why, in the words of who changed it.
    pub reason: Option<String>,
    /// When it was changed; `None` where it never was.
    pub changed_at: Option<Timestamp>,
}

impl Default for Switch {
    fn default() -> Self {
        Self {
            enabled: true,
            reason: None,
            changed_at: None,
        }
    }
}

/// 1 where runs may start, 0 where not.
const ENABLED: Attribute<u32> = Attribute::new("enabled");
const REASON: Attribute<String> = Attribute::new("reason");
/// Not by the name that nodes have it under: that would put the switch into the index of nodes' changes.
const SWITCHED_AT: Attribute<Timestamp> = Attribute::new("switchedAt");

/// The switches of workflows, and that of the stack.
#[derive(Debug, Clone)]
pub struct Switches(pub(crate) Table);

impl Switches {
    /// A workflow's switch. One that was never changed is on.
    pub async fn of_workflow(&self, workflow_id: &str) -> Result<Switch, Error> {
        self.get(keys::workflow_switch(workflow_id)).await
    }

    /// The stack's switch. One that was never changed is on.
    pub async fn of_stack(&self) -> Result<Switch, Error> {
        self.get(keys::stack_switch()).await
    }

    /// The workflow's switch and the stack's, from one read.
    pub async fn of_both(&self, workflow_id: &str) -> Result<(Switch, Switch), Error> {
        let (workflow, stack) = (keys::workflow_switch(workflow_id), keys::stack_switch());
        let items = self.0.get_many(&[workflow.clone(), stack.clone()]).await?;
        let of = |key| {
            let item = items.iter().find(|item| keys::is_at(item, &key));
            item.map_or(Ok(Switch::default()), read)
        };
        Ok((of(workflow)?, of(stack)?))
    }

    /// Sets a workflow's switch.
    pub async fn set_workflow(&self, workflow_id: &str, switch: &Switch) -> Result<(), Error> {
        self.set(keys::workflow_switch(workflow_id), switch).await
    }

    /// Sets the stack's switch.
    pub async fn set_stack(&self, switch: &Switch) -> Result<(), Error> {
        self.set(keys::stack_switch(), switch).await
    }

    async fn get(&self, key: keys::Key) -> Result<Switch, Error> {
        let item = self.0.get(key).await?;
        item.as_ref().map_or(Ok(Switch::default()), read)
    }

    async fn set(&self, key: keys::Key, switch: &Switch) -> Result<(), Error> {
        let put = Put::of(key)
            .set(ENABLED, u32::from(switch.enabled))
            .set_some(REASON, switch.reason.as_ref())
            .set_some(SWITCHED_AT, switch.changed_at);
        self.0.write(put).await?;
        Ok(())
    }
}

fn read(item: &Item) -> Result<Switch, Error> {
    Ok(Switch {
        enabled: ENABLED.get(item)? == 1,
        reason: REASON.find(item)?,
        changed_at: SWITCHED_AT.find(item)?,
    })
}
