//! Paths of faults, such as `nodes[2].userPrompt`.

/// The path of a field of the object at `object`; the whole document, and a node that stands alone, have the empty path.
pub(crate) fn field(object: &str, name: &str) -> String {
    if object.is_empty() {
        name.to_owned()
    } else {
        format!("{object}.{name}")
    }
}

/// `/items/0/name` as `items[0].name`, behind `start`.
pub(crate) fn join(start: &str, pointer: &str) -> String {
    let mut path = start.to_owned();
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        if segment.bytes().all(|byte| byte.is_ascii_digit()) && !segment.is_empty() {
            path.push_str(&format!("[{segment}]"));
        } else {
            path = field(&path, &segment);
        }
    }
    path
}
