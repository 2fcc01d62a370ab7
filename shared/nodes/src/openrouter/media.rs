//! Where images, files, sound and video of a message are, and how they get into the request: an address is sent as it
//! is, and a file that a node of the run keeps is sent as data.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use steps_openrouter::{ChatRequest, Completion, Content, Part};
use steps_problem::Problem;

use crate::scope::{KeptFile, Scope};

/// The most bytes of all files of a request. As data they take a third more, and a request is held in memory twice.
const MOST_BYTES: usize = 20 << 20;

/// What stands for a kept file until the request is sent: not a scheme that anybody can write into a document.
const KEPT: &str = "kept-file:";

/// What a place is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    File,
    Audio,
    Video,
}

/// The place that a rendered template names: an address of http or https, a data URL, or a file that a node keeps, which
/// is an object with `bucket` and `key`.
pub(super) fn place(text: &str, kind: Kind) -> Result<String, Problem> {
    let text = text.trim();
    if text.starts_with("data:") {
        return Ok(text.to_owned());
    }
    if text.starts_with("https://") || text.starts_with("http://") {
        if kind == Kind::Audio {
            return Err(no_media(
                "sound is sent as data, and this is an address",
                "Load it by an `http` node with `as: file`, and name that node's `data`",
            ));
        }
        return Ok(text.to_owned());
    }
    // A tag that stands where it is written, before a run.
    if text.starts_with("{{") {
        return Ok(text.to_owned());
    }
    let file: Option<Value> = serde_json::from_str(text).ok();
    let field = |name: &str| file.as_ref()?.get(name)?.as_str();
    if let (Some(_), Some(_)) = (field("bucket"), field("key")) {
        return Ok(format!("{KEPT}{text}"));
    }
    Err(no_media(
        "this is neither an address of http or https, nor a data URL, nor a file that a node keeps",
        "Name an address, or a file: `{{photo.data}}` of an `http` node with `as: file`, or `{{drawing.images.0}}` of an `openrouter` node",
    ))
}

/// The last part of an address, as a file's name.
pub(super) fn name_of(place: &str) -> String {
    let path = place.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let is_name = path.starts_with("http") && last.contains('.');
    if is_name { last } else { "document.pdf" }.to_owned()
}

fn no_media(cause: &str, step: &str) -> Problem {
    Problem::new(422, "MediaUnusable", "Media Unusable", cause).solution([step])
}

/// Whether a text is a place that has no text in it: it is not counted as a prompt.
pub(super) fn is_place(text: &str) -> bool {
    [KEPT, "data:", "http"]
        .iter()
        .any(|begin| text.starts_with(begin))
}

/// Puts the files that nodes keep into the request, as data.
pub(super) async fn fill(request: &mut ChatRequest, scope: &impl Scope) -> Result<(), Problem> {
    let mut left = MOST_BYTES;
    for message in &mut request.messages {
        let Content::Parts(parts) = &mut message.content else {
            continue;
        };
        for part in parts {
            match part {
                Part::Text { .. } => {}
                Part::ImageUrl { image_url: media } | Part::VideoUrl { video_url: media } => {
                    if let Some(file) = read(&media.url, &mut left, scope).await? {
                        media.url = file.url();
                    }
                }
                Part::File { file } => {
                    if let Some(read) = read(&file.file_data, &mut left, scope).await? {
                        file.file_data = read.url();
                    }
                }
                Part::InputAudio { input_audio } => {
                    let (kind, data) = match read(&input_audio.data, &mut left, scope).await? {
                        Some(file) => (file.content_type.clone(), STANDARD.encode(&file.bytes)),
                        None => split(&input_audio.data),
                    };
                    if input_audio.format.is_empty() {
                        input_audio.format = sound(&kind).to_owned();
                    }
                    input_audio.data = data;
                }
            }
        }
    }
    Ok(())
}

/// A file that was read.
struct File {
    bytes: Bytes,
    content_type: String,
}

impl File {
    fn url(&self) -> String {
        let data = STANDARD.encode(&self.bytes);
        format!("data:{};base64,{data}", self.content_type)
    }
}

async fn read(place: &str, left: &mut usize, scope: &impl Scope) -> Result<Option<File>, Problem> {
    let Some(text) = place.strip_prefix(KEPT) else {
        return Ok(None);
    };
    let file: Value = serde_json::from_str(text).unwrap_or_default();
    let field = |name: &str| file.get(name).and_then(Value::as_str).unwrap_or_default();
    let kept = KeptFile {
        bucket: field("bucket").to_owned(),
        key: field("key").to_owned(),
        at: String::new(),
    };
    let bytes = scope.kept_file(&kept, *left).await?;
    *left = left.saturating_sub(bytes.len());
    Ok(Some(File {
        bytes,
        content_type: content_type(field("contentType")),
    }))
}

