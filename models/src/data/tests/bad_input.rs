//! Bad input, each kind by the message that it gets.

use super::fixtures::*;
use crate::data::{DataError, Known, LoadOptions, Split, limits, load, load_to_test, load_within};
use std::{fs, path::Path};
use tempfile::{TempDir, tempdir};

fn plain() -> LoadOptions {
    LoadOptions::default()
}

#[test]
fn unknown_formats_get_a_suggestion() {
    let says = |source: &str| load(source, &plain()).unwrap_err().to_string();
    assert_says(&says("digit"), &["\"digit\"", "did you mean \"digits\"?", "cifar:DIR"]);
    assert_says(&says("cvs:a.csv"), &["did you mean \"csv:FILE\"?"]);
    assert_says(&says("image:a"), &["did you mean \"images:DIR\"?"]);
    assert!(!says("parquet:a").contains("did you mean"));
    assert_says(&says("csv"), &["path is missing", "csv:data/magic04.data"]);
    assert_says(&says("csv:"), &["path is missing"]);
    assert_says(&says("digits:x"), &["takes no path"]);
}

#[test]
fn missing_files_are_named_with_what_was_expected() {
    let folder = tempdir().unwrap();
    let nothing = folder.path().join("nothing");
    assert_says(&message("csv", &nothing, &plain()), &["does not exist", "a table of numbers"]);
    assert_says(&message("npz", &nothing, &plain()), &["does not exist", "x and y"]);
    assert_says(&message("images", &nothing, &plain()), &["does not exist", "one folder of PNG or JPEG"]);
    assert_says(&message("cifar", &nothing, &plain()), &["does not exist", "data_batch_1.bin"]);
    let idx = message("idx", &nothing, &plain());
    assert_says(&idx, &["does not exist", "train-images-idx3-ubyte or train-images-idx3-ubyte.gz"]);
    assert_says(&message("csv", folder.path(), &plain()), &["is a folder"]);
    let cifar = message("cifar", folder.path(), &plain());
    assert_says(&cifar, &["data_batch_1.bin does not exist", "binary version"]);
    fs::write(&nothing, "a file").unwrap();
    assert_says(&message("images", &nothing, &plain()), &["is a file"]);
    assert_says(&message("idx", &nothing, &plain()), &["does not exist"]);
}

fn idx_folder() -> TempDir {
    let folder = tempdir().unwrap();
    write_idx_part(folder.path(), "train", 9, false);
    write_idx_part(folder.path(), "t10k", 6, false);
    folder
}

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

#[test]
fn truncated_idx() {
    let folder = idx_folder();
    let path = folder.path().join(IMAGES);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    let says = message("idx", folder.path(), &plain());
    assert_says(&says, &[IMAGES, "truncated", "the pixels should have 54 bytes, found 49"]);
    fs::write(&path, &bytes[..9]).unwrap();
    assert_says(&message("idx", folder.path(), &plain()), &["the header should have 16 bytes, found 9"]);
    fs::write(&path, [&bytes[..], &[1]].concat()).unwrap();
    assert_says(&message("idx", folder.path(), &plain()), &["more bytes follow"]);
}

#[test]
fn truncated_and_garbage_gzip() {
    let folder = tempdir().unwrap();
    write_idx_part(folder.path(), "train", 9, true);
    let path = folder.path().join(format!("{IMAGES}.gz"));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 12]).unwrap();
    let says = message("idx", folder.path(), &plain());
    assert_says(&says, &[IMAGES, "fetch"]);
    fs::write(&path, "<html>not found</html>").unwrap();
    assert_says(&message("idx", folder.path(), &plain()), &[IMAGES, "not valid gzip", "1f 8b"]);
    fs::write(&path, [&bytes[..10], &[0xff; 40]].concat()).unwrap();
    assert_says(&message("idx", folder.path(), &plain()), &[IMAGES, "not valid gzip"]);
    let table = folder.path().join("t.csv.gz");
    let rows = gzipped("1,2,a\n3,4,b\n".repeat(500).as_bytes());
    fs::write(&table, &rows[..rows.len() - 9]).unwrap();
    assert_says(&message("csv", &table, &plain()), &["not valid gzip", "end early"]);
}

