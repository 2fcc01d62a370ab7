//! A node of a recorded run: claimed, called, settled. Its answer is stored before success is reported, and a
//! finished node is never called again.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use steps_openrouter::Completion;
use steps_problem::{MESSAGE, Problem, short};
use steps_runs::{
    Attempt, Claim, Claimed, Lease, NodeRecord, NodeStatus, Outcome, RUN_ABORTED, Reserve,
    RunStatus, Work, timed_out,
};
use steps_workflow::{Kind, Node, OpenRouterNode, Workflow};
use tokio::time::{Instant, sleep, timeout};

use crate::budget::over_budget;
use crate::handler::{
    Answered, CLOSING_TIME, CallError, Done, ExecuteNode, NodeOfRun, timeouts, wait_seconds,
};
use crate::node_variable::node_variable;
use crate::price::ceiling;
use crate::request::{asks_for_json, chat_request};
use crate::watch::{LEASE, Watch};

/// Kept back from Lambda's deadline for the function's own answer.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// The longest pause before the end of an attempt is tried to be written again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long a node that has ended may be kept for what its attempts cost; less than what is kept back from Lambda's
/// deadline.
const RECOVERY_TIME: Duration = Duration::from_secs(12);

impl ExecuteNode {
    pub(crate) async fn node_of_run(
        &self,
        task: &NodeOfRun,
        remaining: Duration,
    ) -> Result<Done, Problem> {
        let NodeOfRun {
            run_id,
            execution,
            node_id,
            needs,
        } = task;
        let execution = *execution;
        // AWS may take its time: what is left is counted to a moment, not from one.
        let call_until = Instant::now() + remaining;
        let work = self.store.work(run_id, node_id, needs).await?;
        let now = Timestamp::now();
        if let Some(record) = &work.node
            && let Some(done) = already(record, execution, now)
        {
            return done;
        }
        check_goes_on(&work, execution, now)?;
        let workflow = Workflow::from_stored(&work.run.definition).map_err(|_| {
            Problem::from(steps_runs::Error::Malformed {
                attribute: "definition",
            })
        })?;
        let node = workflow.node(node_id).ok_or_else(|| {
            Problem::from(steps_runs::Error::NotFound {
                what: "node",
                id: node_id.clone(),
            })
        })?;
        let Kind::OpenRouter(openrouter) = &node.kind;
        let prepared = self.prepare(&work, &workflow, openrouter).await;
        let now = Timestamp::now();
        let claim = |reserve| Claim {
            run_id,
            execution,
            node_id,
            seen: work.node.as_ref(),
            now,
            lease: LEASE,
            reserve,
        };
        let reserve = prepared
            .as_ref()
            .ok()
            .and_then(|prepared| prepared.reserve.as_ref());
        let (lease, prepared) = match self.store.claim(&claim(reserve)).await? {
            Claimed::Granted(lease) => (lease, prepared),
            Claimed::Taken(record) => {
                return already(&record, execution, now).unwrap_or(Ok(Done::look_again(1)));
            }
            Claimed::OverBudget(over) => match self.store.claim(&claim(None)).await? {
                Claimed::Granted(lease) => (lease, Err(over_budget(&over))),
                _ => return Ok(Done::look_again(1)),
            },
        };
        let answered = match prepared {
            Ok(prepared) => {
                let limit = call_until.saturating_duration_since(Instant::now());
                let run_left = duration(work.run.deadline, Timestamp::now());
                self.answer(&lease, &prepared, node, limit.min(run_left))
                    .await
            }
            Err(problem) => Err(problem.into()),
        };
        let attempt = attempt(now, &answered);
        let earlier = work
            .node
            .as_ref()
            .map_or(&[][..], |record| record.attempts.as_slice());
        let mut unpriced: Vec<(usize, Attempt)> = earlier
            .iter()
            .chain([&attempt])
            .cloned()
            .enumerate()
            .filter(|(_, attempt)| attempt.is_unpriced())
            .collect();
        if let Some((index, last)) = unpriced.last_mut()
            && *index == earlier.len()
        {
            last.reserved = lease.reserved().cloned();
        }
        let ending = Ending {
            work: &work,
            node,
            lease: &lease,
            unpriced: !unpriced.is_empty(),
            until: call_until + CLOSING_TIME - LAST_WORDS,
        };
        let ended = self.settle(&ending, attempt, answered).await;
        // The end is written: what is not known in time is asked for later.
        let recovered = self.recover_costs(&work.run, node, unpriced, &ended);
        if timeout(RECOVERY_TIME, recovered).await.is_err() {
            tracing::info!(run = run_id, node = node_id, "costs are asked for later");
        }
        ended
    }

