//! Whatever is wrong is answered by a clear message and a documented exit code, and nothing is lost.

use super::common::{command, finish, hatchery};
use std::{fs, path::Path};
use tempfile::{TempDir, tempdir};

/// Exit codes, as the README lists them.
const EXPERIMENT: i32 = 2;
const DATA: i32 = 3;
const RUN_DIRECTORY: i32 = 4;
const LIBRARY: i32 = 5;

/// 2x2 and 3x3 grey pixels.
const PNG_2: &str = "89504e470d0a1a0a0000000d494844520000000200000002080000000057dd52f80000000e49444154789c63606060d0d00000007e0051b58868f10000000049454e44ae426082";
const PNG_3: &str = "89504e470d0a1a0a0000000d49484452000000030000000308000000007343ea630000001249444154789c636000020d0d0d868080000004bc0169194ab84a0000000049454e44ae426082";

fn folder() -> TempDir {
    tempdir().unwrap()
}

fn bytes_of(hexadecimal: &str) -> Vec<u8> {
    let pairs = hexadecimal.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Runs an experiment on data that cannot be used; it must be refused before a run directory is made.
fn refused_data(folder: &Path, source: &str, words: &[&str]) {
    let set = format!("data.source={source}");
    hatchery(folder, &["run", "magic", "--set", &set, "--out", "run", "--offline"]).refused(DATA, words);
    assert!(!folder.join("run").exists(), "a refused run leaves no directory");
}

#[test]
fn an_unknown_key_is_answered_by_the_right_one() {
    let folder = folder();
    fs::write(
        folder.path().join("x.toml"),
        "name = \"x\"\n[data]\nsource = \"digits\"\n[training]\nepoch = 3\n",
    )
    .unwrap();
    hatchery(folder.path(), &["run", "x.toml"])
        .refused(EXPERIMENT, &["x.toml, line 5", "epoch", "`training.epochs`"]);
    hatchery(folder.path(), &["run", "digits", "--set", "serch.lag=3"])
        .refused(EXPERIMENT, &["--set serch.lag=3", "`search.lag`"]);
    hatchery(folder.path(), &["run", "digit"]).refused(EXPERIMENT, &["did you mean digits?"]);
}

#[test]
fn a_value_out_of_range_is_answered_by_its_bounds() {
    let folder = folder();
    hatchery(folder.path(), &["run", "digits", "--set", "data.valid_fraction=1.5"])
        .refused(EXPERIMENT, &["data.valid_fraction", "1.5", "between 0 and 1"]);
    hatchery(folder.path(), &["run", "--evaluations", "0"])
        .refused(EXPERIMENT, &["budget.evaluations", "from 1"]);
    hatchery(folder.path(), &["run", "--time", "soon"]).refused(EXPERIMENT, &["budget.time", "10m"]);
    let usage = hatchery(folder.path(), &["run", "--evaluations", "many"]);
    assert_eq!(usage.code, Some(EXPERIMENT), "{usage:?}");
}

#[test]
fn missing_data_is_named() {
    let folder = folder();
    hatchery(folder.path(), &["run", "fashion-mnist"]).refused(EXPERIMENT, &["data.source", "idx:DIR"]);
    refused_data(folder.path(), "idx:nowhere", &["nowhere", "does not exist"]);
    refused_data(folder.path(), "cvs:x", &["cvs:x", "csv"]);
}

#[test]
fn truncated_idx_is_named() {
    let folder = folder();
    let mut images = vec![0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 4, 0, 0, 0, 4];
    images.extend([7; 100]);
    let mut labels = vec![0, 0, 8, 1, 0, 0, 0, 10];
    labels.extend([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    fs::write(folder.path().join("train-images-idx3-ubyte"), images).unwrap();
    fs::write(folder.path().join("train-labels-idx1-ubyte"), labels).unwrap();
    refused_data(folder.path(), "idx:.", &["train-images-idx3-ubyte", "truncated", "160", "100"]);
}

#[test]
fn bad_tables_are_named_with_their_line() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("ragged.csv", "a,b,c\n1,2,x\n1,2,y\n1,2\n1,2,x\n");
    refused_data(folder.path(), "csv:ragged.csv", &["ragged.csv", "4"]);
    write("inf.csv", "a,b,c\n1,2,x\n1,inf,y\n1,2,y\n1,3,x\n");
    refused_data(folder.path(), "csv:inf.csv", &["inf.csv", "line 3"]);
    let names: String = (0..40).map(|row| format!("{row},person {row},{}\n", ["x", "y"][row % 2])).collect();
    write("names.csv", &format!("age,name,c\n{names}"));
    refused_data(folder.path(), "csv:names.csv", &["names.csv", "\"name\"", "data.ignore = [\"name\"]"]);
    write("one.csv", "a,b,c\n1,2,x\n1,5,x\n1,2,x\n1,3,x\n");
    refused_data(folder.path(), "csv:one.csv", &["one.csv", "class"]);
}

#[test]
fn images_of_different_sizes_are_named() {
    let folder = folder();
    for (class, name, png) in
        [("a", "1.png", PNG_2), ("a", "2.png", PNG_2), ("b", "1.png", PNG_2), ("b", "2.png", PNG_3)]
    {
        let class = folder.path().join("pictures").join(class);
        fs::create_dir_all(&class).unwrap();
        fs::write(class.join(name), bytes_of(png)).unwrap();
    }
    refused_data(folder.path(), "images:pictures", &["2.png", "3 x 3", "2 x 2"]);
}

#[test]
fn a_directory_that_exists_is_not_touched() {
    let folder = folder();
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/thesis.txt"), "years of work").unwrap();
    hatchery(folder.path(), &["run", "--out", "mine"])
        .refused(RUN_DIRECTORY, &["mine", "exists", "--resume"]);
    hatchery(folder.path(), &["run", "--out", "mine", "--resume"]).refused(RUN_DIRECTORY, &["mine"]);
    hatchery(folder.path(), &["status", "mine"]).refused(RUN_DIRECTORY, &["mine"]);
    hatchery(folder.path(), &["run", "--out", "nowhere", "--resume"]).refused(RUN_DIRECTORY, &["nowhere"]);
    let left: Vec<_> =
        fs::read_dir(folder.path().join("mine")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["thesis.txt"]);
}

#[test]
#[cfg(unix)]
fn a_place_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write anywhere but in some of the kernel's own file systems.
    let place =
        if fs::write(closed.join("probe"), "").is_ok() { Path::new("/sys/kernel") } else { closed.as_path() };
    if !place.is_dir() {
        eprintln!("skipped: no directory that this user may not write");
        return;
    }
    let out = place.join("run").display().to_string();
    hatchery(folder.path(), &["run", "--out", &out])
        .refused(RUN_DIRECTORY, &[&out, "cannot be written", "--out"]);
}

#[test]
fn a_folder_that_is_missing_is_named_once() {
    let folder = folder();
    let written = hatchery(folder.path(), &["data", "write", "digits", "--out", "no/where.npz"]);
    let said = written.refused(RUN_DIRECTORY, &["no/where.npz cannot be written", "make its folder"]).stderr;
    assert_eq!(said.matches("no/").count(), 1, "{said}");
}

#[test]
fn a_library_that_is_none_is_named() {
    let folder = folder();
    fs::write(folder.path().join("libonnxruntime.so"), "not a library").unwrap();
    let library = folder.path().join("libonnxruntime.so").display().to_string();
    let mut run = command(folder.path(), &["run", "--out", "run"]);
    finish(run.env("ORT_DYLIB_PATH", &library)).refused(LIBRARY, &[&library, "ORT_DYLIB_PATH"]);
    let mut doctor = command(folder.path(), &["doctor"]);
    finish(doctor.env("ORT_DYLIB_PATH", &library)).refused(LIBRARY, &[&library]);
    let mut missing = command(folder.path(), &["run", "--out", "run"]);
    finish(missing.env("ORT_DYLIB_PATH", "/nowhere/lib.so")).refused(LIBRARY, &["/nowhere/lib.so"]);
    let mut configured =
        command(folder.path(), &["run", "--set", "runtime.library=/nowhere/lib.so", "--out", "run"]);
    finish(configured.env_remove("ORT_DYLIB_PATH")).refused(LIBRARY, &["/nowhere/lib.so", "runtime.library"]);
    assert!(!folder.path().join("run").exists(), "a refused run leaves no directory");
}

/// A library that has ONNX Runtime's entry point but says that it is version 1.10 and knows no interface.
const OLD_LIBRARY: &str = r#"
typedef struct { const void *(*get_api)(unsigned); const char *(*version)(void); } Base;
static const void *get_api(unsigned version) { (void)version; return 0; }
static const char *version(void) { return "1.10.0"; }
static const Base base = { get_api, version };
const Base *OrtGetApiBase(void) { return &base; }
"#;

#[test]
#[cfg(target_os = "linux")]
fn a_library_of_the_wrong_version_is_named() {
    let folder = folder();
    fs::write(folder.path().join("old.c"), OLD_LIBRARY).unwrap();
    let mut compiler = std::process::Command::new("cc");
    compiler.current_dir(folder.path()).args(["-shared", "-fPIC", "-o", "libold.so", "old.c"]);
    if !compiler.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: no C compiler");
        return;
    }
    let library = folder.path().join("libold.so").display().to_string();
    let mut run = command(folder.path(), &["run", "--out", "run"]);
    finish(run.env("ORT_DYLIB_PATH", &library)).refused(LIBRARY, &[&library, "version", "1.24"]);
}

