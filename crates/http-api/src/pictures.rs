//! What pictures need from the disk: looks by name, and typefaces of this machine.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use graphite::render::picture::{Fonts, Templates};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// Files in the folders of fonts that are looked at. A full desktop has some thousands.
const MAX_FONT_FILES: usize = 20_000;

/// Longest font that is read, and how much of them is kept in memory.
const MAX_FONT_BYTES: u64 = 32 << 20;
const MAX_KEPT_BYTES: usize = 64 << 20;

/// As much of a graphTemplates.conf as is read. The one that graphite-web comes with has 3 kB.
const MAX_TEMPLATES_BYTES: u64 = 1 << 20;

/// `[pictures]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PicturesConfig {
    /// A graphTemplates.conf; empty for none.
    pub templates: PathBuf,
    /// Folders with fonts.
    pub fonts: Vec<PathBuf>,
}

impl Default for PicturesConfig {
    fn default() -> Self {
        PicturesConfig {
            templates: PathBuf::new(),
            fonts: vec!["/usr/share/fonts".into(), "/usr/local/share/fonts".into()],
        }
    }
}

impl PicturesConfig {
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        self.read_templates().err().map(|why| ("pictures.templates", why)).into_iter().collect()
    }

    fn read_templates(&self) -> Result<Templates, String> {
        if self.templates.as_os_str().is_empty() {
            return Ok(Templates::default());
        }
        let path = self.templates.display();
        let mut text = String::new();
        std::fs::File::open(&self.templates)
            .and_then(|file| file.take(MAX_TEMPLATES_BYTES).read_to_string(&mut text))
            .map_err(|error| format!("read {path}: {error}"))?;
        Templates::parse(&text).map_err(|error| format!("{path}: {error}"))
    }
}

/// Looks and typefaces, as the configuration names them.
pub struct Pictures {
    pub templates: Arc<Templates>,
    pub fonts: Arc<dyn Fonts>,
}

impl Pictures {
    pub fn load(config: &PicturesConfig) -> Pictures {
        // A file that cannot be read is refused with the configuration; one that is lost later leaves the
        // built-in look.
        let templates = config.read_templates().unwrap_or_else(|error| {
            tracing::warn!(%error, "pictures have the built-in look");
            Templates::default()
        });
        let fonts =
            FontFolders { folders: config.fonts.clone(), files: OnceLock::new(), kept: Mutex::default() };
        Pictures { templates: Arc::new(templates), fonts: Arc::new(fonts) }
    }
}

/// What fontconfig prefers on Debian, in its order. Other families stand for themselves, then for sans.
const SANS: [&str; 4] = ["Noto Sans", "DejaVu Sans", "Verdana", "Arial"];
const SERIF: [&str; 3] = ["Noto Serif", "DejaVu Serif", "Times New Roman"];
const MONOSPACE: [&str; 3] = ["Noto Sans Mono", "DejaVu Sans Mono", "Courier New"];

struct FontFolders {
    folders: Vec<PathBuf>,
    /// By name without folder and ending, in small letters. Looked for when the first picture is drawn.
    files: OnceLock<HashMap<String, PathBuf>>,
    kept: Mutex<HashMap<PathBuf, Arc<[u8]>>>,
}

impl Fonts for FontFolders {
    fn find(&self, family: &str, bold: bool, italic: bool) -> Option<Arc<[u8]>> {
        let files = self.files.get_or_init(|| font_files(&self.folders));
        let file = families(family).iter().find_map(|family| face(files, family, bold, italic))?;
        self.read(file)
    }
}

impl FontFolders {
    fn read(&self, file: &Path) -> Option<Arc<[u8]>> {
        if let Some(bytes) = self.kept.lock().get(file) {
            return Some(bytes.clone());
        }
        let mut bytes = Vec::new();
        std::fs::File::open(file).ok()?.take(MAX_FONT_BYTES + 1).read_to_end(&mut bytes).ok()?;
        if bytes.len() as u64 > MAX_FONT_BYTES {
            return None;
        }
        let bytes: Arc<[u8]> = bytes.into();
        let mut kept = self.kept.lock();
        if kept.values().map(|bytes| bytes.len()).sum::<usize>() + bytes.len() > MAX_KEPT_BYTES {
            kept.clear();
        }
        kept.insert(file.to_owned(), bytes.clone());
        Some(bytes)
    }
}

fn families(name: &str) -> Vec<&str> {
    match name.to_ascii_lowercase().as_str() {
        "sans" | "sans-serif" | "sans serif" => SANS.to_vec(),
        "serif" => SERIF.to_vec(),
        "mono" | "monospace" => MONOSPACE.to_vec(),
        _ => std::iter::once(name).chain(SANS).collect(),
    }
}

/// The file of a family that is nearest to the style: `NotoSans-BoldItalic`, `DejaVuSans-Oblique`, `Arial`.
fn face<'f>(files: &'f HashMap<String, PathBuf>, family: &str, bold: bool, italic: bool) -> Option<&'f Path> {
    let family: String = family.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    let styles: &[&str] = match (bold, italic) {
        (false, false) => &["-regular", "", "-book"],
        (true, false) => &["-bold", "-regular", ""],
        (false, true) => &["-italic", "-oblique", "-regular", ""],
        (true, true) => &["-bolditalic", "-boldoblique", "-bold", "-regular", ""],
    };
    styles.iter().find_map(|style| files.get(&format!("{family}{style}"))).map(PathBuf::as_path)
}

fn font_files(folders: &[PathBuf]) -> HashMap<String, PathBuf> {
    let mut files = HashMap::new();
    let mut folders = folders.to_vec();
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > MAX_FONT_FILES {
                return files;
            }
            let path = entry.path();
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            // Links to folders are left alone: they may lead around in circles.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if ["ttf", "otf"].iter().any(|known| ending.eq_ignore_ascii_case(known))
                && let Some(name) = path.file_stem().and_then(|name| name.to_str())
            {
                files.insert(name.to_lowercase(), path);
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_of_families() {
        let names = ["notosans-regular", "dejavusans", "dejavusans-bold", "dejavusans-oblique", "arial"];
        let files = names.map(|name| (name.to_owned(), PathBuf::from(name))).into();
        let check = |family: &str, bold: bool, italic: bool, wanted: &str| {
            let found = families(family).iter().find_map(|family| face(&files, family, bold, italic));
            assert_eq!(found, Some(Path::new(wanted)), "{family}");
        };
        check("Sans", false, false, "notosans-regular");
        check("DejaVu Sans", false, false, "dejavusans");
        check("DejaVu Sans", true, true, "dejavusans-bold");
        check("DejaVu Sans", false, true, "dejavusans-oblique");
        check("arial", true, false, "arial");
        check("No Such Family", false, false, "notosans-regular");
    }

    #[test]
    fn templates_that_cannot_be_read() {
        let config = |templates: &Path| PicturesConfig {
            templates: templates.to_owned(),
            ..PicturesConfig::default()
        };
        assert!(config(Path::new("")).problems().is_empty());
        assert!(config(Path::new("/no/such/file")).problems()[0].1.starts_with("read /no/such/file: "));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("graphTemplates.conf");
        std::fs::write(&file, "[a]\nfontSize = big\n").unwrap();
        assert!(config(&file).problems()[0].1.ends_with("line 2: fontSize must be a number, not big"));
    }
}
