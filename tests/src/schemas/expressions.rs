//! Expressions as people would type them in a CHECK or a DEFAULT, and as they would not.

use crate::random::Random;

/// The function that an older program does not know ([`tandem_protocol::schema::Judge::older`]).
pub const NEWEST: &str = "instr";

const LITERALS: [&str; 14] = [
    "0",
    "1",
    "-7",
    "2.5",
    "9223372036854775807",
    "-9223372036854775808",
    "1e300",
    "''",
    "'a'",
    "'%_'",
    "'{\"a\":[1]}'",
    "x'00ff'",
    "NULL",
    "TRUE",
];

/// What every site must answer alike, over these columns.
pub fn check(random: &mut Random, columns: &[String]) -> String {
    match random.below(6) {
        0 => format!("{NEWEST}({}, 'a') < {}", part(random, columns, 2), random.below(4)),
        1 => format!("length(coalesce({}, '')) < {}", part(random, columns, 1), 5 + random.below(4)),
        _ => part(random, columns, 4),
    }
}

/// What the site that inserts computes.
pub fn default(random: &mut Random) -> String {
    match random.below(6) {
        0 => format!("({NEWEST}('abc', '{}'))", random.pick(&["a", "c", "x"])),
        1 => random.pick(&["(now())", "(uuid7())", "(CURRENT_DATE)", "(random())"]).to_string(),
        2 => "(lower(hex(randomblob(4))))".to_owned(),
        3 => "(strftime('%Y', 'now'))".to_owned(),
        _ => format!("({})", part(random, &[], 3)),
    }
}

fn part(random: &mut Random, columns: &[String], depth: u64) -> String {
    if depth == 0 || random.one_in(5) {
        return match columns.is_empty() || random.one_in(3) {
            true => (*random.pick(&LITERALS)).to_owned(),
            false => random.pick(columns).clone(),
        };
    }
    let one = |random: &mut Random| part(random, columns, depth - 1);
    let (a, b, c) = (one(random), one(random), one(random));
    match random.below(30) {
        0 => format!("{a} + {b}"),
        1 => format!("({a}) - ({b})"),
        2 => format!("({a}) * ({b})"),
        3 => format!("({a}) / ({b})"),
        4 => format!("({a}) % ({b})"),
        5 => format!("({a}) = ({b})"),
        6 => format!("({a}) <> ({b})"),
        7 => format!("({a}) < ({b})"),
        8 => format!("({a}) >= ({b})"),
        9 => format!("({a}) IS ({b})"),
        10 => format!("({a}) IS NOT NULL OR ({b})"),
        11 => format!("({a}) AND ({b}) AND ({c})"),
        12 => format!("({a}) || ({b}) || ({c})"),
        13 => format!("({a}) BETWEEN ({b}) AND ({c})"),
        14 => format!("({a}) NOT IN (({b}), ({c}))"),
        15 => format!("({a}) LIKE ({b})"),
        16 => format!("({a}) LIKE ({b}) ESCAPE ({c})"),
        17 => format!("({a}) GLOB ({b})"),
        18 => format!("CASE WHEN ({a}) THEN ({b}) ELSE ({c}) END"),
        19 => format!("CASE ({a}) WHEN ({b}) THEN ({c}) END"),
        20 => format!("CAST(({a}) AS {})", random.pick(&["INTEGER", "REAL", "TEXT"])),
        21 => format!("- ({a})"),
        22 => format!("NOT ({a})"),
        23 => format!("{}({a})", random.pick(&["abs", "length", "lower", "typeof", "unicode", "trim"])),
        24 => {
            format!("{}(({a}), ({b}))", random.pick(&["ifnull", "nullif", "max", "min", "substr", "round"]))
        }
        25 => format!("{}(({a}), ({b}), ({c}))", random.pick(&["replace", "iif", "coalesce"])),
        26 => format!("json_extract({a}, '$.a')"),
        27 => format!("json_valid({a})"),
        28 => format!("({a}) IS NOT TRUE"),
        _ => format!("sign({a})"),
    }
}
