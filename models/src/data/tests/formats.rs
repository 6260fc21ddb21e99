//! Every format, from files made here to the data set that must come out.

use super::fixtures::*;
use crate::{
    data::{
        DIGITS_ATTRIBUTION, Dataset, LoadOptions, Samples, Targets, catalogue, load,
        npy::{numbers, read_header},
        write_npz,
    },
    problem::{Problem, Task},
};
use std::{fs, io::Read as _};
use tempfile::tempdir;

fn classes(dataset: &Dataset) -> (&[i64], Vec<&str>) {
    let Targets::Classes { labels, names } = &dataset.targets else { panic!("no classes") };
    (labels, names.iter().map(String::as_str).collect())
}

fn values(dataset: &Dataset) -> (&[f32], Vec<&str>) {
    let Targets::Values { values, names } = &dataset.targets else { panic!("no values") };
    (values, names.iter().map(String::as_str).collect())
}

fn floats(dataset: &Dataset) -> &[f32] {
    let Samples::F32(values) = &dataset.samples else { panic!("no floats") };
    values
}

fn bytes(dataset: &Dataset) -> &[u8] {
    let Samples::U8(values) = &dataset.samples else { panic!("no bytes") };
    values
}

const fn image(channels: u32, height: u32, width: u32, classes: u32) -> Problem {
    Problem { channels, height, width, multi_view: false, task: Task::Classification { classes } }
}

