//! Breaks a rule on purpose, in a copy of the source, and lets the simulator, the hostile member, or
//! schemas grown apart find it.
//!
//! `cargo run --release -p tandem-tests --bin mutate` tries every mutation in `mutations.rs` and
//! prints the first seed that caught each; names given as arguments restrict it to those. It fails
//! if one is not caught, or no longer fits the source.

mod mutations;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use mutations::{HOSTILE, MUTATIONS, Mutation, SCHEMAS};

/// Who is to find a broken rule: a program of this package, how it is called, and how much that is.
struct Finder {
    program: &'static str,
    arguments: &'static [&'static str],
    tries: &'static str,
}

const SIMULATE: Finder =
    Finder { program: "simulate", arguments: &["--seeds", "100", "--no-shrink"], tries: "100 seeds" };
const ATTACK: Finder = Finder {
    program: "hostile",
    arguments: &["--ops", "3000", "--seed", "1"],
    tries: "3,000 ops of a hostile member",
};
const GROW: Finder = Finder {
    program: "schemas",
    arguments: &["--pairs", "3000", "--triples", "100"],
    tries: "3,000 pairs and 100 triples of schemas grown apart",
};

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let chosen: Vec<(&Mutation, &Finder)> = all()
        .filter(|(mutation, _)| wanted.is_empty() || wanted.iter().any(|name| name == mutation.name))
        .collect();
    if chosen.is_empty() {
        eprintln!("known mutations:");
        all().for_each(|(mutation, _)| eprintln!("  {:24} {}", mutation.name, mutation.breaks));
        return ExitCode::FAILURE;
    }
    let source = source();
    let scratch = source.join("target/mutations");
    let mut missed = 0;
    println!("| mutation | what it breaks | caught by seed | as |");
    println!("|---|---|---|---|");
    for (mutation, finder) in chosen {
        let verdict = tried(mutation, finder, &source, &scratch).unwrap_or_else(|problem| {
            missed += 1;
            format!("**not caught**: {problem} |")
        });
        println!("| {} | {} | {verdict} |", mutation.name, mutation.breaks);
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every mutation, and who is to find it.
fn all() -> impl Iterator<Item = (&'static Mutation, &'static Finder)> {
    let simulated = MUTATIONS.iter().map(|mutation| (mutation, &SIMULATE));
    let attacked = HOSTILE.iter().map(|mutation| (mutation, &ATTACK));
    simulated.chain(attacked).chain(SCHEMAS.iter().map(|mutation| (mutation, &GROW)))
}

/// The folder of the repository.
fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_owned)
}

/// A mutation's file in a tree, and its text with the rule broken.
fn broken(mutation: &Mutation, tree: &Path) -> Result<(PathBuf, String), String> {
    let file = tree.join(mutation.file);
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    if text.matches(mutation.old).count() != 1 {
        return Err(format!("{} does not hold exactly once: {}", mutation.file, mutation.old));
    }
    Ok((file, text.replace(mutation.old, mutation.new)))
}

/// The seed that caught a mutation, and what the simulator said.
fn tried(mutation: &Mutation, finder: &Finder, source: &Path, scratch: &Path) -> Result<String, String> {
    let tree = scratch.join("source");
    copy(source, &tree)?;
    let (file, text) = broken(mutation, &tree)?;
    std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    let build = scratch.join("build");
    run(Command::new(env!("CARGO"))
        .args([
            "build",
            "--profile",
            "mutations",
            "--quiet",
            "--locked",
            "--package",
            "tandem-tests",
            "--bin",
            finder.program,
        ])
        .arg("--target-dir")
        .arg(&build)
        .env("RUSTFLAGS", "--cap-lints=allow")
        .current_dir(&tree))?;
    let output = Command::new(build.join("mutations").join(finder.program))
        .args(finder.arguments)
        .current_dir(&tree)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{} could not be run: {error}", finder.program))?;
    if output.status.success() {
        return Err(format!("{} passed", finder.tries));
    }
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let seed = said.rsplit("--seed ").next().and_then(|rest| rest.split_whitespace().next());
    let seed = seed.filter(|seed| seed.parse::<u64>().is_ok()).ok_or("no seed was named")?;
    let reason = said.lines().find_map(|line| line.split("BROKEN: ").nth(1)).unwrap_or("a panic");
    let reason: String = reason.chars().take(80).collect();
    Ok(format!("{seed} | {}", reason.replace('|', "\\|")))
}

/// What git tracks and what is new, as it lies in the work tree; only what changed is written, so
/// that little is built again.
fn copy(source: &Path, tree: &Path) -> Result<(), String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(source)
        .output()
        .map_err(|error| format!("git: {error}"))?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    forget(tree, &listed.lines().map(|name| tree.join(name)).collect())?;
    for name in listed.lines() {
        let (from, to) = (source.join(name), tree.join(name));
        let Ok(content) = std::fs::read(&from) else { continue };
        if std::fs::read(&to).is_ok_and(|there| there == content) {
            continue;
        }
        let written = to.parent().map_or(Ok(()), std::fs::create_dir_all);
        written.and_then(|()| std::fs::write(&to, content)).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// Removes from an older copy what is in the source no longer.
fn forget(folder: &Path, kept: &BTreeSet<PathBuf>) -> Result<(), String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.is_dir() {
            forget(&path, kept)?;
        } else if !kept.contains(&path) {
            std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("it does not build: {}", String::from_utf8_lossy(&output.stderr)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// To build and try them all takes long. That none has been left behind by the source is seen at once.
    #[test]
    fn every_mutation_fits_the_source() {
        let behind: Vec<String> =
            all().filter_map(|(mutation, _)| broken(mutation, &source()).err()).collect();
        assert_eq!(behind, [""; 0]);
    }
}
