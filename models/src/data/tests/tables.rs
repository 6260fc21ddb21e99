//! Tables with text and missing values: what is read, how it becomes features, what is refused.

use super::fixtures::*;
use crate::data::{
    CategoryFeature, Column, ColumnKind, DataError, Dataset, Encoding, GapFeature, Known, LoadOptions,
    NearlyNumbers, Normalisation, Samples, Targets, UnknownCategories, describe, limits, load_to_test,
    write_npz,
};
use std::fs;
use tempfile::tempdir;

const MIXED: &str = "age,colour,zip,weight,kind\n\
                     30,red,8001,1.5,x\n\
                     ,blue,8002,NA,y\n\
                     40,?,8001,2.5,x\n\
                     50,green,8003,3.5,y\n\
                     60,red,,4.5,x\n\
                     null,blue,8001,nan,y\n";

fn with_table<T>(text: &str, then: impl FnOnce(&str) -> T) -> T {
    let folder = tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, text).unwrap();
    then(&source("csv", &path))
}

fn table(text: &str, options: &LoadOptions) -> Dataset {
    with_table(text, |source| crate::data::load(source, options).unwrap())
}

fn refusal(text: &str, options: &LoadOptions) -> String {
    let error: DataError = with_table(text, |source| crate::data::load(source, options).unwrap_err());
    let message = error.to_string();
    assert!(message.contains("table.csv") && !message.contains('\n'), "{message}");
    message
}

fn categorical(columns: &[&str]) -> LoadOptions {
    LoadOptions {
        categorical: columns.iter().map(|&column| column.to_owned()).collect(),
        ..LoadOptions::default()
    }
}

/// Raw values, with -9 for NaN.
fn raw(dataset: &Dataset) -> Vec<f32> {
    let Samples::F32(values) = &dataset.samples else { panic!("floats") };
    values.iter().map(|&value| if value.is_nan() { -9.0 } else { value }).collect()
}

fn numeric(name: &str, missing: bool) -> Column {
    Column { name: name.to_owned(), kind: ColumnKind::Numeric { missing } }
}

fn of_categories(name: &str, categories: &[&str]) -> Column {
    let categories = categories.iter().map(|&text| text.to_owned()).collect();
    Column { name: name.to_owned(), kind: ColumnKind::Categorical { categories } }
}

#[test]
fn text_becomes_codes_and_what_is_missing_nan() {
    let dataset = table(MIXED, &categorical(&["zip"]));
    let expected = vec![
        numeric("age", true),
        of_categories("colour", &["blue", "green", "red"]),
        of_categories("zip", &["8001", "8002", "8003"]),
        numeric("weight", true),
    ];
    assert_eq!(dataset.columns, expected);
    #[rustfmt::skip]
    let rows = [
        30.0, 2.0, 0.0, 1.5,
        -9.0, 0.0, 1.0, -9.0,
        40.0, -9.0, 0.0, 2.5,
        50.0, 1.0, 2.0, 3.5,
        60.0, 2.0, -9.0, 4.5,
        -9.0, 0.0, 0.0, -9.0,
    ];
    assert_eq!(raw(&dataset), rows);
    // Two numbers, three categories twice, two gaps.
    assert_eq!((dataset.problem.channels, dataset.shape(6)), (10, vec![6, 4]));
    // Not asked for, postcodes are numbers.
    let plain = table(MIXED, &LoadOptions::default());
    assert_eq!(plain.columns[2], numeric("zip", true));
    assert_eq!(raw(&plain)[2], 8001.0);
}

#[test]
fn one_text_makes_categories_of_a_column_wherever_it_stands() {
    let rows: String = (0..40).map(|row| format!("{},{row},{}\n", row % 2, row % 3)).collect();
    let dataset = table(&format!("{rows}x,7,1\n1,8,1\n"), &LoadOptions::default());
    assert_eq!(dataset.columns[0], of_categories("column 0", &["0", "1", "x"]));
    assert_eq!(raw(&dataset)[..6], [0.0, 0.0, 1.0, 1.0, 0.0, 2.0]);
    assert_eq!(raw(&dataset)[80..], [2.0, 7.0, 1.0, 8.0]);
}

