//! The examples for programs (`docs/programs.md`), run as they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use tandem_tests::lan::Lan;
use tandem_tests::site::Site;

use crate::founder;

const SHOP: &str = include_str!("../../../examples/programs/shop.sql");
const DOCS: &str = include_str!("../../../docs/programs.md");

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/programs").canonicalize().unwrap()
}

/// What a program prints; it must end well.
fn printed(mut command: Command) -> String {
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}; `./test` installs it"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The C# example, compiled beside the file that it reads.
fn compiled(site: &Site) -> PathBuf {
    let exe = site.path("Till.exe");
    std::fs::copy(examples().join("sale.json"), site.path("sale.json")).unwrap();
    let mut compiler = Command::new("mcs");
    compiler.arg("-r:System.Net.Http,System.Data,Mono.Data.Sqlite,System.Web.Extensions");
    compiler.arg(format!("-out:{}", exe.display())).arg(examples().join("Till.cs"));
    printed(compiler);
    exe
}

#[test]
fn the_examples_read_the_view_and_write_over_http_in_four_languages() {
    let lan = Lan::new();
    let office = founder(&lan, "office", SHOP);
    office.stop();
    office.start_with(&["--https", "127.0.0.1:7119"]);
    office.write(
        "INSERT INTO articles (code, name, price, stock) VALUES ('TEA', 'Thé', 2.5, 40), ('JAM', 'Confiture', 4, 9)",
    );
    let spaces = office.data().join("spaces");
    let space = std::fs::read_dir(spaces).unwrap().next().unwrap().unwrap().path();
    let view = space.join("view.sqlite");
    let exe = compiled(&office);
    let (mut tea, mut jam, mut number) = (40, 9, 0);
    for (language, program, file) in [
        ("python", "python3", examples().join("till.py")),
        ("php", "php", examples().join("till.php")),
        ("js", "node", examples().join("till.js")),
        ("csharp", "mono", exe),
    ] {
        let add = ["token", "add", language, "--right", "write", "--device", language];
        let token = office.tandem(&add).json()["token"].as_str().unwrap().to_owned();
        let mut command = office.host().command(Path::new(program));
        command.arg(file).arg(&view).args(["https://127.0.0.1:7119", &token, "school", language]);
        let told = printed(command);
        let (first, second) = (number + 1, number + 2);
        let expected = format!(
            "Confiture: {jam}\nThé: {tea}\ndone: FAC-1-{first:04}\nrefused: constraint_check\n\
             done: FAC-1-{second:04}\nrepeated: FAC-1-{first:04}\nConfiture: {}\nThé: {}\n",
            jam - 1,
            tea - 2
        );
        assert_eq!(told, expected, "{language}");
        (tea, jam, number) = (tea - 2, jam - 1, second);
    }
    let by = office.tandem(&["movements", "articles.stock", "--row", "TEA"]).json();
    let by: Vec<_> =
        by["movements"].as_array().unwrap().iter().filter_map(|one| one["by"].as_str()).collect();
    assert_eq!(by, ["python", "php", "js", "csharp"]);
    office.verify();
    office.stop();
}

#[test]
fn the_page_for_programs_shows_what_the_examples_say() {
    let files = ["ask.py", "till.py", "till.php", "till.js", "Till.cs", "sale.json", "shop.sql"];
    let all: String =
        files.iter().map(|file| std::fs::read_to_string(examples().join(file)).unwrap() + "\n").collect();
    let all: Vec<&str> = all.lines().map(str::trim).collect();
    let mut blocks = 0;
    for block in DOCS.split("```").skip(1).step_by(2) {
        let (language, code) = block.split_once('\n').unwrap();
        if !["python", "php", "js", "csharp", "sql"].contains(&language) {
            continue;
        }
        let code: Vec<&str> = code.trim_end().lines().map(str::trim).collect();
        assert!(all.windows(code.len()).any(|lines| lines == code), "not in the examples: {code:#?}");
        blocks += 1;
    }
    assert!(blocks >= 8, "{blocks}");
    for file in files {
        assert!(DOCS.contains(file), "{file}");
    }
}