#[test]
fn digits_are_embedded() {
    let digits = load("digits", &LoadOptions::default()).unwrap();
    assert_eq!(digits.problem, image(1, 8, 8, 10));
    assert_eq!((digits.count, digits.official_test), (1_797, 0));
    assert_eq!(digits.shape(5), [5, 1, 8, 8]);
    let (labels, names) = classes(&digits);
    assert_eq!(names, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(labels[..12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    assert_eq!(bytes(&digits)[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
    assert_eq!(bytes(&digits).iter().max(), Some(&16));
    assert!(DIGITS_ATTRIBUTION.contains("Alpaydin") && DIGITS_ATTRIBUTION.contains("CC BY 4.0"));
}

#[test]
fn idx_plain_and_compressed_are_the_same_data() {
    let (plain, compressed) = (tempdir().unwrap(), tempdir().unwrap());
    for (folder, gzip) in [(&plain, false), (&compressed, true)] {
        write_idx_part(folder.path(), "train", 9, gzip);
        write_idx_part(folder.path(), "t10k", 4, gzip);
    }
    let options = LoadOptions::default();
    let plain = loaded("idx", plain.path(), &options);
    assert_eq!(plain.problem, image(1, 3, 2, 3));
    assert_eq!((plain.count, plain.official_test), (13, 4));
    assert_eq!(bytes(&plain)[..7], [0, 7, 14, 21, 28, 35, 42]);
    // The test part begins anew behind the 9 training images.
    assert_eq!(bytes(&plain)[9 * 6..9 * 6 + 3], [0, 7, 14]);
    assert_eq!(classes(&plain).0, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
    let compressed = loaded("idx", compressed.path(), &options);
    assert_eq!(Dataset { source: plain.source.clone(), ..compressed }, plain);
}

#[test]
fn idx_labels_that_do_not_begin_at_zero_keep_their_names() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("train-images.idx3-ubyte"), idx(3, &[4, 1, 2], &[0; 8])).unwrap();
    fs::write(folder.path().join("train-labels.idx1-ubyte"), idx(1, &[4], &[5, 3, 5, 3])).unwrap();
    let dataset = loaded("idx", folder.path(), &LoadOptions::default());
    assert_eq!(classes(&dataset), ([1, 0, 1, 0].as_slice(), vec!["3", "5"]));
}

#[test]
fn npz_of_every_element_type() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let labels = [1_i64, 2, 1, 2];
    let expected = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    macro_rules! check {
        ($($element:ty),+) => {$(
            let x = expected.map(|value| value as $element);
            NpzFile::new(&path).array("x", &[4, 2], &x).array("y", &[4], &labels);
            let dataset = loaded("npz", &path, &LoadOptions::default());
            assert_eq!(floats(&dataset), expected);
            assert_eq!(dataset.shape(1), [1, 2]);
            assert_eq!(classes(&dataset), ([0, 1, 0, 1].as_slice(), vec!["1", "2"]));
        )+};
    }
    check!(f32, f64, i32, i64);
    let x = expected.map(|value| value as u8);
    NpzFile::new(&path).array("x", &[4, 2], &x).array("y", &[4], &[1.0_f32, 2.0, 1.0, 2.0]);
    let dataset = loaded("npz", &path, &LoadOptions::default());
    assert_eq!(bytes(&dataset), x);
    assert_eq!(classes(&dataset).0, [0, 1, 0, 1]);
}

#[test]
fn arrays_of_either_byte_order() {
    for (descr, bytes) in [("'<i4'", [1, 0, 0, 0, 0, 1, 0, 0]), ("'>i4'", [0, 0, 0, 1, 0, 0, 1, 0])] {
        let array = [array_header(descr, "False", "(2,)"), bytes.to_vec()].concat();
        let mut reader = array.as_slice();
        let header = read_header(&mut reader).unwrap();
        let values: Vec<f64> =
            numbers(&header, &mut reader).unwrap_or_else(|_| panic!("{descr}")).map(Result::unwrap).collect();
        assert_eq!(values, [1.0, 256.0], "{descr}");
    }
}

#[test]
fn npz_of_halves_and_of_truth_values() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let halves = [0.5, -2.0, 65504.0, 0.25].map(npyz::half::f16::from_f32);
    NpzFile::new(&path).array("x", &[4, 1], &halves).array("y", &[4], &[true, false, true, false]);
    let dataset = loaded("npz", &path, &LoadOptions::default());
    assert_eq!(floats(&dataset), [0.5, -2.0, 65504.0, 0.25]);
    assert_eq!(classes(&dataset), ([1, 0, 1, 0].as_slice(), vec!["0", "1"]));
    NpzFile::new(&path).array("x", &[4, 1], &[true, true, false, true]).array("y", &[4], &[1_i64, 2, 1, 2]);
    assert_eq!(floats(&loaded("npz", &path, &LoadOptions::default())), [1.0, 1.0, 0.0, 1.0]);
}

#[test]
fn arrays_in_fortran_order_are_the_same_data() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let labels = [0_i64, 1, 0, 1];
    // Four samples of 2 rows and 3 columns; the value says the sample, the row and the column.
    let place = |sample: u8, row: u8, column: u8| 100 * sample.min(1) + 50 * (sample / 2) + 10 * row + column;
    let mut rows = Vec::new();
    let mut columns = Vec::new();
    for (slow, middle, fast) in (0..24).map(|at| (at / 6, at / 3 % 2, at % 3)) {
        rows.push(place(slow, middle, fast));
    }
    for (slow, middle, fast) in (0..24).map(|at| (at / 8, at / 4 % 2, at % 4)) {
        columns.push(place(fast, middle, slow));
    }
    NpzFile::new(&path).array("x", &[4, 2, 3], &rows).array("y", &[4], &labels);
    let whole = loaded("npz", &path, &LoadOptions::default());
    NpzFile::new(&path).raw("x", "'|u1'", "True", "(4, 2, 3)", &columns).array("y", &[4], &labels);
    assert_eq!(loaded("npz", &path, &LoadOptions::default()), whole);

    // A table and two targets, as pandas hands them out.
    let floats_of = |values: &[f64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let x = floats_of(&[1.0, 2.0, 3.0, 10.0, 20.0, 30.0]);
    let y = floats_of(&[0.1, 0.2, 0.3, 5.0, 6.0, 7.0]);
    NpzFile::new(&path).raw("x", "'<f8'", "True", "(3, 2)", &x).raw("y", "'<f8'", "True", "(3, 2)", &y);
    let table = loaded("npz", &path, &regression());
    assert_eq!(floats(&table), [1.0, 10.0, 2.0, 20.0, 3.0, 30.0]);
    let Targets::Values { values, .. } = &table.targets else { panic!() };
    assert_eq!(values[..], [0.1, 5.0, 0.2, 6.0, 0.3, 7.0]);
}

#[test]
fn npz_labels_may_be_text() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let x = [1_u8, 2, 3, 4];
    NpzFile::new(&path).array("x", &[4, 1], &x).texts("y", 10, &["setosa", "größer", "setosa", "größer"]);
    let dataset = loaded("npz", &path, &LoadOptions::default());
    assert_eq!(classes(&dataset), ([1, 0, 1, 0].as_slice(), vec!["größer", "setosa"]));
    NpzFile::new(&path)
        .array("x_train", &[4, 1], &x)
        .texts("y_train", 2, &["b", "10", "b", "10"])
        .array("x_test", &[3, 1], &x[..3])
        .texts("y_test", 3, &["10", "b", "10"]);
    let dataset = loaded("npz", &path, &LoadOptions::default());
    assert_eq!(classes(&dataset), ([1, 0, 1, 0, 0, 1, 0].as_slice(), vec!["10", "b"]));
}

#[test]
fn npz_labels_that_are_numbers_may_have_names() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let file = || NpzFile::new(&path).array("x", &[4, 1], &[1_u8, 2, 3, 4]);
    let numbered = || file().array("y", &[4], &[3_i64, 0, 3, 0]);
    drop(numbered().texts("classes", 6, &["setosa", "b", "c", "größer"]));
    let dataset = loaded("npz", &path, &LoadOptions::default());
    assert_eq!(classes(&dataset), ([1, 0, 1, 0].as_slice(), vec!["setosa", "größer"]), "in their order");
    let refused = |names: &[&str], parts: &[&str]| {
        drop(numbered().texts("classes", 2, names));
        assert_says(&message("npz", &path, &LoadOptions::default()), parts);
    };
    refused(&["a", "b", "c"], &["array \"classes\"", "has 3 names, none for the label 3"]);
    refused(&["a", "b", "a", "c"], &["array \"classes\"", "calls two classes \"a\""]);
    // Something else by this name, and names beside labels that have their own.
    for other in [&[4_u64, 1][..], &[4]] {
        numbered().array("classes", other, &[1.0_f32, 2.0, 3.0, 4.0]);
        assert_eq!(classes(&loaded("npz", &path, &LoadOptions::default())).1, ["0", "3"]);
    }
    drop(file().texts("y", 1, &["p", "q", "p", "q"]).texts("classes", 1, &["a"]));
    assert_eq!(classes(&loaded("npz", &path, &LoadOptions::default())).1, ["p", "q"]);
}