#[test]
fn wrong_idx_magic() {
    let folder = idx_folder();
    fs::copy(folder.path().join(LABELS), folder.path().join(IMAGES)).unwrap();
    let says = message("idx", folder.path(), &plain());
    assert_says(&says, &[IMAGES, "magic number 0x00000801", "expected 0x00000803", "mixed up"]);
}

#[test]
fn idx_parts_that_do_not_fit_together() {
    let folder = idx_folder();
    fs::write(folder.path().join(LABELS), idx(1, &[8], &[0; 8])).unwrap();
    assert_says(&message("idx", folder.path(), &plain()), &[LABELS, "8 labels for 9 images"]);
    write_idx_part(folder.path(), "train", 9, false);
    fs::write(folder.path().join("t10k-images-idx3-ubyte"), idx(3, &[6, 2, 2], &[0; 24])).unwrap();
    assert_says(&message("idx", folder.path(), &plain()), &["images are 2x2, in training 3x2"]);
    fs::remove_file(folder.path().join("t10k-images-idx3-ubyte")).unwrap();
    assert_says(&message("idx", folder.path(), &plain()), &["t10k-images-idx3-ubyte does not exist"]);
}

fn table_message(text: &str, options: &LoadOptions) -> String {
    let folder = tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, text).unwrap();
    message("csv", &path, options)
}

#[test]
fn ragged_csv() {
    let says = table_message("a,b,kind\n1,2,x\n\n1,2,3,y\n", &plain());
    assert_says(&says, &["table.csv", "line 4", "4 fields where the first line has 3"]);
    assert_says(&table_message("1,2,x\n1,y\n", &plain()), &["line 2", "2 fields", "has 3"]);
    let says = table_message("\r\na,b,kind\r\n1,2,x\r\n\r\n1,y\r\n", &plain());
    assert_says(&says, &["line 5", "2 fields"]);
    assert_says(&table_message("a,kind\n1,\"x\n2,y\n", &plain()), &["line 2", "a quote is opened"]);
}

#[test]
fn nan_and_infinity_in_csv() {
    let says = table_message("a,b\n1,2\n1,NaN\n", &regression());
    assert_says(&says, &["table.csv: line 3, column 1 (\"b\")", "\"NaN\"", "fill in the missing value"]);
    assert_says(&table_message("1,-inf,x\n1,2,y\n", &plain()), &["line 1, column 1", "\"-inf\"", "finite"]);
    assert_says(&table_message("1,1e39,x\n1,2,y\n", &plain()), &["line 1, column 1", "\"1e39\""]);
    assert_says(&table_message("a,b\n1,2\n1,inf\n", &regression()), &["line 3, column 1 (\"b\")"]);
    assert_says(&table_message("a,kind\n1,x\n1,nan\n", &plain()), &["line 3", "label is missing (\"nan\")"]);
}

#[test]
fn text_in_a_target_column() {
    let says = table_message("a,b\n1,2\n1,red\n", &regression());
    assert_says(&says, &["line 3, column 1 (\"b\")", "\"red\" is not a number", "data.label"]);
}

#[test]
fn missing_targets_get_the_remedy_of_an_empty_cell() {
    for word in ["", "NA", "N/A", "n/a", "null", "NULL", "NaN", "NaT", "<NA>", "None", "?"] {
        let says = table_message(&format!("a,b\n1,2\n1,{word}\n"), &regression());
        assert_says(&says, &["line 3, column 1 (\"b\")", "fill in the missing value"]);
        assert!(!says.contains("data.label"), "{says}");
        if word != "None" {
            let says = table_message(&format!("a,kind\n1,x\n2,{word}\n"), &plain());
            assert_says(&says, &["line 3", "the label is missing", "fill in its label"]);
        }
    }
}