    async fn prepare(
        &self,
        work: &Work,
        workflow: &Workflow,
        node: &OpenRouterNode,
    ) -> Result<Prepared, Problem> {
        let known: Vec<&str> = workflow
            .nodes
            .iter()
            .map(|node| node.variable_name.as_str())
            .collect();
        let mut request = chat_request(node, &context(work, workflow), &known)?;
        let credential_id = work
            .run
            .credentials
            .get(&node.credential)
            .cloned()
            .ok_or_else(|| steps_runs::Error::NotFound {
                what: "credential",
                id: node.credential.clone(),
            })?;
        let budgets = self.budgets(&work.run, &credential_id).await?;
        let reserve = if budgets.is_empty() {
            None
        } else {
            let ceiling = ceiling(&request, &self.catalogue, &self.openrouter).await?;
            ceiling.keep_to(&mut request);
            Some(Reserve {
                usd: ceiling.most(&request),
                budgets,
            })
        };
        Ok(Prepared {
            request,
            credential_id,
            reserve,
        })
    }

    /// Calls the model. Meanwhile the generation's id is written down, the lease kept alive, and the run watched: a
    /// run that is cancelled drops its calls.
    async fn answer(
        &self,
        lease: &Lease,
        prepared: &Prepared,
        node: &Node,
        limit: Duration,
    ) -> Answered {
        let limits = timeouts(node.timeout_seconds, limit);
        let mut watch = Watch::new(&self.store, lease);
        let call = self.call(&prepared.credential_id, &prepared.request, &limits);
        let call = watch.over(call).await??;
        let generation_id = call.generation_id().map(str::to_owned);
        let note = self.note(lease, generation_id.clone());
        match watch
            .over(async { tokio::join!(call.finish(), note).0 })
            .await
        {
            Ok(completion) => completion.map_err(CallError::from),
            Err(cancelled) => Err(CallError {
                generation_id,
                ..cancelled.into()
            }),
        }
    }

    async fn note(&self, lease: &Lease, generation_id: Option<String>) {
        if let Some(id) = generation_id {
            tracing::info!(generation = id, "generation begun");
            if let Err(error) = self.store.note_generation(lease, &id).await {
                tracing::warn!(%error, generation = id, "the generation's id could not be noted");
            }
        }
    }

    /// Writes down how the attempt ended, and says it to Step Functions.
    async fn settle(
        &self,
        ending: &Ending<'_>,
        mut attempt: Attempt,
        answered: Answered,
    ) -> Result<Done, Problem> {
        let Ending {
            work, node, lease, ..
        } = ending;
        let now = Timestamp::now();
        let Kind::OpenRouter(openrouter) = &node.kind;
        let error = match answered {
            Ok(completion) => {
                let output = node_variable(&completion, asks_for_json(openrouter));
                tracing::info!(
                    run = work.run.id,
                    node = node.id,
                    generation = completion.generation_id,
                    model = completion.model,
                    provider = completion.provider,
                    cost_usd = completion.cost_usd.map(|cost| cost.to_string()),
                    "answered"
                );
                let outcome = Outcome::Succeeded(&output);
                self.write_end(ending, &attempt, &outcome).await?;
                return Ok(Done::Succeeded { output: None });
            }
            Err(error) => error,
        };
        let number = u32::try_from(lease.attempt_number()).unwrap_or(u32::MAX);
        let run_left = duration(work.run.deadline, now);
        let wait = wait_seconds(&error, number, node.retry.max_attempts, run_left);
        let problem = error.problem;
        let problem = if run_left.is_zero() && problem.code != RUN_ABORTED {
            timed_out(None)
        } else {
            problem.redacted()
        };
        attempt.code = Some(problem.code.clone());
        attempt.message = Some(short(&problem.to_string(), MESSAGE));
        attempt.wait_seconds = wait;
        match wait {
            Some(seconds) => {
                tracing::info!(
                    run = work.run.id,
                    node = node.id,
                    code = problem.code,
                    seconds,
                    "waits"
                );
                let outcome = Outcome::Waiting {
                    until: now + Duration::from_secs(seconds),
                    problem: &problem,
                };
                self.write_end(ending, &attempt, &outcome).await?;
                Ok(Done::Wait {
                    seconds,
                    code: Some(problem.code),
                })
            }
            None => {
                let outcome = Outcome::Failed(&problem);
                self.write_end(ending, &attempt, &outcome).await?;
                Err(problem)
            }
        }
    }

    /// Writes the end of the attempt. Where the store refuses it for good, a short failure is written instead: the
    /// money stays counted, the texts are left out, and the run fails at once under the store's own code.
    async fn write_end(
        &self,
        ending: &Ending<'_>,
        attempt: &Attempt,
        outcome: &Outcome<'_>,
    ) -> Result<(), Problem> {
        let problem = match self.write(ending, attempt, outcome).await {
            Err(error) if !error.passes() => Problem::from(error),
            written => return Ok(written?),
        };
        tracing::warn!(
            run = ending.work.run.id,
            node = ending.node.id,
            cause = problem.cause,
            "the attempt's end is refused: a short one is written"
        );
        let short = Attempt {
            code: Some(problem.code.clone()),
            message: None,
            wait_seconds: None,
            ..attempt.clone()
        };
        self.write(ending, &short, &Outcome::Failed(&problem))
            .await?;
        Err(problem)
    }