#[test]
fn columns_without_names_are_named_by_their_index() {
    let (_, rows) = MIXED.split_once('\n').unwrap();
    let dataset = table(rows, &categorical(&["2"]));
    let names: Vec<&str> = dataset.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["column 0", "column 1", "column 2", "column 3"]);
    assert_eq!(raw(&dataset), raw(&table(MIXED, &categorical(&["zip"]))));
}

#[test]
fn a_table_of_texts_alone_has_a_header_only_where_that_is_unlike_its_rows() {
    let rows = "red,s,x\nblue,m,y\nred,m,x\nblue,s,y\n";
    let headless = table(rows, &LoadOptions::default());
    assert_eq!((headless.count, headless.columns[0].name.as_str()), (4, "column 0"));
    assert_eq!(raw(&headless), [1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    let headed = table(&format!("colour,size,kind\n{rows}"), &LoadOptions::default());
    assert_eq!((headed.count, headed.columns[0].name.as_str()), (4, "colour"));
    assert_eq!(raw(&headed), raw(&headless));
    // Numbers in a column say that the line without any is a header, even if its words occur.
    let named = table("red,n,kind\nred,1,x\nblue,2,y\nred,3,x\nblue,4,y\n", &LoadOptions::default());
    assert_eq!((named.count, named.columns[0].name.as_str()), (4, "red"));
}

#[test]
fn a_first_row_of_missing_values_is_no_header() {
    let rows = "1,2,a\n3,4,b\n5,6,a\n7,8,b\n";
    assert_eq!(
        table(&format!(",,kind\n{rows}"), &LoadOptions::default()).count,
        4,
        "no other row is of this class"
    );
    for first in ["?,?,a", "NA,,a", "1,?,a", ",,a"] {
        let dataset = table(&format!("{first}\n{rows}"), &LoadOptions::default());
        assert_eq!((dataset.count, dataset.columns[1].name.as_str()), (5, "column 1"), "{first}");
    }
    assert_eq!(table("?,?,1\n1,2,2\n3,4,3\n", &regression()).count, 3);
    assert_eq!(table(",y\n1,2\n3,4\n", &regression()).count, 2, "a number is wanted where there is a name");
    // Beside text of which the other rows have some, missing values are no names.
    let mixed = table(&format!("?,red,a\n{}", rows.replace(",4,", ",red,")), &LoadOptions::default());
    assert_eq!(mixed.count, 5);
    assert_eq!(table(&format!("Na,red,a\n{rows}"), &LoadOptions::default()).count, 4);
}

#[test]
fn tables_of_numbers_that_are_all_there_stay_as_they_were() {
    let text = "length,width,kind\n1.5,2,setosa\n-3e1,4,virginica\n5,6,setosa\n7,8,virginica\n";
    let dataset = table(text, &LoadOptions::default());
    // Runs that have begun find their data by this hash.
    assert_eq!(dataset.content_hash, "f9ff38b269ceb50ded040cf3b0f8a75f59b48a7cd53b7d628ec1e30e22899ffc");
    assert_eq!(dataset.columns, [numeric("length", false), numeric("width", false)]);
    assert_eq!((dataset.is_encoded(), dataset.problem.channels), (false, 2));
    assert_eq!(Normalisation::of(&dataset, &[0, 1, 2, 3]).encoding, None);
}

#[test]
fn the_content_hash_tells_encodings_apart() {
    let hash = |text: &str, options: &LoadOptions| table(text, options).content_hash;
    let plain = LoadOptions::default();
    assert_eq!(hash(MIXED, &plain), hash(MIXED, &plain));
    assert_ne!(hash(MIXED, &plain), hash(MIXED, &categorical(&["zip"])));
    assert_ne!(hash(MIXED, &plain), hash(&MIXED.replace("green", "grue"), &plain), "the same codes");
    // As codes and in their order, numbers and categories are the same raw values.
    let numbers = "a,kind\n0,x\n1,y\n0,x\n1,y\n";
    assert_ne!(hash(numbers, &plain), hash(numbers, &categorical(&["a"])));
}

#[test]
fn features_that_the_training_part_never_has_are_known_as_such() {
    let dataset = table(MIXED, &categorical(&["zip"]));
    let statistics = Normalisation::of(&dataset, &[0, 2, 4]);
    let category = |column, code, occurs| CategoryFeature { column, code, occurs };
    let expected = Encoding {
        columns: 4,
        numbers: vec![0, 3],
        categories: vec![
            category(1, 0, false),
            category(1, 1, false),
            category(1, 2, true),
            category(2, 0, true),
            category(2, 1, false),
            category(2, 2, false),
        ],
        gaps: vec![GapFeature { column: 0, occurs: false }, GapFeature { column: 3, occurs: false }],
    };
    assert_eq!(statistics.encoding.as_ref(), Some(&expected));
    assert_eq!(expected.features(), dataset.problem.channels as usize);
    let all = Normalisation::of(&dataset, &[0, 1, 2, 3, 4, 5]).encoding.unwrap();
    assert!(all.categories.iter().all(|one| one.occurs) && all.gaps.iter().all(|one| one.occurs));
}

#[test]
fn missing_values_count_neither_in_means_nor_in_deviations() {
    let dataset = table(MIXED, &LoadOptions::default());
    let Normalisation { mean, deviation, .. } = Normalisation::of(&dataset, &[0, 1, 2, 3, 5]);
    // Ages 30, 40 and 50; postcodes 8001, 8002, 8001, 8003 and 8001; weights 1.5, 2.5 and 3.5.
    assert_eq!(mean, [40.0, 8001.6, 2.5]);
    let expected = [(200.0_f32 / 3.0).sqrt(), 0.8, (2.0_f32 / 3.0).sqrt()];
    for (found, expected) in deviation.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }
    // Where none is known, it is always 0.
    let Normalisation { mean, deviation, .. } = Normalisation::of(&dataset, &[1, 5]);
    assert_eq!((mean[0], deviation[0]), (0.0, f32::INFINITY));
}

#[test]
fn names_and_free_text_are_no_categories() {
    let people = |count: usize| -> String {
        let row = |row: usize| format!("person {row},{},note {row},{}\n", row % 7, ["x", "y"][row % 2]);
        "name,age,note,kind\n".to_owned() + &(0..count).map(row).collect::<String>()
    };
    let ignoring = |column: &str| LoadOptions { ignore: vec![column.to_owned()], ..LoadOptions::default() };
    let says = refusal(&people(300), &ignoring("note"));
    let expected = [
        "column 0 (\"name\")",
        "more than 256 different values (CATEGORIES_MAX)",
        "text from line 2 on: \"person 0\"",
        "set data.ignore = [\"name\"], or correct the text",
    ];
    assert_says(&says, &expected);
    let says = refusal(&people(100), &ignoring("note"));
    assert_says(
        &says,
        &["100 different values in 100 rows", "set data.categorical = [\"name\"] if these are"],
    );
    let says = refusal(&people(300), &LoadOptions::default());
    assert_says(&says, &["2 columns are no categories", "data.ignore = [\"name\", \"note\"]"]);
    let headless = people(300).replace("name,age,note,kind\n", "");
    assert_says(&refusal(&headless, &ignoring("0")), &["data.ignore = [\"2\"]"]);
    // Who asks for categories of a small table gets them, but no more than the limit.
    let few = LoadOptions { categorical: vec!["name".to_owned()], ..ignoring("note") };
    assert_eq!(table(&people(100), &few).problem.channels, 101);
    assert_says(&refusal(&people(300), &few), &["more than 256 different values"]);
    // Each column is within the limit, all together are not.
    let columns = limits::COLUMNS_MAX as usize / limits::CATEGORIES_MAX + 1;
    let row =
        |row: usize| format!("c{},", row % limits::CATEGORIES_MAX).repeat(columns) + ["x\n", "y\n"][row % 2];
    let wide: String = (0..2 * limits::CATEGORIES_MAX).map(row).collect();
    assert_says(&refusal(&wide, &LoadOptions::default()), &["65792 features", "COLUMNS_MAX", "data.ignore"]);
}

#[test]
fn columns_of_numbers_with_a_few_texts_are_noted() {
    let note = |column: &str, values, numbers, commas, example: &str, line| NearlyNumbers {
        column: column.to_owned(),
        values,
        numbers,
        commas,
        example: example.to_owned(),
        line,
    };
    let notes = |odd: &dyn Fn(usize) -> String, options: &LoadOptions| {
        let row = |row: usize| format!("{};{row};{}\n", odd(row), ["x", "y"][row % 2]);
        let rows: String = (0..20).map(row).collect();
        table(&format!("a;b;kind\n{rows}"), options).notes.nearly_numbers
    };
    let plain = LoadOptions::default();
    let typo = |row: usize| if row == 6 { "7l".to_owned() } else { (row % 9).to_string() };
    assert_eq!(notes(&typo, &plain), [note("a", 20, 19, 0, "7l", 8)]);
    assert_eq!(notes(&typo, &categorical(&["a"])), [], "codes were asked for");
    let comma = |row: usize| if row == 0 { "?".to_owned() } else { format!("1.00{},5", row % 9) };
    assert_eq!(notes(&comma, &plain), [note("a", 19, 19, 19, "1.001,5", 3)]);
    let grades = |row: usize| ["1", "2", "3", "good"][row % 4].to_owned();
    assert_eq!(notes(&grades, &plain), []);
    let many: String = (0..600).map(|row| format!("{row},5;{row};{}\n", ["x", "y"][row % 2])).collect();
    assert_says(&refusal(&format!("a;b;kind\n{many}"), &plain), &["more than 256", "with a decimal point"]);
}

#[test]
fn a_header_that_looks_like_data_is_not_taken_for_a_category() {
    let rows: String = (0..20).map(|row| format!("{row},{row},{}\n", ["x", "y"][row % 2])).collect();
    let says = refusal(&format!("age,2019,kind\n{rows}"), &LoadOptions::default());
    assert_says(
        &says,
        &["line 1, column 0", "\"age\" is not a number", "name the label column with data.label"],
    );
    assert_eq!(table(&format!("age,2019,kind\n{rows}"), &labelled("kind")).count, 20);
}

#[test]
fn columns_of_categories_that_are_none() {
    let says = |columns: &[&str]| refusal(MIXED, &categorical(columns));
    assert_says(&says(&["zap"]), &["no column \"zap\"", "did you mean \"zip\"?"]);
    assert_says(&says(&["kind"]), &["column 4 (\"kind\") is no feature", "data.categorical", "data.ignore"]);
    let left_out = LoadOptions { ignore: vec!["zip".to_owned()], ..categorical(&["zip"]) };
    assert_says(&refusal(MIXED, &left_out), &["column 2 (\"zip\") is no feature"]);
    let nothing = "a,kind\n,x\n,y\n,x\n,y\n";
    assert_says(&refusal(nothing, &categorical(&["a"])), &["no feature column has any value"]);
}

#[test]
fn a_model_reads_other_data_by_its_own_categories() {
    let known = table(MIXED, &categorical(&["zip"])).columns;
    let other = "age,colour,zip,weight,kind\n\
                 1,mauve,8003,1,x\n2,red,9999,2,y\n3,puce,8001,3,x\n4,green,8002,4,y\n";
    let (dataset, unknown) = with_table(other, |source| {
        load_to_test(source, &LoadOptions::default(), known_columns(&known)).unwrap()
    });
    #[rustfmt::skip]
    let rows = [
        1.0, -9.0, 2.0, 1.0,
        2.0, 2.0, -9.0, 2.0,
        3.0, -9.0, 0.0, 3.0,
        4.0, 1.0, 1.0, 4.0,
    ];
    assert_eq!(raw(&dataset), rows);
    let of = |column: &str, values, example: &str| UnknownCategories {
        column: column.to_owned(),
        values,
        example: example.to_owned(),
    };
    assert_eq!(unknown, [of("colour", 2, "mauve"), of("zip", 1, "9999")]);
    assert_eq!(dataset.columns, known);
    // The data that it was trained on is the same to it.
    let options = categorical(&["zip"]);
    let (same, unknown) =
        with_table(MIXED, |source| load_to_test(source, &options, known_columns(&known)).unwrap());
    assert_eq!((same.content_hash, unknown), (table(MIXED, &options).content_hash, Vec::new()));
    // Columns stand in any order and among others, if they have their names.
    let moved = "kind,weight,note,zip,age,colour\nx,1,n,8003,1,mauve\ny,2,n,9999,2,red\nx,3,n,8001,3,puce\ny,4,n,8002,4,green\n";
    let (named, _) =
        with_table(moved, |source| load_to_test(source, &labelled("kind"), known_columns(&known)).unwrap());
    assert_eq!((raw(&named), &named.columns), (raw(&dataset), &known));
    // Without names they are taken as they stand.
    for header in ["0,1,2,3,4", ",,,,kind"] {
        let other = other.replace("age,colour,zip,weight,kind", header);
        let (unnamed, _) = with_table(&other, |source| {
            load_to_test(source, &LoadOptions::default(), known_columns(&known)).unwrap()
        });
        assert_eq!(raw(&unnamed), raw(&dataset), "{header}");
    }
    // Of another number of columns without names it knows nothing.
    let narrow = "1,x\n2,y\n3,x\n4,y\n";
    let (dataset, _) = with_table(narrow, |source| {
        load_to_test(source, &LoadOptions::default(), known_columns(&known)).unwrap()
    });
    assert_eq!(dataset.columns, [numeric("column 0", false)]);
}

fn known_columns(columns: &[Column]) -> Known<'_> {
    Known { columns: Some(columns), ..Known::default() }
}