/// A content type without its parameters; `application/octet-stream` for what is none.
fn content_type(text: &str) -> String {
    let kind = text.split(';').next().unwrap_or_default().trim();
    let is_word = |word: &str| {
        let is_sign = |sign: char| sign.is_ascii_alphanumeric() || "+-.".contains(sign);
        !word.is_empty() && word.chars().all(is_sign)
    };
    let is_type = kind
        .split_once('/')
        .is_some_and(|(kind, rest)| is_word(kind) && is_word(rest));
    if is_type {
        kind
    } else {
        "application/octet-stream"
    }
    .to_owned()
}

/// The content type and the data of a data URL.
fn split(url: &str) -> (String, String) {
    let rest = url.strip_prefix("data:").unwrap_or(url);
    match rest.split_once(',') {
        Some((head, data)) => {
            let kind = head.split(';').next().unwrap_or_default();
            (kind.to_owned(), data.to_owned())
        }
        None => (String::new(), rest.to_owned()),
    }
}

/// OpenRouter's name of a sound's format.
fn sound(content_type: &str) -> &'static str {
    match content_type.split_once('/').map_or("", |(_, kind)| kind) {
        "mpeg" | "mp3" => "mp3",
        "flac" | "x-flac" => "flac",
        "mp4" | "m4a" | "x-m4a" => "m4a",
        "ogg" => "ogg",
        "aiff" | "x-aiff" => "aiff",
        "aac" => "aac",
        _ => "wav",
    }
}

/// The images and the sound of an answer, kept beside the run's texts: each as `{bucket, key, bytes, contentType, at}`. What
/// cannot be kept stays as it came.
pub(super) async fn keep(
    completion: &Completion,
    audio_format: Option<&str>,
    scope: &impl Scope,
) -> Result<(Vec<Value>, Option<Value>), Problem> {
    let mut images = Vec::with_capacity(completion.images.len());
    let mut number = 0;
    for image in &completion.images {
        let url = image.pointer("/image_url/url").and_then(Value::as_str);
        let data = url.filter(|url| url.starts_with("data:")).map(split);
        let bytes = data
            .as_ref()
            .and_then(|(_, data)| STANDARD.decode(data).ok());
        images.push(match (data, bytes) {
            (Some((kind, _)), Some(bytes)) if scope.keeps_files() => {
                number += 1;
                kept(bytes.into(), &content_type(&kind), number, scope).await?
            }
            _ => image.clone(),
        });
    }
    let Some(audio) = &completion.audio else {
        return Ok((images, None));
    };
    let mut shown = if scope.keeps_files() && !audio.data.is_empty() {
        let kind = match audio_format {
            Some("mp3") => "audio/mpeg",
            Some("flac") => "audio/flac",
            Some("opus") => "audio/ogg",
            Some("aac") => "audio/aac",
            Some("pcm16") => "audio/pcm",
            _ => "audio/wav",
        };
        kept(audio.data.clone().into(), kind, number + 1, scope).await?
    } else {
        json!({"data": STANDARD.encode(&audio.data)})
    };
    if let (Some(fields), Some(transcript)) = (shown.as_object_mut(), &audio.transcript) {
        fields.insert("transcript".to_owned(), json!(transcript));
    }
    Ok((images, Some(shown)))
}

async fn kept(
    bytes: Bytes,
    content_type: &str,
    number: usize,
    scope: &impl Scope,
) -> Result<Value, Problem> {
    let length = bytes.len();
    let kept = scope.keep_file(bytes, content_type, number).await?;
    Ok(json!({
        "bucket": kept.bucket, "key": kept.key, "bytes": length, "contentType": content_type,
        "at": kept.at,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_address_a_data_url_or_a_kept_file() {
        let file = r#"{"bucket":"b","key":"runs/r/n.1.file","contentType":"image/png"}"#;
        for (text, kind, good) in [
            ("https://example.org/a.png", Kind::Image, true),
            (" data:image/png;base64,AAAA ", Kind::Image, true),
            (file, Kind::Audio, true),
            ("https://example.org/a.mp3", Kind::Audio, false),
            ("file:///etc/passwd", Kind::File, false),
            ("kept-file:{}", Kind::File, false),
            ("", Kind::Image, false),
            ("[]", Kind::Video, false),
        ] {
            assert_eq!(place(text, kind).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_files_name_is_the_end_of_its_address() {
        assert_eq!(name_of("https://a.example/x/report.pdf?v=1"), "report.pdf");
        assert_eq!(name_of("https://a.example/x/"), "document.pdf");
        assert_eq!(name_of("data:application/pdf;base64,AAAA"), "document.pdf");
    }
}