#[test]
fn npz_ranks_and_channels_last() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let load_shape = |shape: &[u64]| {
        let values: Vec<u8> = (0..shape.iter().product::<u64>()).map(|value| value as u8).collect();
        NpzFile::new(&path).array("x", shape, &values).array("y", &[4], &[0_i32, 1, 0, 1]);
        loaded("npz", &path, &LoadOptions::default())
    };
    assert_eq!(load_shape(&[4, 5]).problem, image(5, 1, 1, 2));
    assert_eq!(load_shape(&[4, 5, 6]).problem, image(1, 5, 6, 2));
    assert_eq!(load_shape(&[4, 2, 5, 6]).problem, image(2, 5, 6, 2));
    assert_eq!(load_shape(&[4, 3, 5, 3]).problem, image(3, 5, 3, 2), "axis 1 is 3: channels are first");
    assert_eq!(load_shape(&[4, 5, 6, 1]).problem, image(1, 5, 6, 2));
    let last = load_shape(&[4, 2, 2, 3]);
    assert_eq!(last.problem, image(3, 2, 2, 2));
    assert_eq!(bytes(&last)[..12], [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
    assert_eq!(bytes(&last)[12..15], [12, 15, 18]);
}

#[test]
fn npz_with_official_test_part() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    NpzFile::new(&path)
        .array("x_train", &[4, 1], &[1.0_f32, 2.0, 3.0, 4.0])
        .array("y_train", &[4], &[7_i64, 7, 9, 9])
        .array("x_test", &[2, 1], &[5.0_f32, 6.0])
        .array("y_test", &[2], &[9_i64, 7]);
    let dataset = loaded("npz", &path, &LoadOptions::default());
    assert_eq!((dataset.count, dataset.official_test), (6, 2));
    assert_eq!(floats(&dataset), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(classes(&dataset), ([0, 0, 1, 1, 1, 0].as_slice(), vec!["7", "9"]));
}

#[test]
fn npz_regression() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    NpzFile::new(&path).array("x", &[2, 1], &[1.0_f32, 2.0]).array("y", &[2, 2], &[1_i32, 2, 3, 4]);
    let dataset = loaded("npz", &path, &regression());
    assert_eq!(dataset.problem.task, Task::Regression { targets: 2 });
    assert_eq!(values(&dataset), ([1.0, 2.0, 3.0, 4.0].as_slice(), vec!["y0", "y1"]));
}