#[test]
fn a_header_without_the_models_names_is_refused() {
    let columns = table(MIXED, &categorical(&["zip"])).columns;
    let labels = ["kind".to_owned()];
    let known = Known { columns: Some(&columns), labels: &labels };
    let rows = "1,red,8003,1,x\n2,red,8001,2,y\n";
    let says = |header: &str, known| {
        let text = format!("{header}\n{rows}");
        let options = LoadOptions::default();
        let message =
            with_table(&text, |source| load_to_test(source, &options, known).unwrap_err().to_string());
        assert_says(
            &message,
            &["table.csv: line 1: the header does not name the model's columns: ", "as in training"],
        );
        message
    };
    assert_says(
        &says("weight,Zip,colour,age,kind", known),
        &["columns: \"zip\" is missing (is it \"Zip\"?); "],
    );
    assert_says(
        &says("age,colour,zip,zip,kind", known),
        &["\"zip\" is there twice, \"weight\" is missing; "],
    );
    assert_says(
        &says("age,colour,zip,weight,Kind", known),
        &["the label \"kind\" is missing (is it \"Kind\"?)"],
    );
    assert_says(
        &says("kind,age,colour,zip,weight", known_columns(&columns)),
        &["\"weight\" is taken for the label"],
    );
    assert_says(&says("a,kind", known), &["columns: \"age\" is missing, \"colour\" is missing"]);
}

