//! One program, started once: when it is ready, how long its calls take, and what they cost the machine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::lambda::{Runtime, Told};
use crate::upstream::{ANSWER, COST, Upstreams};

/// Whatever keeps a program from being measured.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// How long to wait: long enough for the slowest start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that stands as a Lambda function.
#[derive(Debug, Deserialize)]
pub(crate) struct Program {
    pub(crate) name: String,
    /// The program and its arguments.
    command: Vec<String>,
    /// Variables of its own.
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// It answers with its event instead of the node's answer.
    #[serde(default)]
    echoes: bool,
}

/// What was measured: times in milliseconds, memory in KiB.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    /// From the process's start to its first question for a call.
    start: f64,
    /// The first call.
    first: f64,
    /// Each of the calls after it.
    warm: Vec<f64>,
    /// Processor time of one warm call, on the average.
    cpu: f64,
    /// The most memory that was resident.
    peak: u64,
}

/// Starts the program, calls it once, then `warm_calls` times, and ends it.
pub(crate) async fn measure(
    program: &Program,
    event: &Value,
    warm_calls: usize,
    upstreams: &Upstreams,
) -> Result<Measured, Error> {
    let mut runtime = Runtime::start().await?;
    let (path, arguments) = program.command.split_first().ok_or("it has no command")?;
    let began = Instant::now();
    let mut process = Command::new(path)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LANG", "C.UTF-8")
        .env("AWS_LAMBDA_RUNTIME_API", &runtime.address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "bench")
        .env("AWS_SECRET_ACCESS_KEY", "bench")
        .env("AWS_ENDPOINT_URL", format!("http://{}", upstreams.aws))
        .env(
            "OPENROUTER_BASE_URL",
            format!("http://{}/api/v1", upstreams.openrouter),
        )
        .envs(&program.environment)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()?;
    let id = process.id().ok_or("it ended at once")?;
    let start = ready(&mut runtime).await?.duration_since(began);
    let first = call(&mut runtime, event, program.echoes).await?;
    let before = cpu_times(id)?;
    let mut warm = Vec::with_capacity(warm_calls);
    for _ in 0..warm_calls {
        warm.push(call(&mut runtime, event, program.echoes).await?);
    }
    let cpu: u64 = cpu_times(id)?
        .into_iter()
        .map(|(thread, now)| now.saturating_sub(before.get(&thread).copied().unwrap_or_default()))
        .sum();
    let peak = peak_memory(id)?;
    process.kill().await?;
    Ok(Measured {
        start: milliseconds(start),
        first: milliseconds(first),
        warm: warm.into_iter().map(milliseconds).collect(),
        cpu: milliseconds(Duration::from_nanos(cpu)) / warm_calls as f64,
        peak,
    })
}

/// Hands the program one call, and waits until it asks for the next one.
async fn call(runtime: &mut Runtime, event: &Value, echoes: bool) -> Result<Duration, Error> {
    let began = Instant::now();
    runtime.events.send(event.clone()).await?;
    let (answered, body) = match told(runtime).await? {
        Told::Answer(at, body) => (at, body),
        other => return Err(unexpected(other)),
    };
    let is_right = if echoes {
        serde_json::from_slice::<Value>(&body)? == *event
    } else {
        let text = String::from_utf8_lossy(&body);
        text.contains(ANSWER) && text.contains(COST)
    };
    if !is_right {
        return Err(format!("answers {}", String::from_utf8_lossy(&body)).into());
    }
    ready(runtime).await?;
    Ok(answered.duration_since(began))
}

async fn ready(runtime: &mut Runtime) -> Result<Instant, Error> {
    match told(runtime).await? {
        Told::Next(at) => Ok(at),
        other => Err(unexpected(other)),
    }
}

async fn told(runtime: &mut Runtime) -> Result<Told, Error> {
    timeout(PATIENCE, runtime.told.recv())
        .await
        .map_err(|_| "it does not answer; what it said is above")?
        .ok_or_else(|| "the Runtime API has ended".into())
}

fn unexpected(told: Told) -> Error {
    let text = |body: Bytes| String::from_utf8_lossy(&body).into_owned();
    match told {
        Told::Next(_) => "asks for a call before it has answered".into(),
        Told::Answer(_, body) => format!("answers too early: {}", text(body)).into(),
        Told::Error(body) => format!("fails: {}", text(body)).into(),
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The processor time that each thread of the process has used, nanoseconds. The process's own count has hundredths of
/// a second, which is too coarse for calls of microseconds.
fn cpu_times(process: u32) -> Result<BTreeMap<OsString, u64>, Error> {
    let mut times = BTreeMap::new();
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let thread = thread?;
        // A thread may end meanwhile.
        let Ok(statistics) = fs::read_to_string(thread.path().join("schedstat")) else {
            continue;
        };
        let running = statistics.split_whitespace().next();
        let running = running.ok_or("/proc has another form")?.parse()?;
        times.insert(thread.file_name(), running);
    }
    Ok(times)
}

/// The most memory that was resident, KiB.
fn peak_memory(process: u32) -> Result<u64, Error> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next())
        .ok_or("/proc has another form")?;
    Ok(peak.parse()?)
}
