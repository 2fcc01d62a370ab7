//! `GET /runs/{id}/files/{file}`: a file that a node has kept, whole or in pieces.

use std::ops::RangeInclusive;

use http::header;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use steps_store::{FilePiece, FileRange};

use crate::app::App;

/// Most bytes of one answer. Lambda takes 6 MB, and the bytes reach it in base64, which is a third more.
const MOST: u64 = 4 << 20;

/// The file where it fits into an answer; with the header `range`, those of its bytes, at most [`MOST`] of them.
pub(crate) async fn get_file(
    app: &App,
    run: &str,
    file: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    // A run that is not there is told so.
    app.store.runs().head(run).await?;
    let asked = request.header("range").and_then(asked_range);
    let range = asked.clone().unwrap_or(FileRange::Of(0..=MOST - 1));
    let piece = app.store.nodes().read_file(run, file, &range).await?;
    match (piece, asked) {
        (Some(piece), None) if (piece.bytes.len() as u64) < piece.total => {
            Err(needs_range(file, piece.total))
        }
        (Some(piece), None) => Ok(shown(file, piece)),
        (Some(piece), Some(_)) => {
            let last = piece.from + piece.bytes.len() as u64 - 1;
            let place = format!("bytes {}-{last}/{}", piece.from, piece.total);
            Ok(shown(file, piece).partial(place))
        }
        // Only an empty file has no first byte.
        (None, None) => Ok(shown(file, empty())),
        (None, Some(range)) => Err(not_there(file, &range)),
    }
}

/// What is in it comes from a stranger, and the console is at the same origin: no browser may show it as a page of it.
fn shown(name: &str, piece: FilePiece) -> Answer {
    let content_type = match piece.content_type {
        unknown if unknown.is_empty() => "application/octet-stream".to_owned(),
        known => known,
    };
    Answer::file("application/octet-stream", piece.bytes)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        )
        .header(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox",
        )
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn empty() -> FilePiece {
    FilePiece {
        bytes: Vec::new(),
        from: 0,
        total: 0,
        content_type: String::new(),
    }
}

/// The bytes that the header asks for, cut to [`MOST`]. `None` for what RFC 9110 lets a server ignore: another unit,
/// several ranges, what cannot be read.
fn asked_range(header: &str) -> Option<FileRange> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    if first.is_empty() {
        let count: u64 = last.parse().ok()?;
        return Some(FileRange::Last(count.min(MOST)));
    }
    let first: u64 = first.parse().ok()?;
    let farthest = first.saturating_add(MOST - 1);
    let range: RangeInclusive<u64> = match last {
        "" => first..=farthest,
        last => first..=last.parse::<u64>().ok()?.min(farthest),
    };
    (!range.is_empty()).then_some(FileRange::Of(range))
}

fn needs_range(file: &str, total: u64) -> Problem {
    Problem::new(
        400,
        "FileNeedsRange",
        "File Needs Range",
        format!("the file `{file}` has {total} bytes; one answer holds at most {MOST}"),
    )
    .solution([format!(
        "Ask for it in pieces, with the header `range: bytes=0-{}` first; `content-range` says what came",
        MOST - 1
    )])
}

fn not_there(file: &str, range: &FileRange) -> Problem {
    let asked = match range {
        FileRange::Of(range) => format!("byte {} or any behind it", range.start()),
        FileRange::Last(count) => format!("{count} bytes at its end"),
    };
    Problem::new(
        416,
        "RangeNotSatisfiable",
        "Range Not Satisfiable",
        format!("the file `{file}` has not {asked}"),
    )
    .solution(["Ask for bytes that the file has; `content-range` of an earlier answer says how many there are"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_and_cut_to_what_an_answer_holds() {
        for (header, range) in [
            ("bytes=0-3", Some(FileRange::Of(0..=3))),
            ("bytes= 5 - 5 ", Some(FileRange::Of(5..=5))),
            ("bytes=10-", Some(FileRange::Of(10..=MOST + 9))),
            ("bytes=0-99999999999", Some(FileRange::Of(0..=MOST - 1))),
            ("bytes=-7", Some(FileRange::Last(7))),
            ("bytes=-99999999999", Some(FileRange::Last(MOST))),
            ("bytes=5-4", None),
            ("bytes=0-1,3-4", None),
            ("bytes=-", None),
            ("bytes", None),
            ("lines=0-3", None),
            ("bytes=0-99999999999999999999999", None),
        ] {
            assert_eq!(asked_range(header), range, "{header}");
        }
        let end = format!("bytes={}-", u64::MAX);
        assert_eq!(asked_range(&end), Some(FileRange::Of(u64::MAX..=u64::MAX)));
    }
}
