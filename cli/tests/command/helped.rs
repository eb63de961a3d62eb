//! Help, in both languages.

use crate::program::{Program, assert_snapshot};

#[test]
fn help_speaks_both_languages() {
    let program = Program::new();
    for lang in ["en", "fr"] {
        for (name, words) in
            [("help", vec!["--help"]), ("help_sql", vec!["sql", "--help"]), ("help_log", vec!["log", "-h"])]
        {
            let run = program.run(&[&["--lang", lang], &words[..]].concat());
            assert_eq!((run.code, run.err.as_str()), (0, ""), "{words:?}");
            // On Windows the program's own name ends in .exe.
            assert_snapshot(&format!("{name}_{lang}"), &run.out.replace("tandem.exe", "tandem"));
        }
    }
}

#[test]
fn the_language_follows_the_system() {
    let program = Program::new();
    for (environment, french) in [
        (vec![("LC_ALL", "fr_CH.UTF-8")], true),
        (vec![("LC_ALL", ""), ("LANG", "fr_FR")], true),
        (vec![("LC_ALL", "fr_FR.UTF-8"), ("TANDEM_LANG", "en")], false),
        (vec![("LC_ALL", "de_DE.UTF-8")], false),
    ] {
        let run = program.run_with(&["status"], &environment);
        assert_eq!(run.err.starts_with("Erreur :"), french, "{environment:?}: {run:?}");
    }
}

#[test]
fn completions_know_the_verbs() {
    let program = Program::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = program.run(&["completions", shell]);
        assert_eq!(run.code, 0);
        assert!(run.out.contains("bundle") && run.out.contains("completions"), "{shell}");
    }
    assert_eq!(program.run(&["completions", "dos"]).code, 2);
}