#[test]
fn all_columns_that_are_no_numbers_are_told_at_once() {
    let text = "id,a,b,c\n7,1,2,\n8,1,red,\n9,inf,2,3\n10,1,blue,4\n";
    let targets = |label: &str| LoadOptions { label: Some(label.into()), ..regression() };
    let says = table_message(text, &targets("a,b,c"));
    let each = [
        "3 columns are no numbers",
        "in column 1 (\"a\") from line 4: \"inf\" is not a finite 32-bit number",
        "in column 2 (\"b\") from line 3: \"red\"",
        "in column 3 (\"c\") from line 2: there is no value",
        "fill in missing values, turn text into numbers, or leave columns out with data.ignore",
    ];
    assert_says(&says, &each);
    // Features may have text and missing values, and are told of for other reasons alone.
    let says = table_message(text, &LoadOptions { ignore: vec!["b".into(), "c".into()], ..targets("id") });
    assert_says(&says, &["line 4, column 1 (\"a\")", "\"inf\""]);
    let wide: String = (1..=30).map(|column| format!("t{column},")).collect();
    let names: Vec<String> = (1..=30).map(|column| column.to_string()).collect();
    let says = table_message(&format!("1,{wide}2\n"), &targets(&names.join(",")));
    assert_says(&says, &["30 columns", "and in 10 more"]);
    // A later line that is no row at all does not hide them.
    let says = table_message("a,b,kind\n-inf,1e99,u\n1,2\n", &plain());
    assert_says(&says, &["2 columns", "from line 2"]);
}

#[test]
fn columns_to_leave_out_that_are_not_there() {
    let text = "length,width,species\n1,2,x\n3,4,y\n";
    let says = |columns: &[&str]| {
        let ignore = columns.iter().map(|&column| column.to_owned()).collect();
        table_message(text, &LoadOptions { ignore, ..LoadOptions::default() })
    };
    assert_says(&says(&["lenght"]), &["no column \"lenght\"", "did you mean \"length\"?", "length, width"]);
    assert_says(&says(&["9"]), &["no column \"9\"", "0 to 2"]);
    assert_says(&says(&["length", "width"]), &["none of them a feature"]);
    let both = LoadOptions { ignore: vec!["species".to_owned()], ..labelled("species") };
    assert_says(
        &table_message(text, &both),
        &["column 2 (\"species\") is named twice", "none of them in data.ignore"],
    );
    let elsewhere = LoadOptions { ignore: vec!["a".to_owned()], ..LoadOptions::default() };
    let says = load("digits", &elsewhere).unwrap_err().to_string();
    assert_says(&says, &["only csv: has columns", "leave data.ignore out"]);
    let elsewhere = LoadOptions { categorical: vec!["a".to_owned()], ..LoadOptions::default() };
    let says = load("digits", &elsewhere).unwrap_err().to_string();
    assert_says(&says, &["only csv: has columns", "leave data.categorical out"]);
    let says = load("digits", &labelled("kind")).unwrap_err().to_string();
    assert_says(&says, &["digits: data.label", "only csv: has columns", "leave data.label out"]);
}

#[test]
fn unknown_label_column() {
    let text = "length,width,species\n1,2,x\n3,4,y\n";
    let says = table_message(text, &labelled("specis"));
    assert_says(&says, &["no column \"specis\"", "did you mean \"species\"?", "length, width, species"]);
    assert_says(&table_message(text, &labelled("7")), &["no column \"7\"", "0 to 2"]);
    let says = table_message("2019,2020,2021\n1,2,0\n3,4,1\n", &labelled("2022"));
    assert!(!says.contains("did you mean"), "{says}");
    assert_says(&table_message("1,2,x\n3,4,y\n", &labelled("kind")), &["no column \"kind\"", "no header"]);
    let twice = LoadOptions { label: Some("a,0".into()), ..regression() };
    assert_says(&table_message("a,b\n1,2\n", &twice), &["named twice"]);
    assert_says(&table_message("1\n2\n", &plain()), &["none of them a feature"]);
}

