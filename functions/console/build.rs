//! Embeds the files of `dist/`, as they are and compressed: writes their list for `src/files.rs`.

use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::path::Path;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("dist");
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(&folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut list = String::from("&[\n");
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or("a file's name is no text")?;
        let content_type = content_type(&path).ok_or_else(|| format!("of what type is {name}?"))?;
        let bytes = fs::read(&path)?;
        let gzip = out.join(format!("{name}.gz"));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes)?;
        fs::write(&gzip, encoder.finish()?)?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        writeln!(
            list,
            "    File {{ name: {name:?}, content_type: {content_type:?}, etag: \"\\\"{:016x}\\\"\", plain: include_bytes!({path:?}), gzip: include_bytes!({gzip:?}) }},",
            hasher.finish()
        )?;
    }
    list.push_str("]\n");
    fs::write(out.join("files.rs"), list)?;
    Ok(())
}

fn content_type(path: &Path) -> Option<&'static str> {
    match path.extension()?.to_str()? {
        "html" => Some("text/html; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        _ => None,
    }
}
