//! Folders of pictures: one folder per class with PNG or JPEG files, optionally below `train/` and `test/`.

use super::{
    DataError, Request, Samples, TableNotes, Targets,
    assemble::{Parts, check_class_number},
    files::{file_name, has_extension, malformed, open_file, sorted_entries},
    limits::{IMAGE_DECODE_BYTES_MAX, IMAGE_SIDE_PIXELS_MAX},
    sizes::SampleShape,
};
use image::{DynamicImage, ImageReader};
use std::{
    io::BufReader,
    path::{Path, PathBuf},
};

const EXPECTED: &str =
    "a folder with one folder of PNG or JPEG files per class, optionally below train/ and test/";
const KNOWN: [&str; 3] = ["png", "jpg", "jpeg"];
/// Pictures in these formats are not skipped silently.
const UNKNOWN: [&str; 8] = ["bmp", "gif", "tif", "tiff", "webp", "avif", "heic", "ppm"];

/// Folders within a class folder that are looked into for pictures that would be missed.
const DEPTH_MAX: usize = 8;

/// One class folder of one part.
struct ClassFolder {
    name: String,
    files: Vec<PathBuf>,
}

/// The pixels so far, and the first picture, which all others must be like.
#[derive(Default)]
struct Pixels {
    values: Vec<u8>,
    first: Option<(PathBuf, SampleShape)>,
}

/// Reads all pictures in the order of part, class and file name.
pub(super) fn read(request: &Request<'_>, folder: &Path) -> Result<Parts, DataError> {
    request.expect_classification()?;
    let (train, test) = parts(folder)?;
    let mut names: Vec<String> = train.iter().map(|class| class.name.clone()).collect();
    names.sort();
    check_class_number(request.source, names.len())?;
    let total = train.iter().chain(&test).map(|class| class.files.len()).sum();
    let mut pixels = Pixels::default();
    let mut labels = Vec::new();
    read_classes(request, &train, &names, total, &mut pixels, &mut labels)?;
    let trained = labels.len();
    read_classes(request, &test, &names, total, &mut pixels, &mut labels)?;
    let Some((_, shape)) = pixels.first else {
        return Err(DataError::NoSamples { origin: request.source.into() });
    };
    Ok(Parts {
        shape,
        samples: Samples::U8(pixels.values),
        official_test: labels.len() - trained,
        targets: Targets::Classes { labels, names },
        columns: Vec::new(),
        unknown: Vec::new(),
        notes: TableNotes::default(),
    })
}

/// Class folders for training and for the official test.
fn parts(folder: &Path) -> Result<(Vec<ClassFolder>, Vec<ClassFolder>), DataError> {
    let entries = sorted_entries(folder, EXPECTED)?;
    let folders: Vec<&PathBuf> = entries.iter().filter(|path| path.is_dir()).collect();
    if !folders.iter().any(|path| file_name(path) == "train") {
        return Ok((class_folders(folder)?, Vec::new()));
    }
    if let Some(other) = folders.iter().find(|path| !["train", "test"].contains(&file_name(path).as_str())) {
        let problem = format!("folder \"{}\" stands beside train/", file_name(other));
        return Err(malformed(
            folder,
            "layout",
            &problem,
            "keep train/ and test/ only, or class folders only",
        ));
    }
    let test = folder.join("test");
    let test = if test.is_dir() { class_folders(&test)? } else { Vec::new() };
    Ok((class_folders(&folder.join("train"))?, test))
}

fn class_folders(folder: &Path) -> Result<Vec<ClassFolder>, DataError> {
    let mut classes = Vec::new();
    for path in sorted_entries(folder, EXPECTED)? {
        if path.is_dir() {
            classes.push(ClassFolder { name: file_name(&path), files: pictures(&path)? });
        } else if KNOWN.iter().any(|extension| has_extension(&path, extension)) {
            return Err(malformed(
                &path,
                "layout",
                "a picture outside any class folder",
                "move it into the folder of its class",
            ));
        }
    }
    Ok(classes)
}

