//! Where settings come from.

use crate::program::{Program, assert_snapshot};

#[test]
fn each_setting_names_its_origin() {
    let program = Program::new();
    std::fs::create_dir_all(program.data()).unwrap();
    std::fs::write(program.data().join("tandem.toml"), "mdns = false\npeers = [\"192.168.1.20\"]\n").unwrap();
    for lang in ["en", "fr"] {
        let run = program.run_with(&["--lang", lang, "config"], &[("TANDEM_HTTP", "127.0.0.1:9")]);
        assert_eq!(run.code, 0, "{run:?}");
        let data = program.data().display().to_string();
        let text = run.out.lines().map(|line| {
            // The folder is another one in every run, and as wide as it is.
            let line = line.replace(&data, "FOLDER");
            line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n"
        });
        assert_snapshot(&format!("config_{lang}"), &text.collect::<String>());
    }
    let json = program.json(&["config"]);
    assert_eq!(json["mdns"], serde_json::json!({ "value": false, "origin": "file" }));
    assert_eq!(json["data"]["origin"], "environment");
    assert_eq!(json["http"]["origin"], "default");
}

#[test]
fn a_wrong_file_is_a_usage_error_that_names_the_line() {
    let program = Program::new();
    std::fs::create_dir_all(program.data()).unwrap();
    std::fs::write(program.data().join("tandem.toml"), "mdns = false\nhtpp = \"x\"\n").unwrap();
    let run = program.run(&["status"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("tandem.toml") && run.err.contains("line 2"), "{run:?}");
}

#[test]
fn a_text_without_quotes_is_told_how_it_is_written() {
    let program = Program::new();
    std::fs::create_dir_all(program.data()).unwrap();
    std::fs::write(program.data().join("tandem.toml"), "mdns = false\nlang = fr\n").unwrap();
    for (lang, told) in [
        (
            "en",
            "tandem.toml, line 2: lang = fr must be written lang = \"fr\"; a text stands in straight quotes.",
        ),
        (
            "fr",
            "tandem.toml, ligne 2 : lang = fr doit s'écrire lang = \"fr\" ; un texte se met entre guillemets droits.",
        ),
    ] {
        let run = program.run(&["--lang", lang, "status"]);
        assert!(run.code == 2 && run.err.contains(told), "{run:?}");
    }
    std::fs::write(program.data().join("tandem.toml"), "langue = \"fr\"\n").unwrap();
    let run = program.run(&["--lang", "fr", "status"]);
    assert!(run.err.contains("ligne 1 : il n'y a pas d'entrée langue ; il y a : http, https"), "{run:?}");
}