#[test]
fn nothing_to_learn_from() {
    let says = table_message("a,kind\n1,x\n2,x\n3,x\n", &plain());
    assert_says(&says, &["all 3 samples are of one class, \"x\"", "at least two classes"]);
    let says = table_message("a,kind\n1,x\n2,x\n3,y\n", &plain());
    assert_says(&says, &["class \"y\" has 1 sample ", "at least 2"]);
    assert!(!says.contains("regression"));
    let says = table_message("1,0.5\n2,0.6\n3,0.7\n", &plain());
    assert_says(&says, &["class \"0.5\" has 1 sample", "data.task = \"regression\""]);
    let says = table_message("a,b\n1,7.5\n2,7.5\n3,7.5\n", &regression());
    assert_says(&says, &["all 3 samples have the same target, b = 7.5", "at least two different values"]);
    let two = LoadOptions { label: Some("a,b".into()), ..regression() };
    let says = table_message("a,x,b\n1,7,0\n2,7,0\n", &two);
    assert_says(&says, &["all 2 samples have the same target, b = 0"]);
    assert_says(&table_message("a,b,kind\n", &plain()), &["no samples"]);
    assert_says(&table_message("", &plain()), &["no samples"]);
    assert_says(&table_message("\n\n", &plain()), &["no samples"]);
    let folder = tempdir().unwrap();
    assert_says(&message("images", folder.path(), &plain()), &["no samples"]);
    write_class_folders(folder.path(), &["only"], 3);
    assert_says(&message("images", folder.path(), &plain()), &["one class, \"only\""]);
    fs::create_dir(folder.path().join("empty")).unwrap();
    assert!(matches!(refused("images", folder.path(), &plain()), DataError::OneClass { .. }));
}

#[test]
fn what_nothing_is_learnt_from_can_be_tested_on() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let to_test = |text: &str, options: &LoadOptions| {
        fs::write(&path, text).unwrap();
        load_to_test(&source("csv", &path), options, Known::default()).map(|(dataset, _)| dataset.count)
    };
    assert_eq!(to_test("a,kind\n1,x\n2,x\n3,x\n", &plain()).unwrap(), 3, "one class");
    assert_eq!(to_test("a,kind\n1,x\n2,y\n3,x\n", &plain()).unwrap(), 3, "one sample of a class");
    assert_eq!(to_test("a,b\n1,7.5\n2,7.5\n", &regression()).unwrap(), 2, "one value");
    assert!(to_test("a,kind\n", &plain()).is_err(), "no samples");
}

#[test]
fn classes_only_in_the_test_part() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    NpzFile::new(&path)
        .array("x_train", &[4, 1], &[1.0_f32, 2.0, 3.0, 4.0])
        .array("y_train", &[4], &[0_i64, 0, 1, 1])
        .array("x_test", &[2, 1], &[5.0_f32, 6.0])
        .array("y_test", &[2], &[2_i64, 2]);
    assert_says(&message("npz", &path, &plain()), &["class \"2\" has 0 samples outside the test part"]);
}

#[test]
fn binary_files_are_no_tables() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("blob.csv");
    fs::write(&path, vec![7_u8; limits::LINE_BYTES_MAX as usize + 70_000]).unwrap();
    assert_says(&message("csv", &path, &plain()), &["LINE_BYTES_MAX", "as text"]);
    fs::write(&path, [b"1,2,".as_slice(), &[0xff, 0xfe], b"\n"].concat()).unwrap();
    assert_says(&message("csv", &path, &plain()), &["line 1, column 2", "not UTF-8"]);
    fs::write(&path, [b"1,2,a\n2,".as_slice(), &[0xff, 0xfe], b",b\n"].concat()).unwrap();
    assert_says(&message("csv", &path, &plain()), &["line 2, column 1", "the text is not UTF-8"]);
}

#[test]
fn text_in_another_encoding_is_told_as_such() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("table.csv");
    for mark in [[0xff, 0xfe], [0xfe, 0xff]] {
        fs::write(&path, [&mark[..], b"a\0,\0k\0\n\0"].concat()).unwrap();
        assert_says(&message("csv", &path, &plain()), &["line 1", "UTF-16", "save the file as UTF-8"]);
    }
    assert_says(
        &table_message("a,kind\r1,x\r2,y\r", &plain()),
        &["line 1", "carriage return alone", "line feeds"],
    );
    assert_says(&table_message("a,kind\r\n1,x\r\n2,y", &plain()), &["1 sample"]);
}