const IRIS: &str = "length,width,kind\n1.5,2,setosa\n-3e1,4,virginica\n5,6,setosa\n\n7, 8 ,virginica\n";

fn table(text: &str, options: &LoadOptions) -> Dataset {
    let folder = tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, text).unwrap();
    loaded("csv", &path, options)
}

#[test]
fn csv_with_and_without_header_compressed_and_not() {
    let options = LoadOptions::default();
    let with = table(IRIS, &options);
    assert_eq!(with.problem, image(2, 1, 1, 2));
    assert_eq!(with.shape(4), [4, 2]);
    assert_eq!(floats(&with), [1.5, 2.0, -30.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    assert_eq!(classes(&with), ([0, 1, 0, 1].as_slice(), vec!["setosa", "virginica"]));
    let (_, rows) = IRIS.split_once('\n').unwrap();
    let without = table(rows, &options);
    let folder = tempdir().unwrap();
    let path = folder.path().join("iris.csv.gz");
    fs::write(&path, gzipped(IRIS.as_bytes())).unwrap();
    let compressed = loaded("csv", &path, &options);
    let windows = table(&format!("\u{feff}{}", IRIS.replace('\n', "\r\n")), &options);
    let semicolons = table(&IRIS.replace(',', ";"), &options);
    let tabs = table(&IRIS.replace(',', "\t"), &options);
    for same in [without, compressed, windows, semicolons, tabs] {
        assert_eq!(same.content_hash, with.content_hash);
        assert_eq!(same.samples, with.samples);
    }
}

#[test]
fn csv_quotes() {
    let text = "\"a,b\",kind\n\"1.5\", \"big, \"\"round\"\"\" \n2,small 5\"\n3,\"small 5\"\"\"\n4,\"big, \"\"round\"\"\"\n";
    let dataset = table(text, &LoadOptions::default());
    assert_eq!(floats(&dataset), [1.5, 2.0, 3.0, 4.0]);
    assert_eq!(classes(&dataset), ([0, 1, 1, 0].as_slice(), vec!["big, \"round\"", "small 5\""]));
}

#[test]
fn csv_label_by_name_and_by_index() {
    let text = "kind,length,width\nb,1,2\na,3,4\nb,5,6\na,7,8\n";
    for label in ["kind", "0"] {
        let dataset = table(text, &labelled(label));
        assert_eq!(classes(&dataset), ([1, 0, 1, 0].as_slice(), vec!["a", "b"]));
        assert_eq!(floats(&dataset)[..2], [1.0, 2.0]);
    }
}

#[test]
fn csv_label_by_name_says_that_numbers_are_a_header() {
    let dataset = table("label,0,1\n5,1,2\n6,3,4\n5,1,2\n6,3,4\n", &labelled("label"));
    assert_eq!(dataset.count, 4);
    assert_eq!(classes(&dataset).1, ["5", "6"]);
}

#[test]
fn csv_whose_header_numbers_the_columns() {
    let rows = "1.5,2,7\n3,4,8\n1,2,7\n3,4,8\n";
    let dataset = table(&format!("0,1,2\n{rows}"), &LoadOptions::default());
    assert_eq!((dataset.count, classes(&dataset).1), (4, vec!["7", "8"]));
    assert_eq!(table(&format!("0,1,2\n{rows}"), &labelled("1")).count, 4);
    // pandas writes its index in front, without a name.
    let indexed: String = rows.lines().enumerate().map(|(index, row)| format!("{index},{row}\n")).collect();
    let dataset = table(&format!(",0,1,2\n{indexed}"), &LoadOptions::default());
    assert_eq!((dataset.count, dataset.shape(1)), (4, vec![1, 3]));
    // Names may come behind the numbers; but where what stands there is a class of other rows, it is a row.
    let named = |first: &str, label: &str, options| {
        let rows = rows.replace(",7", ",a").replace(",8", &format!(",{label}"));
        table(&format!("{first}\n{rows}"), &options).count
    };
    assert_eq!(named("0,1,y", "b", LoadOptions::default()), 4);
    assert_eq!(named("0,1,y", "y", LoadOptions::default()), 5);
    assert_eq!(table(&format!("0,1,y\n{rows}"), &regression()).count, 4);
    // Two columns alone, other numbers and other spellings are data.
    assert_eq!(table("0,1\n1,0\n0,1\n1,0\n", &LoadOptions::default()).count, 4);
    for first in ["0,2,7", "1,2,8", "0.0,1,7", "0,1,2.0"] {
        let options = LoadOptions { label: Some("0".into()), ..regression() };
        assert_eq!(table(&format!("{first}\n{rows}"), &options).count, 5, "{first}");
    }
}

#[test]
fn csv_label_that_is_a_number_beyond_the_columns_is_a_name() {
    let rows = "1,2,7\n3,4,8\n1,2,7\n3,4,8\n";
    let dataset = table(&format!("2019,2020,2021\n{rows}"), &labelled("2021"));
    assert_eq!((dataset.count, dataset.notes.label_columns), (4, vec!["2021".to_owned()]));
    assert_eq!(dataset.columns[0].name, "2019");
}

#[test]
fn csv_columns_can_be_left_out() {
    let text = "id,length,kind,width,note\nr1,1,a,2,x\nr2,3,b,4,y\nr3,5,a,6,\nr4,7,b,8,z\n";
    let without = |columns: &[&str], options: LoadOptions| LoadOptions {
        ignore: columns.iter().map(|&column| column.to_owned()).collect(),
        ..options
    };
    let dataset = table(text, &without(&["id", " note "], labelled("kind")));
    assert_eq!(floats(&dataset), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    assert_eq!(classes(&dataset), ([0, 1, 0, 1].as_slice(), vec!["a", "b"]));
    // The label is the last column of those that stay.
    let last = table(text, &without(&["id", "kind", "note"], regression()));
    assert_eq!(
        (floats(&last), values(&last)),
        ([1.0, 3.0, 5.0, 7.0].as_slice(), ([2.0, 4.0, 6.0, 8.0].as_slice(), vec!["width"]))
    );
    let (_, rows) = text.split_once('\n').unwrap();
    let by_index = table(rows, &without(&["0", "4"], labelled("2")));
    assert_eq!(by_index.content_hash, dataset.content_hash);
}

#[test]
fn csv_number_labels_are_ordered_as_numbers() {
    let dataset = table("1,10\n1,9\n1,-1\n2,10\n2,9\n2,-1\n", &LoadOptions::default());
    assert_eq!(classes(&dataset), ([2, 1, 0, 2, 1, 0].as_slice(), vec!["-1", "9", "10"]));
}

#[test]
fn csv_regression_of_one_and_of_several_targets() {
    let text = "a,b,c\n1,2,3\n4,5,6\n";
    let last = table(text, &regression());
    assert_eq!(values(&last), ([3.0, 6.0].as_slice(), vec!["c"]));
    let several = table(text, &LoadOptions { label: Some("c, a".into()), ..regression() });
    assert_eq!(values(&several), ([3.0, 1.0, 6.0, 4.0].as_slice(), vec!["c", "a"]));
    assert_eq!(floats(&several), [2.0, 5.0]);
    let by_index = table("1,2,3\n4,5,6\n", &LoadOptions { label: Some("2,0".into()), ..regression() });
    assert_eq!(values(&by_index), ([3.0, 1.0, 6.0, 4.0].as_slice(), vec!["column 2", "column 0"]));
}

#[test]
fn image_folders_with_and_without_parts() {
    let folder = tempdir().unwrap();
    write_class_folders(folder.path(), &["cat", "ant"], 2);
    fs::write(folder.path().join("ant/notes.txt"), "no picture").unwrap();
    fs::write(folder.path().join("ant/.hidden.png"), "no picture").unwrap();
    let flat = loaded("images", folder.path(), &LoadOptions::default());
    assert_eq!(flat.problem, image(3, 3, 4, 2));
    assert_eq!(classes(&flat), ([0, 0, 1, 1].as_slice(), vec!["ant", "cat"]));
    // Planes, not pixels: twelve times the first channel, then the second, then the third.
    assert_eq!(bytes(&flat)[..12], [10; 12]);
    assert_eq!(bytes(&flat)[12..24], [200; 12]);
    assert_eq!(bytes(&flat)[24..36], [199; 12]);
    let parts = tempdir().unwrap();
    write_class_folders(&parts.path().join("train"), &["cat", "ant"], 3);
    write_class_folders(&parts.path().join("test"), &["cat"], 1);
    let parts = loaded("images", parts.path(), &LoadOptions::default());
    assert_eq!((parts.count, parts.official_test), (7, 1));
    assert_eq!(classes(&parts).0, [0, 0, 0, 1, 1, 1, 1]);
}

#[test]
fn jpeg_and_grey_pictures() {
    let folder = tempdir().unwrap();
    for (class, name) in ["a", "b"].iter().enumerate() {
        for picture in 0..2 {
            let path = folder.path().join(name).join(format!("{picture}.jpg"));
            write_picture(&path, 8, 8, 1, 100 * class as u8);
        }
    }
    let dataset = loaded("images", folder.path(), &LoadOptions::default());
    assert_eq!(dataset.problem, image(1, 8, 8, 2));
    assert!(bytes(&dataset)[..128].iter().all(|&value| value < 5));
    assert!(bytes(&dataset)[128..].iter().all(|&value| value.abs_diff(100) < 5));
}

#[test]
fn cifar_10_and_100() {
    let ten = tempdir().unwrap();
    for batch in [2, 1] {
        let records = cifar_records(10, |record| vec![record as u8]);
        fs::write(ten.path().join(format!("data_batch_{batch}.bin")), records).unwrap();
    }
    fs::write(ten.path().join("test_batch.bin"), cifar_records(2, |_| vec![9])).unwrap();
    let numbers = loaded("cifar", ten.path(), &LoadOptions::default());
    assert_eq!(numbers.problem, image(3, 32, 32, 10));
    assert_eq!((numbers.count, numbers.official_test), (22, 2));
    assert_eq!(classes(&numbers).1[9], "9");
    assert_eq!(bytes(&numbers)[11 * 3_072], 1);
    fs::write(ten.path().join("batches.meta.txt"), "a\nb\nc\nd\ne\nf\ng\nh\ni\ntruck\n\n").unwrap();
    assert_eq!(classes(&loaded("cifar", ten.path(), &LoadOptions::default())).1[9], "truck");

    let hundred = tempdir().unwrap();
    let labels = |record: usize| vec![(record % 20) as u8, (record % 100) as u8];
    fs::write(hundred.path().join("train.bin"), cifar_records(200, labels)).unwrap();
    fs::write(hundred.path().join("test.bin"), cifar_records(3, labels)).unwrap();
    let fine = loaded("cifar", hundred.path(), &LoadOptions::default());
    assert_eq!(fine.problem, image(3, 32, 32, 100));
    assert_eq!(classes(&fine).0[199], 99);
    let coarse = loaded("cifar", hundred.path(), &labelled("coarse"));
    assert_eq!(coarse.problem, image(3, 32, 32, 20));
    assert_eq!(coarse.official_test, 3);
}

#[test]
fn written_npz_is_read_by_others_and_by_us() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("out.npz");
    let digits = load("digits", &LoadOptions::default()).unwrap();
    let indices: Vec<u32> = (100..140).collect();
    write_npz(&digits, &indices, &path).unwrap();
    let (shape, x) = stored_array::<u8>(&path, "x");
    assert_eq!((shape, x.as_slice()), (vec![40, 1, 8, 8], &bytes(&digits)[100 * 64..140 * 64]));
    let (shape, y) = stored_array::<i64>(&path, "y");
    assert_eq!((shape, y.as_slice()), (vec![40], &classes(&digits).0[100..140]));
    let again = loaded("npz", &path, &LoadOptions::default());
    assert_eq!(bytes(&again), &bytes(&digits)[100 * 64..140 * 64]);
    // numpy wants the values to begin at a multiple of 64 behind a header that ends its line.
    let mut zip = zip::ZipArchive::new(fs::File::open(&path).unwrap()).unwrap();
    let mut array = Vec::new();
    zip.by_name("y.npy").unwrap().read_to_end(&mut array).unwrap();
    let header = array.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    assert_eq!((header % 64, array.len() - header), (0, 40 * 8));
    assert!(array.starts_with(b"\x93NUMPY\x01\x00"));
}

#[test]
fn written_classes_keep_their_names_and_numbers() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("out.npz");
    let text = "a,kind\n1,no\n2,größer\n3,no\n4,größer\n5,yes\n6,yes\n";
    let dataset = table(text, &LoadOptions::default());
    assert_eq!(classes(&dataset), ([1, 0, 1, 0, 2, 2].as_slice(), vec!["größer", "no", "yes"]));
    write_npz(&dataset, &[0, 2, 4, 5], &path).unwrap();
    assert_eq!(stored_array::<i64>(&path, "y"), (vec![4], vec![1, 1, 2, 2]));
    let names = ["größer", "no", "yes"].map(str::to_owned).to_vec();
    assert_eq!(stored_array::<String>(&path, "classes"), (vec![3], names));
    let again = loaded("npz", &path, &LoadOptions::default());
    assert_eq!(classes(&again), ([0, 0, 1, 1].as_slice(), vec!["no", "yes"]), "those that occur");
    write_npz(&dataset, &[0, 1, 2, 3, 4, 5], &path).unwrap();
    assert_eq!(loaded("npz", &path, &LoadOptions::default()).targets, dataset.targets);
}

#[test]
fn written_tables_and_targets_are_floats() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("out.npz");
    let dataset = table("a,b,c\n1,2,3\n4,5,6\n7,8,9\n", &regression());
    write_npz(&dataset, &[2, 0], &path).unwrap();
    assert_eq!(stored_array::<f32>(&path, "x"), (vec![2, 2], vec![7.0, 8.0, 1.0, 2.0]));
    assert_eq!(stored_array::<f32>(&path, "y"), (vec![2, 1], vec![9.0, 3.0]));
}

