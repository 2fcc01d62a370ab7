//! Embeds the pages of `docs/errors`: writes their list, sorted by code, for `src/pages.rs`.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../docs/errors");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut pages = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let code = path.file_stem().and_then(|stem| stem.to_str());
        // README.md lists the pages and is none.
        if let Some(code) = code.filter(|&code| code != "README") {
            pages.push((code.to_owned(), path.canonicalize()?));
        }
    }
    pages.sort();
    let mut list = String::from("&[\n");
    for (code, path) in pages {
        writeln!(list, "    ({code:?}, include_str!({path:?})),")?;
    }
    list.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("pages.rs"), list)?;
    Ok(())
}
