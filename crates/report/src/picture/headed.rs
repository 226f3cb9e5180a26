//! Draws rows of images with a heading above each column.

use crate::chart::{self, MIDDLE, fitting, refused, text, units, widest};
use crate::error::ReportError;
use crate::picture::grid::{GROUND, labelled_rows};
use ae_records::text::one_line;
use image::{RgbaImage, imageops};
use ndarray::{ArrayView4, Axis};
use plotters::prelude::Text;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Height of one line of a heading.
const LINE: u32 = 18;
const FONT: u32 = 12;
/// Room to the left of the images beyond the widest label, and between two images; as in rows without headings.
const LEFT: u32 = 16;
const GAP: u32 = 4;

/// As [`image_rows`](crate::picture::image_rows), with two lines above each column, such as the class of a sample and its
/// error; a text that is wider than the column is cut.
///
/// # Errors
/// As [`image_rows`](crate::picture::image_rows), or another number of headings than of columns.
pub fn headed_rows<L: AsRef<str>>(
    path: &Path,
    rows: &[(L, ArrayView4<f32>)],
    headings: &[[String; 2]],
) -> Result<(), ReportError> {
    let Some((_, first)) = rows.first() else { return Err(ReportError::Nothing { what: "rows of images" }) };
    for (_, images) in rows {
        if images.dim() != first.dim() {
            let (got, expected) = (images.shape().to_vec(), first.shape().to_vec());
            return Err(ReportError::Shape { what: "rows of images", got, expected });
        }
    }
    let columns = first.len_of(Axis(0));
    if headings.len() != columns {
        let (got, expected) = (vec![headings.len()], vec![columns]);
        return Err(ReportError::Shape { what: "headings", got, expected });
    }
    let labels: Vec<&str> = rows.iter().map(|(label, _)| label.as_ref()).collect();
    let views: Vec<ArrayView4<f32>> = rows.iter().map(|(_, images)| *images).collect();
    let images = labelled_rows(&labels, &views)?;
    let left = widest(&text(20, MIDDLE), &labels)? + LEFT;
    let column = (images.width() - left + GAP) / columns as u32;
    let head = 2 * LINE + 4;
    let drawing = chart::svg((images.width(), head), |area| {
        for (index, heading) in headings.iter().enumerate() {
            let middle = left + column * index as u32 + (column - GAP) / 2;
            for (line, words) in heading.iter().enumerate() {
                let style = text(FONT, MIDDLE).pos(Pos::new(HPos::Center, VPos::Center));
                let words = fitting(&one_line(words), &style, column.saturating_sub(2))?;
                let place = (units(middle as i32), units((LINE as usize * line + 11) as i32));
                area.draw(&Text::new(words, place, style)).map_err(refused)?;
            }
        }
        Ok(())
    })?;
    let mut canvas = RgbaImage::from_pixel(images.width(), head + images.height(), GROUND);
    imageops::replace(&mut canvas, &chart::transparent(&drawing, 1)?, 0, 0);
    imageops::replace(&mut canvas, &images, 0, i64::from(head));
    chart::write_image(path, &canvas)
}