#[test]
fn labels_are_found_by_the_names_that_a_model_knows() {
    let known = [numeric("a", false), numeric("b", false)];
    let labels = ["y".to_owned()];
    let known = Known { columns: Some(&known), labels: &labels };
    let values = |text: &str, options: &LoadOptions| {
        let (dataset, _) = with_table(text, |source| load_to_test(source, options, known).unwrap());
        let Targets::Values { values, names } = &dataset.targets else { panic!("values") };
        (raw(&dataset), values.clone(), names.clone())
    };
    let first = "y,b,a\n1,2,3\n4,5,6\n";
    let expected = (vec![3.0, 2.0, 6.0, 5.0], vec![1.0, 4.0], labels.to_vec());
    assert_eq!(values(first, &regression()), expected);
    // Where the columns stood in training does not matter, nor which of them were left out then.
    let by_index = LoadOptions { label: Some("2".into()), ignore: vec!["1".into()], ..regression() };
    assert_eq!(values(first, &by_index), expected);
    let last = values("3,2,1\n6,5,4\n", &regression());
    assert_eq!((last.0, last.1), (expected.0, expected.1), "without a header they stand as they did");
    let named = table("a,b,kind\n1,2,x\n2,3,y\n3,4,x\n4,5,y\n", &LoadOptions::default());
    assert_eq!(named.notes.label_columns, ["kind"]);
    let unnamed = table("1,2,x\n2,3,y\n3,4,x\n4,5,y\n", &LoadOptions::default());
    assert!(unnamed.notes.label_columns.is_empty());
}

