//! Common parts of all charts: colours, text, axes, and the conversion of a drawing to SVG and PNG.

use crate::error::ReportError;
use crate::number;
use crate::scale::Scale;
use ae_records::files::{self, FileError};
use ae_records::text::printable;
use image::{ImageBuffer, ImageFormat, PixelWithColorType, RgbImage, RgbaImage};
use plotters::chart::{ChartBuilder, ChartContext, SeriesLabelPosition};
use plotters::coord::Shift;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::{Cartesian2d, DrawingArea, IntoDrawingArea, RGBAColor, RGBColor, SVGBackend};
use plotters::style::{Color, FontStyle, IntoFont, ShapeStyle, TextStyle, register_font};
use resvg::{tiny_skia, usvg};
use std::cell::Cell;
use std::fmt::Display;
use std::io::{Cursor, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Once};

/// `html/style.css` replaces this colour and the three below in dark mode.
pub(crate) const INK: RGBColor = RGBColor(0x24, 0x29, 0x2F);
pub(crate) const MUTED: RGBColor = RGBColor(0x5B, 0x64, 0x6E);
pub(crate) const GRID: RGBColor = RGBColor(0xE4, 0xE8, 0xEC);
pub(crate) const PAPER: RGBColor = RGBColor(0xFE, 0xFE, 0xFE);
/// Ink on a transparent ground, which may be shown on white or on black: the same contrast with either, about 4 : 1.
pub(crate) const MIDDLE: RGBColor = RGBColor(0x78, 0x7E, 0x86);

/// The "Tableau 10" colours: most people can tell them apart, on a light or a dark background.
pub(crate) const SERIES: [RGBColor; 10] = [
    RGBColor(0x4E, 0x79, 0xA7),
    RGBColor(0xF2, 0x8E, 0x2B),
    RGBColor(0x59, 0xA1, 0x4F),
    RGBColor(0xE1, 0x57, 0x59),
    RGBColor(0xB0, 0x7A, 0xA1),
    RGBColor(0x76, 0xB7, 0xB2),
    RGBColor(0xED, 0xC9, 0x48),
    RGBColor(0x9C, 0x75, 0x5F),
    RGBColor(0xFF, 0x9D, 0xA7),
    RGBColor(0x86, 0x8B, 0x92),
];

/// Drawing units per pixel: `plotters` draws in whole units, and several per pixel keep curves smooth. Sizes
/// in this crate are in pixels and are converted by [`units`].
const UNITS: u32 = 8;
/// Pixels of a PNG per pixel of a page, so that charts are sharp on high-resolution screens.
pub(crate) const DENSITY: u32 = 2;

/// Maximum number of pixels of a picture.
pub(crate) const MAX_PIXELS: usize = 64 << 20;

/// A longer drawing is kept as PNG only, which is then the smaller.
const MAX_SVG_BYTES: usize = 1 << 20;

const FONT: &str = "sans-serif";

/// The drawing area of a chart.
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// A coordinate system on an area.
pub(crate) type Axes<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<Scale, Scale>>;

/// Wraps an error of the drawing library.
pub(crate) fn refused(error: impl Display) -> ReportError {
    ReportError::Chart(error.to_string())
}

/// Draws on a transparent background of `width` x `height` pixels.
pub(crate) fn svg(
    (width, height): (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Result<(), ReportError>,
) -> Result<String, ReportError> {
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, (units(width), units(height))).into_drawing_area();
    draw(&area)?;
    area.present().map_err(refused)?;
    drop(area);
    // Names come from files, and XML forbids control characters.
    Ok(printable(&text).into_owned())
}

/// Renders a drawing on a white background, with `density` pixels for each of its own.
pub(crate) fn pixels(svg: &str, density: u32) -> Result<RgbImage, ReportError> {
    let canvas = render(svg, density, Some(tiny_skia::Color::WHITE))?;
    let opaque = canvas.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    Ok(RgbImage::from_raw(canvas.width(), canvas.height(), opaque).expect("three bytes for each pixel"))
}

/// As [`pixels`], on a transparent background; a pixel without ink is white.
pub(crate) fn transparent(svg: &str, density: u32) -> Result<RgbaImage, ReportError> {
    let canvas = render(svg, density, None)?;
    let colour = |pixel: &tiny_skia::PremultipliedColorU8| match pixel.demultiply() {
        clear if clear.alpha() == 0 => [255, 255, 255, 0],
        ink => [ink.red(), ink.green(), ink.blue(), ink.alpha()],
    };
    let bytes = canvas.pixels().iter().flat_map(colour).collect();
    Ok(RgbaImage::from_raw(canvas.width(), canvas.height(), bytes).expect("four bytes for each pixel"))
}