#[test]
fn a_failed_write_leaves_what_was_there() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("out.npz");
    fs::write(&path, "precious").unwrap();
    let digits = load("digits", &LoadOptions::default()).unwrap();
    let error = write_npz(&digits, &[1_797], &path).unwrap_err().to_string();
    assert_says(&error, &["digits", "1797"]);
    let error = write_npz(&digits, &[0], &folder.path().join("missing/out.npz")).unwrap_err().to_string();
    assert_says(&error, &["missing/out.npz cannot be written", "make its folder first"]);
    assert_eq!(error.matches("missing").count(), 1, "the temporary file is nobody's business: {error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn catalogue_examples_are_sources() {
    for kind in catalogue() {
        assert!(crate::data::source::Source::parse(kind.example).is_ok(), "{}", kind.example);
    }
    assert_eq!(catalogue().iter().filter(|kind| kind.embedded).count(), 1);
}

#[test]
fn multi_view_needs_views() {
    let options = LoadOptions { multi_view: true, ..LoadOptions::default() };
    let error = load("digits", &options).unwrap_err().to_string();
    assert_says(&error, &["digits", "multi_view", "at least 2 channels"]);
    let folder = tempdir().unwrap();
    write_class_folders(folder.path(), &["a", "b"], 2);
    assert!(loaded("images", folder.path(), &options).problem.multi_view);
}