#[test]
fn columns_of_one_name_are_told_apart_by_their_user() {
    let rows = "1,2,3,x\n2,3,4,y\n3,4,5,x\n4,5,6,y\n";
    let says = table_message(&format!("m,m,k,y\n{rows}"), &plain());
    assert_says(&says, &["line 1", "columns 0 and 1", "\"m\"", "data.ignore = [\"1\"]"]);
    let says = table_message(&format!("m,y,k,y\n{rows}"), &labelled("y"));
    assert_says(&says, &["columns 1 and 3", "by its index"]);
    assert_says(&table_message(&format!("m,y,k,y\n{rows}"), &plain()), &["columns 1 and 3"]);
    let folder = tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, format!("m,m,,\n{rows}")).unwrap();
    let one = LoadOptions { ignore: vec!["1".to_owned()], ..plain() };
    let dataset = loaded("csv", &path, &one);
    let names: Vec<&str> = dataset.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["m", "column 2"], "columns without a name are told apart by their place");
    assert!(dataset.notes.label_columns.is_empty());
}

#[test]
fn a_header_that_was_taken_for_a_row_is_guessed_at() {
    let says = table_message("2019,2020,kind\n1,2,x\n2,3,y\n3,4,x\n4,5,y\n", &plain());
    assert_says(&says, &["line 1, column 2", "\"kind\"", "if line 1 is a header", "data.label"]);
    let says = table_message("2019,2020,y\n1,2,3\n2,3,4\n", &regression());
    assert_says(&says, &["line 1, column 2", "\"y\" is not a number", "if line 1 is a header"]);
}

#[test]
fn labels_that_are_the_same_number_are_no_two_classes() {
    let says = table_message("a,kind\n1,1\n2,0\n3,1.0\n4,0\n5,1\n6,1.0\n", &plain());
    assert_says(&says, &["column 1 (\"kind\")", "\"1\" and \"1.0\" are the same number", "write them alike"]);
}

#[test]
fn images_of_different_sizes_and_channels() {
    let folder = tempdir().unwrap();
    write_class_folders(folder.path(), &["a", "b"], 2);
    write_picture(&folder.path().join("b/001.png"), 5, 3, 3, 0);
    let says = refused("images", folder.path(), &plain()).to_string();
    let first = Path::new("a").join("000.png");
    let other = Path::new("b").join("001.png");
    assert_says(&says, &[first.to_str().unwrap(), other.to_str().unwrap()]);
    assert_says(&says, &["4 x 3 pixels with 3 channels", "5 x 3 pixels with 3 channels"]);
    write_picture(&folder.path().join("b/001.png"), 4, 3, 1, 0);
    assert_says(&refused("images", folder.path(), &plain()).to_string(), &["4 x 3 pixels with 1 channel;"]);
}

#[test]
fn pictures_that_cannot_be_used() {
    let folder = tempdir().unwrap();
    write_class_folders(folder.path(), &["a", "b"], 2);
    let broken = folder.path().join("b/000.png");
    let says = |text: &[&str]| assert_says(&refused("images", folder.path(), &plain()).to_string(), text);
    fs::write(&broken, "no picture").unwrap();
    says(&["000.png", "cannot be decoded"]);
    let deep = image::ImageBuffer::from_pixel(4, 3, image::Rgb([1_u16, 2, 3]));
    deep.save(&broken).unwrap();
    says(&["000.png", "8 bits"]);
    fs::rename(&broken, folder.path().join("b/000.bmp")).unwrap();
    says(&["000.bmp", "neither PNG nor JPEG"]);
    fs::remove_file(folder.path().join("b/000.bmp")).unwrap();
    write_picture(&folder.path().join("stray.png"), 4, 3, 3, 0);
    says(&["stray.png", "outside any class folder"]);
    let within = folder.path().join("a/more/and more");
    write_picture(&within.join("deep.png"), 4, 3, 3, 0);
    write_picture(&folder.path().join("a/more/x.png"), 4, 3, 3, 0);
    fs::create_dir(folder.path().join("a/notes")).unwrap();
    fs::remove_file(folder.path().join("stray.png")).unwrap();
    says(&[
        "2 pictures lie in folders within this class folder",
        "deep.png",
        "move them into the class folder",
    ]);
    fs::remove_dir_all(folder.path().join("a/more")).unwrap();
    write_picture(&folder.path().join("stray.png"), 4, 3, 3, 0);
    fs::remove_file(folder.path().join("stray.png")).unwrap();
    write_class_folders(&folder.path().join("train"), &["a", "b"], 2);
    says(&["folder \"a\" stands beside train/"]);
    fs::remove_dir_all(folder.path().join("a")).unwrap();
    fs::remove_dir_all(folder.path().join("b")).unwrap();
    write_class_folders(&folder.path().join("test"), &["c"], 2);
    says(&["test/ has class \"c\""]);
}

