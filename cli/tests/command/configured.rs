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
