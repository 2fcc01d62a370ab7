//! What calls cost whose answer did not say, because it broke off or its function died: asked of OpenRouter afterwards.

use std::time::Duration;

use rust_decimal::Decimal;
use secrecy::ExposeSecret;
use steps_openrouter::ApiKey;
use steps_problem::Problem;
use steps_runs::{Attempt, Lease, Work};
use steps_workflow::OpenRouterNode;
use tokio::time::sleep;

use crate::handler::{Done, ExecuteNode};

/// OpenRouter writes a generation down a while after it ended. A node that has ended is not visited again, so its
/// last visit waits a little; one that will be is asked about then.
const PAUSES_AT_THE_END: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

impl ExecuteNode {
    /// Records the costs of this node's attempts that have a generation and no cost yet, `last` being this one.
    /// A cost that stays unknown is logged; nothing fails because of it.
    pub(crate) async fn recover_costs(
        &self,
        work: &Work,
        node: &OpenRouterNode,
        lease: &Lease,
        last: Attempt,
        ended: &Result<Done, Problem>,
    ) {
        let earlier = work
            .node
            .iter()
            .flat_map(|record| &record.attempts)
            .cloned();
        let mut open: Vec<(usize, Attempt)> = earlier
            .chain([last])
            .enumerate()
            .filter(|(_, attempt)| attempt.generation_id.is_some() && attempt.cost_usd.is_none())
            .collect();
        let pauses: &[Duration] = match ended {
            Ok(Done::Wait { .. }) => &[],
            _ => &PAUSES_AT_THE_END,
        };
        let mut pauses = pauses.iter();
        while !open.is_empty() {
            let mut unknown = Vec::new();
            for (index, attempt) in open {
                match self.recover(work, node, lease, index, &attempt).await {
                    Ok(true) => {}
                    Ok(false) => unknown.push((index, attempt)),
                    Err(problem) => {
                        tracing::warn!(
                            code = problem.code,
                            "a generation could not be asked about"
                        );
                        unknown.push((index, attempt));
                    }
                }
            }
            open = unknown;
            match pauses.next() {
                Some(pause) if !open.is_empty() => sleep(*pause).await,
                _ => break,
            }
        }
        for (index, attempt) in open {
            tracing::warn!(
                generation = attempt.generation_id,
                attempt = index + 1,
                "what the generation cost is not known yet"
            );
        }
    }

    /// Whether OpenRouter knew the cost, and it is recorded.
    async fn recover(
        &self,
        work: &Work,
        node: &OpenRouterNode,
        lease: &Lease,
        index: usize,
        attempt: &Attempt,
    ) -> Result<bool, Problem> {
        let (Some(id), Some(credential)) = (
            &attempt.generation_id,
            work.run.credentials.get(&node.credential),
        ) else {
            return Ok(true);
        };
        let key = self.secrets.read(credential).await?;
        let key = ApiKey::parse(key.expose_secret())?;
        let generation = self.openrouter.generation(&key, id).await?;
        let Some(cost) = generation.and_then(|generation| generation.total_cost) else {
            return Ok(false);
        };
        let reserved = attempt.reserved_usd.unwrap_or(Decimal::ZERO);
        let give_back = work.run.max_cost_usd.map(|_| reserved - cost);
        self.store
            .recover_cost(lease, index, cost, give_back)
            .await?;
        Ok(true)
    }
}
