//! The results of a task, and their output as terminal text, Markdown, JSON and HTML.

use crate::error::EvaluationError;
use ae_records::files;
use ae_records::text::{self, markdown_cell, one_line};
use ae_report::gallery::{Entry, Gallery};
use ae_report::html::{self, Block, Link, Section};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, presets};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// The results of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Name of the task.
    pub task: String,
    /// A title of one line.
    pub title: String,
    /// How the results were obtained, in a few sentences.
    pub method: String,
    /// The command that repeats the evaluation.
    pub command: String,
    /// The seeds used.
    pub seeds: Vec<u64>,
    /// The results as tables.
    pub tables: Vec<ResultTable>,
    /// The results by name: `article/seed0/accuracy` is the value of one seed, `article/accuracy` the mean
    /// over the seeds. With several values, `article/accuracy_std` is their sample standard deviation, and
    /// `article/accuracy_ci95_low` and `…_ci95_high` are the ends of the 95 % interval of the mean.
    pub metrics: BTreeMap<String, f64>,
    /// Pictures in `images/`.
    pub pictures: Vec<Entry>,
    /// Folders of the runs that were evaluated.
    #[serde(serialize_with = "text::serialize_paths")]
    pub runs: Vec<PathBuf>,
}

/// A table of text; the first column names the row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultTable {
    /// The title.
    pub title: String,
    /// Heading of each column.
    pub columns: Vec<String>,
    /// Cells, each row as long as `columns`.
    pub rows: Vec<Vec<String>>,
    /// What a reader needs to know; may be empty.
    pub note: String,
}

/// Spaces before each column of a table on a terminal.
const GAP: u16 = 2;
/// Minimum width of the first column; below it, the other columns are wrapped too.
const MIN_NAME: u16 = 12;

impl ResultTable {
    /// Aligned columns with the title above and the note below. The first column is aligned left; the others
    /// hold figures and are aligned right. A table wider than `width` characters is wrapped within its
    /// columns, if possible only within the first.
    pub fn to_text(&self, width: Option<u16>) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_header(&self.columns).add_rows(&self.rows);
        if let Some(width) = width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        let widths = table.column_max_content_widths();
        let figures: u16 = widths.iter().skip(1).map(|content| content + GAP).sum();
        let are_whole = width.is_none_or(|width| figures + GAP + MIN_NAME <= width);
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding((GAP, 0));
            column.set_cell_alignment(if at == 0 { CellAlignment::Left } else { CellAlignment::Right });
            if at > 0 && are_whole {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        let note = if self.note.is_empty() { String::new() } else { format!("  {}\n", self.note) };
        format!("{}\n{}\n{note}", self.title, table.trim_fmt())
    }

    /// A Markdown table under a heading.
    pub fn to_markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| markdown_cell(cell)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = |at: usize| if at == 0 { ":--".to_string() } else { "--:".into() };
        let rules: Vec<String> = (0..self.columns.len()).map(rule).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        let note =
            if self.note.is_empty() { String::new() } else { format!("\n{}\n", markdown_cell(&self.note)) };
        let title = markdown_cell(&self.title);
        format!("## {title}\n\n{}{}{rows}{note}", line(&self.columns), line(&rules))
    }
}

impl Evaluation {
    /// Text for a terminal; see [`ResultTable::to_text`].
    pub fn to_text(&self, width: Option<u16>) -> String {
        let tables: String = self.tables.iter().map(|table| format!("\n{}", table.to_text(width))).collect();
        format!("{}\n{}\n{tables}", self.title, self.method)
    }

    /// Markdown, for a README.
    pub fn to_markdown(&self) -> String {
        let tables: String = self.tables.iter().map(|table| format!("\n{}", table.to_markdown())).collect();
        let (title, method) = (markdown_cell(&self.title), markdown_cell(&self.method));
        format!("# {title}\n\n{method}\n\n    {}\n{tables}", one_line(&self.command))
    }

    /// JSON.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("an evaluation is always JSON");
        text.push('\n');
        text
    }

    /// Writes `evaluation.json`, `evaluation.md` and `report.html` into the folder that holds `images/`.
    /// Returns the report's path.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, EvaluationError> {
        files::write_atomic_bytes(&folder.join("evaluation.json"), self.to_json().as_bytes())?;
        files::write_atomic_bytes(&folder.join("evaluation.md"), self.to_markdown().as_bytes())?;
        let report = folder.join("report.html");
        html::write_evaluation(&report, &self.title, &self.sections(folder)?)?;
        Ok(report)
    }

    fn sections(&self, folder: &Path) -> Result<Vec<Section>, EvaluationError> {
        let method = vec![Block::Text(self.method.clone()), Block::Command(self.command.clone())];
        let mut sections = vec![Section { title: "Method".into(), blocks: method }];
        for ResultTable { title, columns, rows, note } in &self.tables {
            let caption = note.clone();
            let table = html::HtmlTable { caption, columns: columns.clone(), rows: rows.clone() };
            sections.push(Section { title: title.clone(), blocks: vec![Block::Table(table)] });
        }
        let gallery = Gallery::new(folder.join("images"));
        let mut blocks = Vec::new();
        for Entry { file, title, caption, .. } in &self.pictures {
            let (title, caption) = (title.clone(), caption.clone());
            blocks.push(Block::Picture { path: gallery.path(file)?, title, caption });
        }
        if !blocks.is_empty() {
            sections.push(Section { title: "Pictures".into(), blocks });
        }
        if !self.runs.is_empty() {
            let mut links: Vec<Link> = self.runs.iter().map(|run| link(run, folder)).collect();
            links.dedup();
            sections.push(Section { title: "Evaluated runs".into(), blocks: vec![Block::Links(links)] });
        }
        Ok(sections)
    }
}

