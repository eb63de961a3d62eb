//! Tills that sell offline and send what they sold together: each sale by itself, none twice, each shop
//! for itself.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::{Value, json};
use tandem_tests::lan::{Host, Lan};
use tandem_tests::site::Site;

use crate::founder;

const SHOP: &str = include_str!("../../../examples/programs/shop.sql");
const PORT: u16 = 7119;

/// A till: a program on a PC of its own, which knows an address and has a token.
struct Till {
    host: Arc<Host>,
    url: String,
    token: String,
}

impl Till {
    /// What the node answers: status and JSON; or what the program says where it does not ask.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<(u64, Value), String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/programs/ask.py");
        let mut command = self.host.command(Path::new("python3"));
        command.arg(file).args([&self.url, &self.token, method, path]).env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut asking = command.spawn().unwrap();
        let text = if body.is_null() { String::new() } else { body.to_string() };
        asking.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = asking.wait_with_output().unwrap();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        Ok((told["status"].as_u64().unwrap(), told["answer"].clone()))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask("GET", path, &Value::Null).unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    #[track_caller]
    fn batch(&self, sales: &Value) -> Value {
        let (status, answer) = self.ask("POST", "/v1/spaces/school/batch", sales).unwrap();
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

/// A token for a space of that site.
fn token(site: &Site, space: &str, device: &str) -> String {
    let add = ["--space", space, "token", "add", device, "--right", "write", "--device", device];
    site.tandem(&add).json()["token"].as_str().unwrap().to_owned()
}

/// A sale as a till keeps it until it is sent: with a number of its own, or none.
fn sale(key: &str, number: Option<&str>, lines: &[(&str, i64)]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(article, quantity)| json!({ "article": article, "quantity": quantity, "price": 25_000.0 }))
        .collect();
    let lines = json!({ "lines": Value::Array(lines).to_string() });
    let first = match number {
        Some(number) => json!({
            "sql": "INSERT INTO sales (number, mode) VALUES (:number, 'CASH') RETURNING id, number",
            "params": { "number": number },
        }),
        None => json!("INSERT INTO sales (mode) VALUES ('CASH') RETURNING id, number"),
    };
    json!({
        "key": key,
        "message": key,
        "statements": [
            first,
            { "sql": "INSERT INTO sale_lines (sale, article, quantity, price) SELECT last_insert_rowid(), \
                value ->> 'article', value ->> 'quantity', value ->> 'price' FROM json_each(:lines)", "params": lines },
            { "sql": "UPDATE articles SET stock = stock - (SELECT sum(value ->> 'quantity') FROM json_each(:lines) \
                WHERE value ->> 'article' = code) WHERE code IN (SELECT value ->> 'article' FROM json_each(:lines))",
              "params": lines },
        ],
    })
}

/// What became of each: its status, or why it was refused.
fn told(answer: &Value) -> Vec<String> {
    let results = answer["results"].as_array().unwrap().iter();
    let told = results.map(|result| result["error"]["code"].as_str().or(result["status"].as_str()).unwrap());
    told.map(str::to_owned).collect()
}

/// A PC with two shops, and the address at which tills reach it.
fn two_shops(lan: &Arc<Lan>) -> (Site, String) {
    let office = founder(lan, "office", SHOP);
    let shop = json!({ "name": "other", "site_name": "office", "schema": SHOP });
    assert_eq!(office.http(|http| http.post("/v1/spaces", &shop)).unwrap().0, 201);
    office.stop();
    let address = format!("{}:{PORT}", office.host().address());
    office.start_with(&["--https", &address]);
    let stocks = "INSERT INTO articles (code, name, price, stock) VALUES ('15', 'Riz', 25000, 40), ('18', 'Huile', 75000, 5)";
    office.tandem(&["--space", "school", "sql", stocks]).succeeded();
    office.tandem(&["--space", "other", "sql", stocks]).succeeded();
    (office, address)
}

/// What a till sold offline, and what is to become of each sale.
fn sold_offline() -> (Value, [&'static str; 9]) {
    let bill = Some("FAC-20241104-001");
    let misspelled = json!({ "sql": "INSERT INTO sales (mode) VALUES (:mode)", "params": { "mod": "CASH" } });
    let sales = [
        (sale("vente 1", bill, &[("15", 2), ("18", 1)]), "done"),
        (sale("vente 2", None, &[("15", 1)]), "done"),
        (sale("vente 3", None, &[("15", 1), ("99", 1)]), "constraint_foreign_key"),
        (sale("vente 4", None, &[("18", 1000)]), "constraint_check"),
        (sale("vente 5", bill, &[("15", 1)]), "constraint_unique"),
        (sale("vente 1", bill, &[("15", 2), ("18", 1)]), "repeated"),
        (sale("vente 1", None, &[("15", 7)]), "idempotency_key_reused"),
        (json!({ "key": "vente 6", "statements": [misspelled] }), "parameter_missing"),
        (sale("vente 7", None, &[("18", 2)]), "done"),
    ];
    (sales.iter().map(|(sale, _)| sale.clone()).collect(), sales.map(|(_, becomes)| becomes))
}

/// What the statement of a sale returned.
fn row(answer: &Value, at: usize) -> Value {
    answer["results"][at]["results"][0]["rows"][0].clone()
}

fn assert_each_sale_is_answered_by_itself(answer: &Value, expected: [&str; 9]) {
    assert_eq!(told(answer), expected, "{answer}");
    assert_eq!(row(answer, 5), row(answer, 0), "already there, with its id");
    assert_eq!(row(answer, 0)[1], "FAC-20241104-001");
    // Numbers are made where there are none, and what was refused has used up none.
    assert_eq!((&row(answer, 1)[1], &row(answer, 8)[1]), (&json!("FAC-1-0001"), &json!("FAC-1-0002")));
    let refused = &answer["results"][2]["error"];
    assert!(
        refused["detail"].as_str().unwrap().contains("Rien n'a été changé"),
        "in its language: {refused}"
    );
}

/// Sent again as a whole, each sale is there once.
fn assert_nothing_happens_twice(office: &Site, first: &Value, again: &Value) {
    let done = told(again).iter().filter(|told| *told == "done").count();
    assert_eq!((done, &again["repeated"]), (0, &json!(4)), "{again}");
    assert_eq!(row(again, 0), row(first, 0));
    let counted = "SELECT (SELECT count(*) FROM sales), (SELECT count(*) FROM sale_lines), \
        (SELECT group_concat(code || '=' || stock, ' ') FROM articles)";
    let counted = office.tandem(&["--space", "school", "sql", counted]).json()["rows"][0].clone();
    assert_eq!(counted, json!([3, 4, "15=37 18=2"]));
}

/// Each movement: who, which document, before and after.
fn assert_movements_are_told(till: &Till) {
    let page = till.get("/v1/spaces/school/movements?table=articles&column=stock&key=15");
    let told = |one: &Value| json!([one["by"], one["message"], one["delta"], one["before"], one["after"]]);
    let shown: Vec<Value> = page["movements"].as_array().unwrap().iter().map(told).collect();
    let expected = [
        json!([null, null, 40, null, 40]),
        json!(["caisse 1", "vente 1", -2, 40, 38]),
        json!(["caisse 1", "vente 2", -1, 38, 37]),
    ];
    assert_eq!(shown, expected);
}

/// Asks a space for its stock.
fn asked(till: &Till, space: &str) -> (u64, Value) {
    let query = json!({ "sql": "SELECT sum(stock) FROM articles" });
    till.ask("POST", &format!("/v1/spaces/{space}/queries"), &query).unwrap()
}

/// The other shop on the same PC: its own, and nothing of this one.
fn assert_each_sees_its_own_shop(one: &Till, other: &Till) {
    assert_eq!(asked(other, "other").1["rows"], json!([[45]]));
    for (till, space) in [(one, "other"), (other, "school"), (one, "nobody")] {
        let (status, problem) = asked(till, space);
        assert_eq!((status, &problem["code"]), (403, &json!("token_other_space")), "{space}");
    }
    let (status, problem) = other.ask("GET", "/v1/status", &Value::Null).unwrap();
    assert_eq!((status, &problem["code"]), (403, &json!("token_of_space")));
}

#[test]
fn a_tills_batch_creates_each_sale_once_refuses_each_bad_one_alone_and_sees_no_other_shop() {
    let lan = Lan::new();
    let (office, address) = two_shops(&lan);
    let host = lan.host();
    let till = |token: String| Till { host: host.clone(), url: format!("https://{address}"), token };
    let one = till(token(&office, "school", "caisse 1"));
    let other = till(token(&office, "other", "caisse 9"));

    let (sales, expected) = sold_offline();
    let answer = one.batch(&sales);
    assert_each_sale_is_answered_by_itself(&answer, expected);

    // The answer was lost, and so was the node: the till sends all of it again.
    office.kill();
    office.start_with(&["--https", &address]);
    assert_nothing_happens_twice(&office, &answer, &one.batch(&sales));
    assert_movements_are_told(&one);
    assert_each_sees_its_own_shop(&one, &other);

    // A PC that took the address is not told the token, and a till that was lost gets in no more.
    let (secret, fingerprint) = one.token.split_once('.').unwrap();
    let impostor = till(format!("{secret}.{}", fingerprint.replace(['0', '1', '2'], "3")));
    assert!(impostor.ask("GET", "/healthz", &Value::Null).unwrap_err().contains("not the node"));
    office.tandem(&["token", "revoke", "caisse 1"]).succeeded();
    let (status, problem) = asked(&one, "school");
    assert_eq!((status, &problem["code"]), (401, &json!("unauthorized")), "{problem}");
    assert_eq!(asked(&other, "other").0, 200);
    office.stop();
}