fn render(
    svg: &str,
    density: u32,
    ground: Option<tiny_skia::Color>,
) -> Result<tiny_skia::Pixmap, ReportError> {
    let mut options = usvg::Options::default();
    let fonts = Arc::make_mut(&mut options.fontdb);
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let tree = usvg::Tree::from_str(svg, &options).map_err(refused)?;
    let size = tree.size().to_int_size();
    let (width, height) = (size.width() * density / UNITS, size.height() * density / UNITS);
    let too_large = || ReportError::TooLarge { width: width as usize, height: height as usize };
    if (width as usize).saturating_mul(height as usize) > MAX_PIXELS {
        return Err(too_large());
    }
    let mut canvas = tiny_skia::Pixmap::new(width, height).ok_or_else(too_large)?;
    if let Some(ground) = ground {
        canvas.fill(ground);
    }
    let scale = density as f32 / UNITS as f32;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut canvas.as_mut());
    Ok(canvas)
}

thread_local! {
    static FOR_A_PAGE: Cell<bool> = const { Cell::new(false) };
}

/// What `draw` writes on this thread is for a page, which shows a chart's drawing rather than its pixels: [`write_png`] puts
/// that beside it. A chart for anybody else is the one file that was asked for.
pub(crate) fn for_a_page<T>(draw: impl FnOnce() -> T) -> T {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            FOR_A_PAGE.set(self.0);
        }
    }
    let _before = Before(FOR_A_PAGE.replace(true));
    draw()
}

/// Writes a chart as PNG; [for a page](for_a_page), as SVG beside it as well, unless that would be large.
pub(crate) fn write_png(path: &Path, svg: &str) -> Result<(), ReportError> {
    write_image(path, &pixels(svg, DENSITY)?)?;
    if !FOR_A_PAGE.get() {
        return Ok(());
    }
    let beside = path.with_extension("svg");
    if svg.len() < MAX_SVG_BYTES {
        return Ok(files::write_atomic_bytes(&beside, adaptive(svg).as_bytes())?);
    }
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(FileError::new("remove", &beside)(error).into())
        }
        _ => Ok(()),
    }
}

/// The drawing with the fonts of the screen that shows it, and with light ink on dark screens. The colours are those of
/// `html/style.css`.
fn adaptive(svg: &str) -> String {
    const STYLE: &str = "<style>text{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif}\
        @media (prefers-color-scheme:dark){[fill=\"#24292F\"]{fill:#e2e6ea}[stroke=\"#24292F\"]{stroke:#e2e6ea}\
        [fill=\"#5B646E\"]{fill:#9aa4ae}[stroke=\"#5B646E\"]{stroke:#9aa4ae}[fill=\"#FEFEFE\"]{fill:#191d21}\
        [stroke=\"#E4E8EC\"]{stroke:#31383f}}</style>";
    let end = svg.find("<svg").and_then(|start| Some(start + svg[start..].find('>')? + 1));
    end.map_or_else(|| svg.to_string(), |end| format!("{}{STYLE}{}", &svg[..end], &svg[end..]))
}

/// Writes pixels as PNG, atomically.
pub(crate) fn write_image<P>(path: &Path, image: &ImageBuffer<P, Vec<u8>>) -> Result<(), ReportError>
where
    P: PixelWithColorType<Subpixel = u8>,
{
    Ok(files::write_atomic_bytes(path, &png_bytes(image)?)?)
}

/// The content of a PNG file.
pub(crate) fn png_bytes<P>(image: &ImageBuffer<P, Vec<u8>>) -> Result<Vec<u8>, ReportError>
where
    P: PixelWithColorType<Subpixel = u8>,
{
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).map_err(refused)?;
    Ok(bytes.into_inner())
}

/// Converts a length from pixels to the units of `plotters`.
pub(crate) fn units<T: From<u8> + std::ops::Mul<Output = T>>(pixels: T) -> T {
    pixels * T::from(UNITS as u8)
}