#[test]
fn archives_that_cannot_be_used() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let says = |options: &LoadOptions, text: &[&str]| assert_says(&message("npz", &path, options), text);
    fs::write(&path, "no archive").unwrap();
    says(&plain(), &["no readable npz"]);
    NpzFile::new(&path).array("images", &[2, 1], &[1_u8, 2]);
    says(&plain(), &["no array \"x_train\"", "holds: images"]);
    NpzFile::new(&path).array("x", &[2, 1], &[1_u8, 2]);
    says(&plain(), &["no array \"y\""]);
    NpzFile::new(&path).array("x", &[2, 1], &[1_u8, 2]).array("y", &[3], &[1_i64, 2, 3]);
    says(&plain(), &["array \"y\"", "3 entries for 2 samples"]);
    NpzFile::new(&path).array("x", &[2, 1], &[1_u8, 2]).array("y", &[2, 2], &[1_i64, 0, 0, 1]);
    says(&plain(), &["array \"y\"", "argmax", "data.task = \"regression\""]);
    NpzFile::new(&path).array("x", &[2, 1], &[1_u16, 2]).array("y", &[2], &[1_i64, 2]);
    says(&plain(), &["array \"x\"", "<u2", "astype"]);
    let x = || NpzFile::new(&path).array("x", &[2, 1], &[1_u8, 2]);
    let numbered = "numpy.unique(y, return_inverse=True)[1]";
    drop(x().raw("y", "'|O'", "False", "(2,)", b"a pickle"));
    says(&plain(), &["array \"y\"", "|O", numbered]);
    drop(x().raw("y", "'|S2'", "False", "(2,)", b"abcd"));
    says(&plain(), &["array \"y\"", "|S2", numbered]);
    drop(x().raw("y", "'<U99999'", "False", "(2,)", b"abcd"));
    says(&plain(), &["array \"y\"", "99999 characters", "NPY_TEXT_CHARACTERS_MAX"]);
    drop(x().texts("y", 3, &["a", "nan"]));
    says(&plain(), &["array \"y\", entry 1", "label is missing (\"nan\")"]);
    drop(x().raw("y", "'<U2'", "False", "(2,)", &[97, 0, 0, 0, 0, 0, 0, 0]));
    says(&plain(), &["array \"y\" should have 16 bytes, found 8"]);
    let turned = [1.0_f32, 2.0, f32::INFINITY, 4.0].map(f32::to_le_bytes).concat();
    drop(NpzFile::new(&path).raw("x", "'<f4'", "True", "(2, 2)", &turned).array("y", &[2], &[0_u8, 1]));
    says(&plain(), &["array \"x\", element 1 (flat)"]);
    NpzFile::new(&path).array("x", &[2], &[1_u8, 2]).array("y", &[2], &[1_i64, 2]);
    says(&plain(), &["expected 2, 3 or 4 axes"]);
    NpzFile::new(&path).array("x", &[2, 1], &[1_u8, 2]).array("y", &[2], &[0.5_f64, 2.0]);
    says(&plain(), &["0.5 is no class number", "regression"]);
    NpzFile::new(&path).array("x", &[2, 1, 1, 2], &[1.0_f64, 2.0, f64::NAN, 3.0]).array(
        "y",
        &[2],
        &[0_u8, 1],
    );
    says(&plain(), &["array \"x\", element 2", "NaN", "finite"]);
    NpzFile::new(&path).array("x", &[2, 1], &[1_u8, 2]).array("y", &[2], &[1.0_f64, f64::NAN]);
    says(&regression(), &["array \"y\", element 1", "NaN", "finite"]);
    NpzFile::new(&path).array("x", &[2, 1], &[1.0_f64, 1e300]).array("y", &[2], &[0_u8, 1]);
    says(&plain(), &["element 1", "finite"]);
}

