//! The files of the page, made of `page/` by `npm run build` and kept in `dist/`. `build.rs` embeds them.

/// A file.
#[derive(Debug)]
pub(crate) struct File {
    /// Its name in `dist/`. All but the page itself have a hash of their content in it.
    pub(crate) name: &'static str,
    pub(crate) content_type: &'static str,
    /// Names its content, with the quotes that the header wants.
    pub(crate) etag: &'static str,
    pub(crate) plain: &'static [u8],
    pub(crate) gzip: &'static [u8],
}

/// The name of the page itself.
pub(crate) const PAGE: &str = "index.html";

/// All files.
pub(crate) const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The file of this name.
pub(crate) fn file(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Most bytes of what the page loads first, compressed.
    const FIRST_LOAD: usize = 100 * 1024;

    /// Most bytes of all files, compressed.
    const ALL: usize = 150 * 1024;

    #[test]
    fn the_page_is_small() {
        let page = String::from_utf8_lossy(file(PAGE).unwrap().plain);
        let first = FILES
            .iter()
            .filter(|file| file.name == PAGE || page.contains(file.name));
        let first: usize = first.map(|file| file.gzip.len()).sum();
        let all: usize = FILES.iter().map(|file| file.gzip.len()).sum();
        assert!(first > 1000 && first <= FIRST_LOAD, "first load: {first}");
        assert!(all <= ALL, "all files: {all}");
    }

    #[test]
    fn the_page_names_files_that_are_there_and_has_no_script_or_style_of_its_own() {
        let page = String::from_utf8_lossy(file(PAGE).unwrap().plain);
        let named: Vec<&str> = page
            .split("console/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(named.len() >= 2, "{named:?}");
        for name in named {
            assert!(file(name).is_some(), "{name}");
        }
        assert!(!page.contains("<style") && !page.contains("style="));
        assert_eq!(
            page.matches("<script").count(),
            page.matches("<script type=\"module\" src=").count()
        );
    }
}
