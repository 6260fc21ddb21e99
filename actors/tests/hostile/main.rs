//! Node processes on real sockets, among friends and among enemies.
//!
//! A process can be one node only, so this program starts itself again for each node (`node`), drives it by lines on its
//! standard input and hears it by lines on its standard output. `cargo test --test hostile siege` runs the scenarios
//! whose names contain `siege`.

#![expect(clippy::print_stdout, reason = "the program reports as test programs do")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "it is a test")]

mod attack;
mod friends;
mod handle;
mod node;
mod siege;

/// A scenario and its name.
type Scenario = (&'static str, fn());

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == node::ROLE) {
        return node::run(&arguments[1..]);
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with("--"));
    let scenarios = friends::SCENARIOS.iter().chain(siege::SCENARIOS);
    for (name, scenario) in
        scenarios.filter(|(name, _)| filter.is_none_or(|filter| name.contains(filter.as_str())))
    {
        println!("scenario {name} ...");
        scenario();
        println!("scenario {name} ... ok");
    }
}
