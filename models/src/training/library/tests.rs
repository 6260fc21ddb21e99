use super::*;

fn search(folder: &Path) -> Search {
    Search { cache: Some(folder.join("cache")), offline: true, ..Search::default() }
}

#[test]
fn the_environment_comes_before_the_experiment_and_both_before_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first.so"), folder.path().join("second.so"));
    std::fs::write(&first, "").unwrap();
    std::fs::write(&second, "").unwrap();
    let mut search = Search { environment: Some(first), configured: Some(second), ..search(folder.path()) };
    assert_eq!(search.find(Flavour::Cpu).unwrap().origin, Origin::Environment);
    search.environment = None;
    let found = search.find(Flavour::Cpu).unwrap();
    assert_eq!(found.origin, Origin::Configured);
    assert!(found.path.ends_with("second.so"));
}

#[test]
fn a_named_library_that_is_missing_is_an_error_and_not_replaced_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let search = Search { configured: Some(folder.path().join("none.so")), ..search(folder.path()) };
    let message = search.find(Flavour::Cpu).unwrap_err().to_string();
    assert!(message.contains("runtime.library") && message.contains("none.so"), "{message}");
}

#[test]
fn offline_nothing_is_fetched_and_the_message_names_the_ways_out() {
    let folder = tempfile::tempdir().unwrap();
    let message = search(folder.path()).find(Flavour::Cpu).unwrap_err().to_string();
    assert!(message.contains("--offline") && message.contains(LIBRARY_VARIABLE), "{message}");
    assert!(!folder.path().join("cache").exists());
}

#[test]
fn without_a_home_the_message_says_what_to_set() {
    let search = Search { cache: None, ..search(Path::new("/")) };
    assert!(search.find(Flavour::Cpu).unwrap_err().to_string().contains("XDG_CACHE_HOME"));
}

#[test]
fn wheels_are_pinned_for_common_machines_and_for_cuda_on_one() {
    let pinned = |os, arch, flavour| wheel::for_machine(os, arch, flavour).map(|wheel| wheel.package);
    assert_eq!(pinned("linux", "x86_64", Flavour::Cpu), Some("onnxruntime"));
    assert_eq!(pinned("linux", "x86_64", Flavour::Cuda), Some("onnxruntime-gpu"));
    assert_eq!(pinned("linux", "aarch64", Flavour::Cpu), Some("onnxruntime"));
    assert_eq!(pinned("macos", "aarch64", Flavour::Cpu), Some("onnxruntime"));
    assert_eq!(pinned("linux", "aarch64", Flavour::Cuda), None);
    assert_eq!(pinned("plan9", "x86_64", Flavour::Cpu), None);
}