/// Text of a size (in pixels) and colour.
pub(crate) fn text(size: u32, colour: RGBColor) -> TextStyle<'static> {
    register();
    // `plotters` takes the line height as the font size.
    (FONT, f64::from(units(size)) * 1.24).into_font().color(&colour)
}

/// A line of a width in pixels.
pub(crate) fn stroke(colour: RGBColor, width: u32) -> ShapeStyle {
    colour.stroke_width(units(width))
}

/// Width in pixels of the widest of some texts.
pub(crate) fn widest(style: &TextStyle<'_>, texts: &[&str]) -> Result<u32, ReportError> {
    let mut widest = 0;
    for text in texts {
        widest = widest.max(style.font.box_size(text).map_err(refused)?.0);
    }
    Ok(widest.div_ceil(UNITS))
}

/// A name of at most `most` characters; a longer one is cut and ends in `…`.
pub(crate) fn shortened(name: &str, most: usize) -> String {
    match name.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_string(),
    }
}

/// A text of at most `width` pixels; a wider one is cut and ends in `…`.
pub(crate) fn fitting(name: &str, style: &TextStyle<'_>, width: u32) -> Result<String, ReportError> {
    // No letter is narrower than a pixel, which bounds the loop.
    let mut letters = name.chars().count().min(width as usize);
    loop {
        let cut = shortened(name, letters);
        if letters == 0 || widest(style, &[&cut])? <= width {
            return Ok(cut);
        }
        letters -= 1;
    }
}

/// A translucent colour, for areas.
pub(crate) fn faint(colour: RGBColor, opacity: f64) -> RGBAColor {
    colour.mix(opacity)
}

/// Axes with a title, a light grid and readable labels.
pub(crate) fn axes<'a, 'b>(
    area: &'b Area<'a>,
    title: &str,
    (x, x_name): (Scale, &str),
    (y, y_name): (Scale, &str),
) -> Result<Axes<'a, 'b>, ReportError> {
    axes_labelled(area, title, (x, x_name), (y, y_name), number::tick)
}

/// As [`axes`], with other labels of the horizontal axis.
pub(crate) fn axes_labelled<'a, 'b>(
    area: &'b Area<'a>,
    title: &str,
    (x, x_name): (Scale, &str),
    (y, y_name): (Scale, &str),
    x_label: impl Fn(f64) -> String,
) -> Result<Axes<'a, 'b>, ReportError> {
    let mut builder = ChartBuilder::on(area);
    // The last label is centred below the end of the axis.
    let half = widest(&text(11, MUTED), &[&x_label(x.range().end)])?.div_ceil(2) + 4;
    builder.margin(units(6)).margin_right(units(half.clamp(16, 60)));
    builder.x_label_area_size(units(if x_name.is_empty() { 22 } else { 38 }));
    builder.y_label_area_size(units(if y_name.is_empty() { 44 } else { 60 }));
    if !title.is_empty() {
        builder.caption(title, text(14, INK));
    }
    let mut axes = builder.build_cartesian_2d(x, y).map_err(refused)?;
    axes.configure_mesh()
        .disable_x_mesh()
        .max_light_lines(0)
        .bold_line_style(stroke(GRID, 1))
        .axis_style(stroke(GRID, 1))
        .set_all_tick_mark_size(units(3))
        .label_style(text(11, MUTED))
        .axis_desc_style(text(12, MUTED))
        .x_labels(if area.dim_in_pixel().0 > units(600) { 12 } else { 6 })
        .y_labels(5)
        .x_label_formatter(&|v| x_label(*v))
        .y_label_formatter(&|v| number::tick(*v))
        .x_desc(x_name)
        .y_desc(y_name)
        .draw()
        .map_err(refused)?;
    Ok(axes)
}

/// Draws the legend.
pub(crate) fn legend<'a: 'b, 'b>(
    axes: &mut Axes<'a, 'b>,
    place: SeriesLabelPosition,
) -> Result<(), ReportError> {
    axes.configure_series_labels()
        .position(place)
        .label_font(text(12, MUTED))
        .background_style(faint(PAPER, 0.8))
        .margin(units(6))
        .legend_area_size(units(24))
        .draw()
        .map_err(refused)
}

fn register() {
    static FONTS: Once = Once::new();
    FONTS.call_once(|| {
        let registered = register_font(FONT, FontStyle::Normal, dejavu::sans::regular());
        assert!(registered.is_ok(), "DejaVu Sans is a font");
    });
}