fn pictures(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut files = sorted_entries(folder, EXPECTED)?;
    let is = |path: &PathBuf, extensions: &[&str]| extensions.iter().any(|known| has_extension(path, known));
    if let Some(path) = files.iter().find(|path| is(path, &UNKNOWN)) {
        return Err(malformed(path, "format", "is neither PNG nor JPEG", "convert it to PNG, or remove it"));
    }
    let (mut missed, mut example) = (0, None);
    for inner in files.iter().filter(|path| path.is_dir()) {
        missed += pictures_within(inner, DEPTH_MAX, &mut example)?;
    }
    if let Some(example) = example {
        let problem = format!(
            "{missed} pictures lie in folders within this class folder and would be left out, such as {}",
            example.display()
        );
        let remedy =
            "move them into the class folder, make each of those folders a class of its own, or remove them";
        return Err(malformed(folder, "layout", &problem, remedy));
    }
    files.retain(|path| is(path, &KNOWN) && !path.is_dir());
    Ok(files)
}

/// How many pictures lie in a folder and those within; the first is the example. Links are not followed: they may lead
/// round in a circle.
fn pictures_within(folder: &Path, depth: usize, example: &mut Option<PathBuf>) -> Result<usize, DataError> {
    let mut count = 0;
    for path in sorted_entries(folder, EXPECTED)? {
        if path.is_dir() {
            if depth > 0 && !path.is_symlink() {
                count += pictures_within(&path, depth - 1, example)?;
            }
        } else if KNOWN.iter().chain(&UNKNOWN).any(|extension| has_extension(&path, extension)) {
            count += 1;
            example.get_or_insert(path);
        }
    }
    Ok(count)
}

fn read_classes(
    request: &Request<'_>,
    classes: &[ClassFolder],
    names: &[String],
    total: usize,
    pixels: &mut Pixels,
    labels: &mut Vec<i64>,
) -> Result<(), DataError> {
    for class in classes {
        let label = names.iter().position(|name| *name == class.name);
        let Some(label) = label else {
            let problem = format!("test/ has class \"{}\", which train/ has not", class.name);
            return Err(request.unsuitable(&problem, "use the same class folders in both"));
        };
        for file in &class.files {
            pixels.append(request, file, total)?;
            labels.push(label as i64);
        }
    }
    Ok(())
}

impl Pixels {
    fn append(&mut self, request: &Request<'_>, file: &Path, total: usize) -> Result<(), DataError> {
        let picture = decode(file)?;
        let channels = u64::from(picture.color().channel_count());
        let shape = SampleShape { channels, height: picture.height().into(), width: picture.width().into() };
        match &self.first {
            None => {
                // All are alike, so the first tells how much all will take.
                request.check_sizes(request.source, shape, total as u64, 1)?;
                self.first = Some((file.into(), shape));
            }
            Some((first, first_shape)) if *first_shape != shape => {
                return Err(DataError::ImagesDiffer {
                    first: first.clone(),
                    first_shape: in_words(*first_shape),
                    other: file.into(),
                    other_shape: in_words(shape),
                });
            }
            Some(_) => {}
        }
        let interleaved = picture.as_bytes();
        let channels = channels as usize;
        for channel in 0..channels {
            self.values.extend(interleaved.iter().skip(channel).step_by(channels));
        }
        Ok(())
    }
}

fn in_words(shape: SampleShape) -> String {
    let plural = if shape.channels == 1 { "channel" } else { "channels" };
    format!("{} x {} pixels with {} {plural}", shape.width, shape.height, shape.channels)
}

/// Decodes one picture; only 8 bits a channel are taken, so that values stay as stored.
fn decode(path: &Path) -> Result<DynamicImage, DataError> {
    let remedy = "replace the file, or remove it";
    let broken = |problem: String| malformed(path, "picture", &problem, remedy);
    let (file, _) = open_file(path, "a PNG or JPEG file")?;
    let mut reader = ImageReader::new(BufReader::new(file))
        .with_guessed_format()
        .map_err(|error| broken(format!("cannot be read ({error})")))?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(IMAGE_SIDE_PIXELS_MAX as u32);
    limits.max_image_height = Some(IMAGE_SIDE_PIXELS_MAX as u32);
    limits.max_alloc = Some(IMAGE_DECODE_BYTES_MAX);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| broken(format!("cannot be decoded ({error})")))?;
    let color = picture.color();
    if color.bytes_per_pixel() == color.channel_count() {
        return Ok(picture);
    }
    Err(malformed(path, "picture", "has more than 8 bits a channel", "convert it to 8 bits a channel"))
}