/// To the report of a run, from a page in `folder`.
fn link(run: &Path, folder: &Path) -> Link {
    let text = run.to_string_lossy().into_owned();
    Link { text, target: relative(&run.join("report.html"), folder) }
}

/// A path as seen from a folder; as it is if one of both is not there, or they have nothing in common.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    let (Ok(path_there), Ok(folder)) = (std::path::absolute(path), std::path::absolute(folder)) else {
        return path.into();
    };
    let shared =
        path_there.components().zip(folder.components()).take_while(|(left, right)| left == right).count();
    if shared == 0 {
        return path_there;
    }
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(path_there.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_report::picture;

    fn evaluation() -> Evaluation {
        let cells = |row: &[&str]| row.iter().map(|cell| cell.to_string()).collect::<Vec<_>>();
        Evaluation {
            task: "test".into(),
            title: "A title <b>".into(),
            method: "A method.".into(),
            command: "ae eval test".into(),
            seeds: vec![0],
            tables: vec![ResultTable {
                title: "Figures".into(),
                columns: cells(&["seed", "accuracy"]),
                rows: vec![cells(&["0", "0.5"]), cells(&["mean ± std", "0.25 ± 0.125"])],
                note: "A note.".into(),
            }],
            metrics: BTreeMap::from([("a/accuracy".into(), 0.1 + 0.2)]),
            pictures: vec![],
            runs: vec!["runs/ecg/1".into()],
        }
    }

    #[test]
    fn text_is_aligned_by_characters_not_bytes() {
        let expected = "Figures\n  seed            accuracy\n  0                    0.5\n  mean ± std  0.25 ± 0.125\n  \
                        A note.\n";
        assert_eq!(evaluation().tables[0].to_text(None), expected);
        assert_eq!(evaluation().tables[0].to_text(Some(200)), expected, "wide enough");
    }

    #[test]
    fn text_that_is_too_wide_is_wrapped_within_its_column() {
        let cells = |row: [&str; 3]| row.map(String::from).to_vec();
        let table = ResultTable {
            title: "Detectors".into(),
            columns: cells(["detector", "AUROC", "recall at 1 %"]),
            rows: vec![
                cells(["PCA, as many components as the code", "0.9630 ± 0.0050", "0.812 ± 0.010"]),
                cells(["forest", "0.9000 ± 0.0100", "0.500 ± 0.030"]),
            ],
            note: String::new(),
        };
        let expected = "\
Detectors
  detector                  AUROC  recall at 1 %
  PCA, as many    0.9630 ± 0.0050  0.812 ± 0.010
  components as
  the code
  forest          0.9000 ± 0.0100  0.500 ± 0.030
";
        assert_eq!(table.to_text(Some(48)), expected);
        let narrow = table.to_text(Some(30));
        assert!(narrow.lines().all(|line| line.chars().count() <= 30), "{narrow}");
    }

    #[test]
    fn runs_are_linked_from_the_folder_of_the_page() {
        let check = |path: &str, folder: &str, expected: &str| {
            assert_eq!(relative(Path::new(path), Path::new(folder)), Path::new(expected));
        };
        check("runs/vae/1/report.html", "runs/eval/density", "../../vae/1/report.html");
        check("/a/b/report.html", "/a/c", "../b/report.html");
        let page = evaluation().sections(Path::new("runs/eval/x")).unwrap();
        let links =
            page.iter().flat_map(|section| &section.blocks).find(|block| matches!(block, Block::Links(_)));
        let target = "../../ecg/1/report.html".into();
        assert_eq!(links, Some(&Block::Links(vec![Link { text: "runs/ecg/1".into(), target }])));
    }

    #[test]
    fn markdown_holds_no_markup_of_a_file() {
        let mut evaluation = evaluation();
        evaluation.command = "ae eval 'a\n# b'".into();
        let table = &mut evaluation.tables[0];
        table.rows[0][1] = "a|b <i>`x\n\u{202e}".into();
        table.title = "Figures of <script>".into();
        let expected = "## Figures of &lt;script&gt;\n\n| seed | accuracy |\n| :-- | --: |\n\
                        | 0 | a\\|b &lt;i&gt;\\`x\\\\n\\\\u{202e} |\n\
                        | mean ± std | 0.25 ± 0.125 |\n\nA note.\n";
        assert_eq!(table.to_markdown(), expected);
        let whole = evaluation.to_markdown();
        assert!(whole.starts_with("# A title &lt;b&gt;\n\nA method.\n\n    ae eval 'a\\n# b'\n"), "{whole}");
    }

    #[test]
    fn everything_is_written_and_the_json_comes_back_exactly() {
        let folder = tempfile::tempdir().unwrap();
        let mut evaluation = evaluation();
        let entry = Entry { file: "a.png".into(), title: "Dots".into(), ..Default::default() };
        let dots = ndarray::Array4::<f32>::zeros((1, 1, 4, 4));
        let gallery = Gallery::new(folder.path().join("images"));
        gallery.add(entry.clone(), |path| picture::image_grid(path, dots.view(), 1)).unwrap();
        evaluation.pictures.push(entry);
        let report = evaluation.write(folder.path()).unwrap();
        let text = std::fs::read_to_string(report).unwrap();
        for part in ["A title &lt;b&gt;", "0.25 ± 0.125", "data:image/png", "ae eval test", "runs/ecg/1"] {
            assert!(text.contains(part), "{part} is missing");
        }
        let json = std::fs::read_to_string(folder.path().join("evaluation.json")).unwrap();
        assert_eq!(serde_json::from_str::<Evaluation>(&json).unwrap(), evaluation);
        assert!(folder.path().join("evaluation.md").exists());
    }
}