#[test]
fn cifar_that_cannot_be_used() {
    let folder = tempdir().unwrap();
    let batch = folder.path().join("data_batch_1.bin");
    let records = cifar_records(20, |record| vec![(record % 10) as u8]);
    fs::write(&batch, &records).unwrap();
    let says = |options: &LoadOptions| refused("cifar", folder.path(), options).to_string();
    assert_says(&says(&plain()), &["test_batch.bin does not exist"]);
    fs::write(folder.path().join("test_batch.bin"), &records[..3_000]).unwrap();
    assert_says(&says(&plain()), &["test_batch.bin", "record 0 should have 3073 bytes, found 3000"]);
    fs::write(&batch, cifar_records(2, |_| vec![10])).unwrap();
    assert_says(&says(&plain()), &["data_batch_1.bin", "record 0", "label 10, expected 0 to 9"]);
    assert_says(&says(&labelled("coarse")), &["one label only"]);
}

#[test]
fn labels_are_no_regression_targets() {
    let says = load("digits", &regression()).unwrap_err().to_string();
    assert_says(&says, &["digits", "class labels", "data.task"]);
}

#[test]
fn sizes_beyond_limits_are_refused_before_reading() {
    let folder = idx_folder();
    let path = folder.path().join(IMAGES);
    fs::write(&path, idx(3, &[u32::MAX, 28, 28], &[])).unwrap();
    fs::write(folder.path().join(LABELS), idx(1, &[u32::MAX], &[])).unwrap();
    assert_says(&message("idx", folder.path(), &plain()), &["4294967295 samples", "SAMPLES_MAX"]);
    fs::write(&path, idx(3, &[9, 65_535, 2], &[])).unwrap();
    fs::write(folder.path().join(LABELS), idx(1, &[9], &[])).unwrap();
    assert_says(&message("idx", folder.path(), &plain()), &["65535 pixels a side", "IMAGE_SIDE_PIXELS_MAX"]);
    fs::write(&path, idx(3, &[9, 8_000, 8_000], &[])).unwrap();
    assert_says(&message("idx", folder.path(), &plain()), &["truncated", "found 0"]);
    write_idx_part(folder.path(), "train", 9, false);
    let says = load_within(&source("idx", folder.path()), &plain(), 53).unwrap_err().to_string();
    assert_says(&says, &["54 bytes of values", "limit of 53 (VALUES_BYTES_MAX)"]);
}

#[test]
fn too_many_classes_mean_another_task() {
    let text: String = (0..=limits::CLASSES_MAX).map(|row| format!("{row},{row}\n")).collect();
    assert_says(&table_message(&text, &plain()), &["10001 classes", "CLASSES_MAX", "regression"]);
}

#[test]
fn fractions_out_of_range() {
    let digits = load("digits", &plain()).unwrap();
    let says = |test, valid| Split::new(&digits, test, valid, 1).unwrap_err().to_string();
    assert_says(&says(1.0, 0.2), &["data.test_fraction = 1", "below 1"]);
    assert_says(&says(f64::NAN, 0.2), &["data.test_fraction = NaN"]);
    assert_says(&says(-0.1, 0.2), &["data.test_fraction = -0.1"]);
    assert_says(&says(0.2, 0.0), &["data.valid_fraction = 0", "above 0"]);
    assert_says(&says(0.2, 1e-6), &["the validation part would have no sample of 1797", "raise"]);
    assert_says(
        &says(1e-6, 0.2),
        &["the test part would have no sample", "; raise data.test_fraction, or add"],
    );
    assert!(Split::new(&digits, 0.0, 0.2, 1).unwrap().test.is_empty());
}
