//! Runs the stand-in on 127.0.0.1.
#![allow(
    clippy::print_stdout,
    reason = "whoever started the program reads the address"
)]

use std::env;
use std::error::Error;

use lexopt::prelude::{Long, Short, ValueExt};
use openrouter_stand_in::{MissingKeyText, Settings, serve};
use tokio::net::TcpListener;

const USAGE: &str = "\
openrouter-stand-in [--port N] [--strict] [--missing-key-text auth|cookie|header] [--page-size N] [--generation-misses N] [--record FILE]
Also by OPENROUTER_STAND_IN_PORT, _STRICT=1, _MISSING_KEY_TEXT, _PAGE_SIZE, _GENERATION_MISSES, _RECORD. Port 0 takes a free one.";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some((port, settings)) = options()? else {
        println!("{USAGE}");
        return Ok(());
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}/api/v1", listener.local_addr()?);
    Ok(serve(listener, settings).await?)
}

/// The settings: from the environment, and from flags, which win. `None` where only the usage text is wanted.
fn options() -> Result<Option<(u16, Settings)>, Box<dyn Error>> {
    let variable = |name: &str| env::var(format!("OPENROUTER_STAND_IN_{name}")).ok();
    let mut port = variable("PORT").map_or(Ok(0), |port| port.parse())?;
    let mut settings = Settings {
        strict: variable("STRICT").is_some_and(|strict| strict == "1" || strict == "true"),
        ..Settings::default()
    };
    if let Some(name) = variable("MISSING_KEY_TEXT") {
        settings.missing_key = missing_key(&name)?;
    }
    if let Some(size) = variable("PAGE_SIZE") {
        settings.page_size = Some(size.parse()?);
    }
    if let Some(misses) = variable("GENERATION_MISSES") {
        settings.generation_misses = misses.parse()?;
    }
    settings.record = env::var_os("OPENROUTER_STAND_IN_RECORD").map(Into::into);
    let mut flags = lexopt::Parser::from_env();
    while let Some(flag) = flags.next()? {
        match flag {
            Long("port") => port = flags.value()?.parse()?,
            Long("strict") => settings.strict = true,
            Long("missing-key-text") => {
                settings.missing_key = missing_key(&flags.value()?.string()?)?;
            }
            Long("page-size") => settings.page_size = Some(flags.value()?.parse()?),
            Long("generation-misses") => settings.generation_misses = flags.value()?.parse()?,
            Long("record") => settings.record = Some(flags.value()?.into()),
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some((port, settings)))
}

fn missing_key(name: &str) -> Result<MissingKeyText, String> {
    MissingKeyText::from_name(name)
        .ok_or_else(|| format!("missing key text `{name}`: not auth, cookie or header"))
}