#[test]
fn a_table_of_texts_alone_without_a_header_is_tested_as_it_stands() {
    let rows = "red,s,x\nblue,m,y\nred,m,x\nblue,s,y\n";
    let known = table(&format!("colour,size,kind\n{rows}"), &LoadOptions::default());
    let options = LoadOptions::default();
    let labels = ["kind".to_owned()];
    let test = Known { columns: Some(&known.columns), labels: &labels };
    let (dataset, _) = with_table(rows, |source| load_to_test(source, &options, test).unwrap());
    assert_eq!((dataset.count, raw(&dataset)), (4, raw(&known)));
}

#[test]
fn a_model_of_numbers_alone_takes_no_others() {
    let known = [numeric("a", false), numeric("b", false)];
    let says = |text: &str| {
        let error = with_table(text, |source| {
            load_to_test(source, &LoadOptions::default(), known_columns(&known)).unwrap_err()
        });
        error.to_string()
    };
    assert_says(&says("a,b,kind\n1,,x\n2,3,y\n"), &["line 2, column 1 (\"b\")", "fill in the missing value"]);
    assert_says(
        &says("a,b,kind\n1,2,x\n2,red,y\n"),
        &["line 3, column 1 (\"b\")", "\"red\" is not a number"],
    );
    // One that knows missing values somewhere knows what to do with them anywhere.
    let known = [numeric("a", true), numeric("b", false)];
    let text = "a,b,kind\n1,,x\n2,3,y\n3,4,x\n4,5,y\n";
    let (dataset, _) = with_table(text, |source| {
        load_to_test(source, &LoadOptions::default(), known_columns(&known)).unwrap()
    });
    assert_eq!(dataset.columns, [numeric("a", true), numeric("b", true)]);
}

