//! `hatchery doctor`: what this machine can train with, what is missing, and what to do about it.

use super::{arithmetic, open_runtime};
use crate::{
    cli::{
        exit::{Exit, Failure},
        options::DoctorOptions,
    },
    devices,
    output::say,
};
use hatchery_models::{
    graph::lowering::Provider,
    training::{
        self,
        library::{Search, gpus},
        runtime::{Device, Runtime},
    },
};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

/// What one look found.
struct Finding {
    name: String,
    good: bool,
    words: String,
    remedy: String,
    facts: Value,
}

impl Finding {
    fn good(name: impl Into<String>, words: String, facts: Value) -> Self {
        Self { name: name.into(), good: true, words, remedy: String::new(), facts }
    }

    fn bad(name: impl Into<String>, words: String, remedy: impl Into<String>) -> Self {
        let facts = json!({"error": words});
        Self { name: name.into(), good: false, words, remedy: remedy.into(), facts }
    }
}

/// Looks everywhere, prints, and fails where nothing can be trained.
pub fn doctor(options: &DoctorOptions) -> Result<(), Failure> {
    let runtime = open_runtime(None, options.offline);
    let gpus = gpus();
    let mut findings = vec![cores(), gpu_finding(&gpus), python(), pip(), cache(), library(&runtime)];
    let tried = runtime.as_ref().map(|runtime| try_devices(runtime, &gpus)).unwrap_or_default();
    let works = tried.iter().any(|device| device.good);
    findings.extend(tried);
    if options.json {
        let facts = findings.iter().map(|finding| (finding.name.clone(), finding.facts.clone()));
        let mut object: serde_json::Map<String, Value> = facts.collect();
        object.insert("can_train".to_owned(), json!(works));
        say(Value::Object(object));
    } else {
        findings.iter().for_each(print);
    }
    match runtime {
        Err(failure) => Err(failure),
        Ok(_) if works => Ok(()),
        Ok(_) => {
            let error = anyhow::anyhow!("no device of this machine can train: see above");
            Err(Failure { exit: Exit::Library, error })
        }
    }
}

fn print(finding: &Finding) {
    let mark = if finding.good { "ok" } else { "--" };
    say(format_args!("{mark}  {:12} {}", finding.name, finding.words));
    if !finding.remedy.is_empty() {
        say(format_args!("    {:12} -> {}", "", finding.remedy));
    }
}

fn cores() -> Finding {
    let count = devices::cores();
    Finding::good("cores", format!("{count} CPU cores for this process"), json!(count))
}

fn gpu_finding(gpus: &[String]) -> Finding {
    let words = if gpus.is_empty() { "no NVIDIA GPU (none is needed)".to_owned() } else { gpus.join(", ") };
    Finding::good("gpus", words, json!(gpus))
}

fn python() -> Finding {
    match first_line(&["python3", "--version"]).or_else(|| first_line(&["python", "--version"])) {
        Some(version) => Finding::good("python", version.clone(), json!(version)),
        None => Finding::bad(
            "python",
            "no Python 3".to_owned(),
            "needed only to fetch ONNX Runtime: install it, or name the library in ORT_DYLIB_PATH",
        ),
    }
}

fn pip() -> Finding {
    let commands: [&[&str]; 3] =
        [&["python3", "-m", "pip", "--version"], &["pip3", "--version"], &["pip", "--version"]];
    match commands.iter().find_map(|command| first_line(command)) {
        Some(version) => Finding::good("pip", version.clone(), json!(version)),
        None => Finding::bad(
            "pip",
            "no pip".to_owned(),
            "needed only to fetch ONNX Runtime: install it (`apt install python3-pip`), or name the library in \
             ORT_DYLIB_PATH",
        ),
    }
}

fn first_line(command: &[&str]) -> Option<String> {
    let (program, arguments) = command.split_first()?;
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

fn cache() -> Finding {
    let Some(cache) = Search::from_environment(None, true).cache else {
        return Finding::bad("cache", "no cache directory".to_owned(), "set HOME or XDG_CACHE_HOME");
    };
    // The directory may not exist yet: then what counts is the nearest one that does.
    let nearest = cache.ancestors().find(|folder| folder.exists()).unwrap_or(&cache);
    let writable = tempfile_in(nearest);
    let path = cache.display().to_string();
    if writable {
        Finding::good("cache", path.clone(), json!(path))
    } else {
        Finding::bad("cache", format!("{path} cannot be written"), "make it writable, or set XDG_CACHE_HOME")
    }
}

fn tempfile_in(folder: &Path) -> bool {
    let probe = folder.join(format!(".hatchery-probe-{}", std::process::id()));
    let written = std::fs::write(&probe, b"").is_ok();
    _ = std::fs::remove_file(&probe);
    written
}

fn library(runtime: &Result<Runtime, Failure>) -> Finding {
    match runtime {
        Ok(runtime) => {
            let report = runtime.report();
            let words = format!(
                "ONNX Runtime {}, {} (from {})",
                report.version,
                report.path.display(),
                report.origin
            );
            Finding::good("library", words, json!(report))
        }
        // The message says what to do.
        Err(failure) => Finding::bad("library", failure.to_string(), ""),
    }
}

/// A tiny training on each device that the library has a provider for.
fn try_devices(runtime: &Runtime, gpus: &[String]) -> Vec<Finding> {
    let providers = runtime.providers();
    let mut findings = vec![try_device(runtime, Device::Cpu)];
    if providers.contains(&Provider::Cuda) {
        let count = u16::try_from(gpus.len()).unwrap_or(u16::MAX);
        findings.extend((0..count).map(|index| try_device(runtime, Device::Cuda(index))));
    } else if !gpus.is_empty() {
        findings.push(Finding::bad(
            "cuda",
            "there is a GPU, but this library has no CUDA provider".to_owned(),
            "unset ORT_DYLIB_PATH and runtime.library so that onnxruntime-gpu is fetched, or name a library with CUDA",
        ));
    }
    findings
}

fn try_device(runtime: &Runtime, device: Device) -> Finding {
    let runtime = runtime.clone().on(device);
    match training::probe(&runtime) {
        Ok(probe) => {
            let words = format!(
                "trains (first step of a tiny network after {:.0} ms; {})",
                1e3 * probe.build_seconds,
                arithmetic(&runtime)
            );
            Finding::good(
                device.to_string(),
                words,
                json!({"works": true, "build_seconds": probe.build_seconds}),
            )
        }
        Err(error) => {
            let remedy = match device {
                Device::Cpu => {
                    "the library is damaged or too old: delete it from the cache so that it is fetched again"
                }
                Device::Cuda(_) => {
                    "CUDA and cuDNN of the versions that this ONNX Runtime was built for must be where the loader \
                     finds them (LD_LIBRARY_PATH); CPU training does not need them"
                }
            };
            Finding::bad(device.to_string(), error.to_string(), remedy)
        }
    }
}
