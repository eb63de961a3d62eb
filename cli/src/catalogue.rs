//! What the program asks of the catalogue of words.

fn is_there(key: &str) -> bool {
    tandem_words::keys().any(|known| known == key)
}

#[test]
fn every_text_the_program_asks_for_is_there() {
    let mut asked = 0;
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.ends_with("catalogue.rs") {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for (at, call) in source.match_indices("t!(") {
                let other_macro = source[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
                let inside = source[at + call.len()..].trim_start().strip_prefix('"');
                let Some(key) = inside.filter(|_| !other_macro).and_then(|rest| rest.split('"').next())
                else {
                    continue;
                };
                assert!(is_there(key), "{} asks for {key}", path.display());
                asked += 1;
            }
        }
    }
    assert!(asked > 50, "only {asked} found");
}

#[test]
fn every_command_and_argument_is_explained() {
    fn walk(command: &clap::Command, key: &str) {
        assert!(is_there(&format!("{key}.about")), "{key}");
        for argument in command.get_arguments() {
            let (own, shared) =
                (format!("{key}.{}", argument.get_id()), format!("help.{}", argument.get_id()));
            assert!(is_there(&own) || is_there(&shared), "{own}");
        }
        for sub in command.get_subcommands() {
            walk(sub, &format!("{key}.{}", sub.get_name()));
        }
    }
    let command = crate::arguments::command();
    walk(&command, "help");
    command.debug_assert();
}
