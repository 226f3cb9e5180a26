//! Folders of images.

use ae_datasets::{DataConfig, DataError, RawRows, read};
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};
use std::path::Path;
use tempfile::TempDir;

fn gray(path: &Path, width: u32, height: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let image = GrayImage::from_fn(width, height, |x, y| Luma([(10 * y + x) as u8]));
    DynamicImage::from(image).save(path).unwrap();
}

fn rgb(path: &Path, color: [u8; 3]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    DynamicImage::from(RgbImage::from_pixel(2, 2, Rgb(color))).save(path).unwrap();
}

fn read_from(folder: &TempDir, more: &str) -> Result<RawRows, DataError> {
    let mut config: DataConfig = toml::from_str(more).unwrap();
    config.set = folder.path().to_str().unwrap().to_owned();
    read(&config)
}

fn check_error(folder: &TempDir, more: &str, expected: &str) {
    let error = read_from(folder, more).unwrap_err().to_string();
    assert_eq!(error.replace(&folder.path().display().to_string(), "HERE"), expected);
}

#[test]
fn subfolders_are_labels_and_files_are_read_in_order() {
    let folder = tempfile::tempdir().unwrap();
    gray(&folder.path().join("ok/b.png"), 3, 2);
    gray(&folder.path().join("ok/a.png"), 3, 2);
    gray(&folder.path().join("broken/1.PNG"), 3, 2);
    std::fs::write(folder.path().join("ok/notes.txt"), "no image").unwrap();
    std::fs::write(folder.path().join(".hidden.png"), "no image").unwrap();
    let rows = read_from(&folder, "").unwrap();
    assert_eq!(rows.shape.to_string(), "1x2x3");
    assert_eq!(rows.label_names, ["broken", "ok"]);
    assert_eq!(rows.samples.labels, Some(vec![0, 1, 1]));
    assert_eq!(rows.samples.values.row(0).to_vec(), [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
    assert!(rows.files[0].name.ends_with("/ (3 images)"), "{:?}", rows.files);
}

#[test]
fn colour_is_three_planes_and_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    rgb(&folder.path().join("a.png"), [1, 2, 3]);
    let planes = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0];
    let rows = read_from(&folder, "").unwrap();
    assert_eq!(
        (rows.shape.to_string().as_str(), rows.samples.values.row(0).to_vec().as_slice()),
        ("3x2x2", &planes[..])
    );
    assert_eq!(rows.samples.labels, None);
    assert_eq!(read_from(&folder, "color = 'gray'").unwrap().shape.to_string(), "1x2x2");
    // One image in colour makes all so.
    gray(&folder.path().join("b.png"), 2, 2);
    assert_eq!(read_from(&folder, "").unwrap().shape.to_string(), "3x2x2");
}

#[test]
fn sizes_that_differ_are_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    gray(&folder.path().join("a.png"), 3, 2);
    gray(&folder.path().join("b.png"), 4, 5);
    check_error(
        &folder,
        "",
        "HERE: images differ in size: a.png is 2x3, but b.png is 5x4 (height x width); set data.resize = [2, 3] to \
         resize them all",
    );
    assert_eq!(read_from(&folder, "resize = [2, 3]").unwrap().shape.to_string(), "1x2x3");
    assert_eq!(read_from(&folder, "resize = [8, 7]").unwrap().shape.to_string(), "1x8x7");
}

#[test]
fn folders_that_cannot_be_used_are_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    check_error(&folder, "", "HERE: no PNG or JPEG images in the folder or its subfolders");
    std::fs::write(folder.path().join("a.txt"), "").unwrap();
    check_error(&folder, "", "HERE: no PNG or JPEG images in the folder (1 other files) or its subfolders");
    gray(&folder.path().join("a.png"), 2, 2);
    gray(&folder.path().join("x/b.png"), 2, 2);
    check_error(
        &folder,
        "",
        "HERE: images both in the folder and in its subfolders (such as x/b.png); put all of them in subfolders, one \
         per label, or none",
    );
}

#[test]
fn a_file_that_is_no_image_or_claims_too_much_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    std::fs::write(&path, b"<html>not found</html>").unwrap();
    let error = read_from(&folder, "").unwrap_err().to_string();
    assert!(error.contains("a.png is not a usable PNG or JPEG file: "), "{error}");
    // 60,000 x 60,000 pixels in a header, and next to nothing behind it.
    gray(&path, 2, 2);
    let mut png = std::fs::read(&path).unwrap();
    png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let crc = crc32(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&crc);
    std::fs::write(&path, png).unwrap();
    let error = read_from(&folder, "").unwrap_err().to_string();
    assert!(error.contains("3600000000 pixel values") && error.contains("data.max_memory_mb"), "{error}");
    // Allowed by the user, it is still no image.
    let error = read_from(&folder, "max_memory_mb = 100000000").unwrap_err().to_string();
    assert!(error.contains("a.png is not a usable PNG or JPEG file: "), "{error}");
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