#[test]
fn without_a_library_and_without_the_network_the_way_out_is_named() {
    let folder = folder();
    let mut run = command(folder.path(), &["run", "--offline", "--out", "run"]);
    run.env_remove("ORT_DYLIB_PATH").env("XDG_CACHE_HOME", folder.path().join("cache"));
    finish(&mut run).refused(LIBRARY, &["ORT_DYLIB_PATH", "--offline"]);
}

#[test]
fn a_model_that_is_none_is_named() {
    let folder = folder();
    fs::write(folder.path().join("m.onnx"), "no model").unwrap();
    hatchery(folder.path(), &["test", "m.onnx", "digits", "--offline"]).refused(RUN_DIRECTORY, &["m.onnx"]);
    hatchery(folder.path(), &["test", "nowhere.onnx", "digits"]).refused(RUN_DIRECTORY, &["nowhere.onnx"]);
}

#[test]
fn a_suite_that_cannot_be_timed_is_refused() {
    let folder = folder();
    let network = |keys: &str| {
        format!(
            r#"{{"networks": [{{"name": "n", "batch": 4, {keys}, "layers": [{{"op": "dense", "out": 5}}]}}]}}"#
        )
    };
    for (text, words) in [
        (r#"{"networks": []}"#.to_owned(), "no networks"),
        (network(r#""input": [1, 1, 8], "classes": 0"#), "network n: `classes` is 0"),
        (network(r#""input": [1, 4000000, 4000000], "classes": 3"#), "network n: `input` has rows: 4000000"),
        (network(r#""input": [1, 1, 8], "classes": 3, "shuffle": true"#), "unknown field `shuffle`"),
        (network(r#""input": [2, 8, 8], "towers": true, "classes": 3"#), "network n cannot be built"),
    ] {
        fs::write(folder.path().join("suite.json"), text).unwrap();
        hatchery(folder.path(), &["bench", "train", "--suite", "suite.json"])
            .refused(EXPERIMENT, &["suite.json", words]);
    }
    let endless = ["bench", "train", "--suite", "suite.json", "--seconds", "inf"];
    hatchery(folder.path(), &endless).refused(EXPERIMENT, &["--seconds", "at most 86400"]);
}
