//! Libraries that are none, in a process of its own: a process loads ONNX Runtime once and for all.

#![expect(clippy::print_stdout, reason = "tests say why they are skipped")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use hatchery_models::{
    graph::{
        Graph,
        choices::Choices,
        fact::{ElementType, Fact},
        lowering::{Provider, lower_with},
    },
    onnx::{EncodeOptions, model_of},
    training::runtime::{LibraryOptions, Runtime},
};
use prost::Message;
use std::{path::Path, process::Command, sync::Barrier, thread};

/// A shared library from C source; `false` where there is no C compiler.
fn compile(source: &str, library: &Path) -> bool {
    let file = library.with_extension("c");
    std::fs::write(&file, source).unwrap();
    Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(library)
        .arg(file)
        .status()
        .is_ok_and(|s| s.success())
}

fn refusal(library: &Path) -> String {
    let options = LibraryOptions { library: Some(library.to_path_buf()), offline: true };
    Runtime::open(&options).unwrap_err().to_string()
}

#[test]
fn libraries_that_are_none_or_too_old_are_refused_and_the_right_one_still_loads() {
    if std::env::var_os("ORT_DYLIB_PATH").is_some() {
        println!("skipped: ORT_DYLIB_PATH names a library, which comes before the ones that this test names");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.so");
    std::fs::write(&text, "no library").unwrap();
    let message = refusal(&text);
    assert!(
        message.contains("text.so") && message.contains("not a usable ONNX Runtime library"),
        "{message}"
    );

    let old = "struct base { const void *(*api)(unsigned); const char *(*version)(void); };
        static const void *api(unsigned n) { return 0; }
        static const char *version(void) { return \"1.10.0\"; }
        static struct base base = { api, version };
        const struct base *OrtGetApiBase(void) { return &base; }";
    let cases = [
        ("other.so", "int other(void) { return 1; }", "OrtGetApiBase"),
        ("null.so", "const void *OrtGetApiBase(void) { return 0; }", "does not behave like one"),
        ("old.so", old, "1.10.0"),
    ];
    for (name, source, expected) in cases {
        let library = folder.path().join(name);
        if !compile(source, &library) {
            println!("skipped: no C compiler to make {name}");
            continue;
        }
        let message = refusal(&library);
        assert!(message.contains(expected) && message.contains("1.31.1"), "{message}");
    }

    let runtime = Runtime::open(&LibraryOptions::default()).unwrap();
    let report = runtime.report();
    assert!(report.version.starts_with("1."), "{report:?}");
    let fetched = report.path.to_string_lossy().contains("1.31.1");
    assert!(!fetched || report.version == "1.31.1", "{report:?}");

    many_first_sessions_at_once(&runtime);
}

/// No session may have been made in this process before: ONNX Runtime learns of our kernels with the first.
fn many_first_sessions_at_once(runtime: &Runtime) {
    let mut graph = Graph::new();
    let input = graph.input("x", Fact { element: ElementType::F32, shape: vec![2] });
    graph.output("y", input);
    let lowered = lower_with(&graph, Provider::Cpu, Choices::default());
    let bytes = model_of(lowered, &EncodeOptions::named("same")).encode_to_vec();
    const AT_ONCE: usize = 16;
    let start = Barrier::new(AT_ONCE);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                start.wait();
                runtime.model(&bytes).unwrap();
            });
        }
    });
}
