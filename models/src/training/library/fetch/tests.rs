use super::*;
use crate::training::library::Flavour;
use std::io::Write;

/// A folder with a wheel, a `pip` that serves it and counts its calls, and an empty cache.
struct Index {
    folder: tempfile::TempDir,
    wheel: Wheel,
}

impl Index {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = zip::ZipWriter::new(File::create(folder.path().join("served.whl")).unwrap());
        for (name, content) in [("libonnxruntime.so", "library"), ("shared.so", "companion")] {
            let name = format!("onnxruntime/capi/{name}");
            archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(content.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
        let bytes = fs::read(folder.path().join("served.whl")).unwrap();
        let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let wheel = Wheel {
            os: "any",
            arch: "any",
            flavour: Flavour::Cpu,
            package: "onnxruntime",
            platform: "any",
            sha256: hash.leak(),
            library: "libonnxruntime.so",
            companions: &["shared.so"],
        };
        let index = Self { folder, wheel };
        let served = index.path("served.whl");
        index.script(
            "pip",
            &format!(
                "echo call >> {calls}\nwhile [ $# -gt 1 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\n\
                 mkdir -p \"$dest\" && cp {served} \"$dest/onnxruntime.whl\"",
                calls = index.path("calls"),
            ),
        );
        index
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn script(&self, name: &str, body: &str) {
        fs::write(self.folder.path().join(name), format!("{body}\n")).unwrap();
    }

    fn fetch(&self, programs: &[&str]) -> Result<(PathBuf, bool), LibraryError> {
        // Through the shell: executing a file just written can fail while another test's child still holds it open.
        let programs: Vec<Vec<String>> = programs
            .iter()
            .map(|program| self.path(program))
            .map(|path| if Path::new(&path).exists() { vec!["sh".to_owned(), path] } else { vec![path] })
            .collect();
        let words: Vec<Vec<&str>> =
            programs.iter().map(|words| words.iter().map(String::as_str).collect()).collect();
        let commands: Vec<&[&str]> = words.iter().map(Vec::as_slice).collect();
        fetch(&self.folder.path().join("cache"), &self.wheel, &commands)
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.path("calls")).map_or(0, |calls| calls.lines().count())
    }

    fn left_in_cache(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("cache")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_wheel_is_fetched_once_and_its_libraries_unpacked() {
    let index = Index::new();
    let (library, fetched) = index.fetch(&["pip"]).unwrap();
    assert!(fetched);
    assert_eq!(fs::read_to_string(&library).unwrap(), "library");
    assert_eq!(fs::read_to_string(library.with_file_name("shared.so")).unwrap(), "companion");
    assert_eq!(index.fetch(&["pip"]).unwrap(), (library, false));
    assert_eq!(index.calls(), 1);
    assert_eq!(index.left_in_cache(), ["onnxruntime-1.31.1-cpu", "onnxruntime.lock"]);
}

#[test]
fn of_several_at_once_one_fetches_and_the_others_wait_for_it() {
    let index = Index::new();
    let fetched: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| index.fetch(&["pip"]).unwrap().1)).collect();
        threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
    });
    assert_eq!((fetched, index.calls()), (1, 1));
}

#[test]
fn a_wheel_with_another_hash_is_refused_and_leaves_nothing() {
    let mut index = Index::new();
    index.wheel.sha256 = "00";
    let error = index.fetch(&["pip"]).unwrap_err();
    assert!(matches!(error, LibraryError::Hash { expected: "00", .. }), "{error}");
    assert_eq!(index.left_in_cache(), ["onnxruntime.lock"]);
}

#[test]
fn a_wheel_without_the_library_is_refused_and_leaves_nothing() {
    let mut index = Index::new();
    index.wheel.companions = &["missing.so"];
    let message = index.fetch(&["pip"]).unwrap_err().to_string();
    assert!(message.contains("missing.so"), "{message}");
    assert_eq!(index.left_in_cache(), ["onnxruntime.lock"]);
}

#[test]
fn a_python_without_pip_is_passed_over() {
    let index = Index::new();
    index.script("python", "echo '/usr/bin/python3: No module named pip' >&2; exit 1");
    assert!(index.fetch(&["absent", "python", "pip"]).unwrap().1);
    let other = Index::new();
    other.script("python", "echo '/usr/bin/python3: No module named pip' >&2; exit 1");
    let message = other.fetch(&["absent", "python"]).unwrap_err().to_string();
    assert!(message.contains("install Python 3 with pip"), "{message}");
}

#[test]
fn what_pip_says_last_is_passed_on() {
    let index = Index::new();
    index.script("pip", "echo 'ERROR: no route to host' >&2; exit 1");
    let message = index.fetch(&["pip"]).unwrap_err().to_string();
    assert!(message.contains("no route to host") && message.contains("proxy"), "{message}");
}

#[test]
fn a_cache_that_cannot_be_made_is_named() {
    let index = Index::new();
    fs::write(index.path("cache"), "a file in the way").unwrap();
    let message = index.fetch(&["pip"]).unwrap_err().to_string();
    assert!(message.contains("cache") && message.contains("XDG_CACHE_HOME"), "{message}");
}