    /// Writes the end of the attempt, again and again where the trouble may pass.
    async fn write(
        &self,
        ending: &Ending<'_>,
        attempt: &Attempt,
        outcome: &Outcome<'_>,
    ) -> Result<(), steps_runs::Error> {
        let mut pause = Duration::from_millis(200);
        loop {
            let now = Timestamp::now();
            let settled = self
                .store
                .settle(ending.lease, attempt, outcome, ending.unpriced, now);
            let Err(error) = settled.await else {
                return Ok(());
            };
            if !error.passes() || Instant::now() + pause > ending.until {
                return Err(error);
            }
            tracing::warn!(%error, "the attempt's end could not be written yet");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// An attempt that is over, and has to be written down.
struct Ending<'a> {
    work: &'a Work,
    node: &'a Node,
    lease: &'a Lease,
    /// Whether OpenRouter has yet to say what it, or an earlier one, cost.
    unpriced: bool,
    /// When there is no more time for it: an answer may be paid for, so it is tried as long as the function lives.
    until: Instant,
}

/// What a node needs to be called.
struct Prepared {
    request: steps_openrouter::ChatRequest,
    credential_id: String,
    reserve: Option<Reserve>,
}

/// The attempt that ends now.
fn attempt(started: Timestamp, answered: &Answered) -> Attempt {
    let (generation_id, cost_usd, usage) = match answered {
        Ok(Completion {
            generation_id,
            cost_usd,
            usage,
            ..
        }) => (generation_id, cost_usd, Some(usage)),
        Err(error) => (&error.generation_id, &error.cost_usd, error.usage.as_ref()),
    };
    Attempt {
        started_at: format!("{started:.3}"),
        ended_at: Some(format!("{:.3}", Timestamp::now())),
        generation_id: generation_id.clone(),
        cost_usd: *cost_usd,
        usage: usage.filter(|usage| !usage.is_empty()).cloned(),
        ..Attempt::default()
    }
}

/// The answer for a node that needs no call now: it has ended, waits, or is in another function's hands.
fn already(record: &NodeRecord, execution: u32, now: Timestamp) -> Option<Result<Done, Problem>> {
    if let Some(wait) = record.claimable_in(execution, now) {
        let mut seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        if record.execution < execution {
            // A function of the execution before still works on it: its answer holds for this one too.
            seconds = seconds.min(look_again_in(record, now));
        }
        return (seconds > 0).then(|| Ok(Done::look_again(seconds)));
    }
    Some(match record.status {
        NodeStatus::Succeeded => Ok(Done::Succeeded { output: None }),
        _ => Err(record
            .error
            .clone()
            .unwrap_or_else(|| steps_runs::Error::Malformed { attribute: "error" }.into())),
    })
}

/// How many seconds until a node in another function's hands is looked at again: the longer it has taken, the later.
fn look_again_in(record: &NodeRecord, now: Timestamp) -> u64 {
    let started = record
        .attempts
        .last()
        .and_then(|attempt| attempt.started_at.parse().ok())
        .unwrap_or(now);
    (duration(now, started).as_secs() / 4).max(2)
}

/// A problem where the run may not go on.
fn check_goes_on(work: &Work, execution: u32, now: Timestamp) -> Result<(), Problem> {
    let run = &work.run;
    if run.status != RunStatus::Running || run.execution != execution {
        let cause = match run.status {
            RunStatus::Running => {
                "the run was resumed: another execution goes on with it".to_owned()
            }
            status => format!("the run is {} already", status.as_str()),
        };
        return Err(Problem::new(409, "RunEnded", "Run Ended", cause)
            .solution(["Resume the run, or start the workflow again"]));
    }
    if duration(run.deadline, now).is_zero() {
        return Err(timed_out(None));
    }
    Ok(())
}

fn duration(until: Timestamp, now: Timestamp) -> Duration {
    until.duration_since(now).try_into().unwrap_or_default()
}

/// What templates see: the trigger's input at the root, `trigger`, and one variable for each finished node.
fn context(work: &Work, workflow: &Workflow) -> Value {
    let mut context = match &work.run.input {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    let mut trigger = match &work.run.trigger.context {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    trigger.insert("type".to_owned(), json!(work.run.trigger.kind));
    trigger.insert("runId".to_owned(), json!(work.run.id));
    trigger.entry("id").or_insert_with(|| json!(work.run.id));
    trigger.insert(
        "time".to_owned(),
        json!(format!("{:.3}", work.run.started_at)),
    );
    context.insert("trigger".to_owned(), Value::Object(trigger));
    for (id, output) in &work.outputs {
        if let Some(node) = workflow.node(id) {
            context.insert(node.variable_name.clone(), output.clone());
        }
    }
    Value::Object(context)
}