#[test]
fn arrays_may_have_gaps_and_come_back_with_codes() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let x = [1.0_f32, f32::NAN, 3.0, 4.0, f32::from_bits(0xffc0_1234), 6.0, 7.0, 8.0];
    NpzFile::new(&path).array("x", &[4, 2], &x).array("y", &[4], &[0_i64, 1, 0, 1]);
    let dataset = loaded("npz", &path, &LoadOptions::default());
    assert_eq!(dataset.columns, [numeric("column 0", true), numeric("column 1", true)]);
    assert_eq!(raw(&dataset), [1.0, -9.0, 3.0, 4.0, -9.0, 6.0, 7.0, 8.0]);
    assert_eq!(dataset.problem.channels, 4);
    // Whatever bits say that a value is missing, the data are the same.
    let same = folder.path().join("b.npz");
    let x = x.map(|value| if value.is_nan() { f32::NAN } else { value });
    NpzFile::new(&same).array("x", &[4, 2], &x).array("y", &[4], &[0_i64, 1, 0, 1]);
    assert_eq!(loaded("npz", &same, &LoadOptions::default()).content_hash, dataset.content_hash);

    let mixed = table(MIXED, &categorical(&["zip"]));
    let written = folder.path().join("mixed.npz");
    write_npz(&mixed, &[0, 1, 2, 3, 4, 5], &written).unwrap();
    let (back, unknown) = load_to_test(
        &source("npz", &written),
        &LoadOptions::default(),
        Known { columns: Some(&mixed.columns), ..Known::default() },
    )
    .unwrap();
    assert_eq!((raw(&back), &back.columns, unknown), (raw(&mixed), &mixed.columns, Vec::new()));
    // Numbers that are no codes are of no category.
    let codes = [1.0_f32, 3.0, 0.0, 0.5, -1.0, 2.0, 2.0, 2.0];
    NpzFile::new(&path).array("x", &[4, 2], &codes).array("y", &[4], &[0_i64, 1, 0, 1]);
    let known = [of_categories("c", &["a", "b", "c"]), numeric("n", false)];
    let (dataset, unknown) = load_to_test(
        &source("npz", &path),
        &LoadOptions::default(),
        Known { columns: Some(&known), ..Known::default() },
    )
    .unwrap();
    assert_eq!(raw(&dataset), [1.0, 3.0, 0.0, 0.5, -9.0, 2.0, 2.0, 2.0]);
    assert_eq!((unknown.len(), unknown[0].values, unknown[0].example.as_str()), (1, 1, "-1"));
}

#[test]
fn descriptions_count_what_is_missing() {
    let description = describe(&table(MIXED, &categorical(&["zip"])));
    let missing: Vec<usize> = description.columns.iter().map(|one| one.missing_values).collect();
    assert_eq!(missing, [2, 1, 1, 2]);
    let json = serde_json::to_value(&description).unwrap();
    assert_eq!(json["shape"], serde_json::json!({"kind": "table", "features": 10}));
    assert_eq!(json["columns"][1]["kind"], "categorical");
    assert_eq!(json["columns"][1]["categories"], serde_json::json!(["blue", "green", "red"]));
    assert_eq!((description.minimum, description.maximum), (0.0, 60.0));
}
