//! Times Lambda functions: reads a plan from standard input, starts each program as Lambda would, round by round, and
//! prints what was measured. Both are JSON; `bench.py` writes the one and reads the other.

mod lambda;
mod measure;
mod upstream;

use std::io::{Write, stdin, stdout};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::measure::{Error, Program, measure};
use crate::upstream::Latency;

/// What is measured.
#[derive(Debug, Deserialize)]
struct Plan {
    /// How often each program is started. The programs take turns, so that a slow minute of the machine affects all of
    /// them.
    rounds: usize,
    /// How many calls of a warm program are timed in each round.
    warm_calls: usize,
    /// What each call is handed.
    event: Value,
    latency: Latency,
    programs: Vec<Program>,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let plan: Plan = serde_json::from_reader(stdin())?;
    let upstreams = upstream::serve(plan.latency).await?;
    let mut rounds = Vec::new();
    for round in 0..plan.rounds {
        for program in &plan.programs {
            let measured = measure(program, &plan.event, plan.warm_calls, &upstreams)
                .await
                .map_err(|error| format!("{}: {error}", program.name))?;
            rounds.push(json!({ "program": program.name, "round": round, "measured": measured }));
        }
    }
    serde_json::to_writer(stdout(), &rounds)?;
    stdout().flush()?;
    Ok(())
}
