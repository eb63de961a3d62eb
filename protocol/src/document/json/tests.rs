use proptest::prelude::*;

use super::*;

pub(in super::super) fn values() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Boolean),
        any::<i64>().prop_map(Json::Integer),
        any::<f64>().prop_map(Json::real),
        (-3i64..3).prop_map(Json::Integer),
        ".{0,6}".prop_map(Json::Text),
    ];
    scalar.prop_recursive(4, 30, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::List),
            prop::collection::btree_map("[a-c]|.{0,2}", inner, 0..5).prop_map(Json::Object),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_json_is_canonical(value in values()) {
        let text = value.to_text();
        prop_assert_eq!(&canonical_json(&text).unwrap(), &text);
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(canonical_json(&serde_json::to_string_pretty(&parsed).unwrap()).is_ok(), true);
    }

    #[test]
    fn no_text_makes_the_json_reader_panic(text in r#"([\[\]{}:,"\\]|-?[0-9.eE+]{0,4}|null|\\u[dD]?[0-9a-f]{2,4}|.){0,20}"#) {
        if let Ok(canonical) = canonical_json(&text) {
            prop_assert_eq!(&canonical_json(&canonical).unwrap(), &canonical);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }
}

#[test]
fn json_is_read_strictly() {
    let canonical = |text| canonical_json(text).unwrap();
    assert_eq!(
        canonical(" { \"b\" : [1 , 2.50, -0.0, 1e2] ,\n \"a\":\"\\u00e9\\ud83d\\ude00\\/\\n\" } "),
        "{\"a\":\"é😀/\\n\",\"b\":[1,2.5,0.0,100.0]}"
    );
    assert_eq!(canonical("-9223372036854775808"), "-9223372036854775808");
    assert_eq!(canonical("1e300"), "1e+300");
    for (text, message) in [
        ("", "json_ends (wanted: json_value) at character 1"),
        ("[1,]", "json_found (found: ']', wanted: json_value) at character 4"),
        ("{\"é\":1 \"b\":2}", "json_found (found: '\"', wanted: `,` `}`) at character 8"),
        ("{a:1}", "json_found (found: 'a', wanted: json_key) at character 2"),
        ("[9223372036854775808]", "json_number at character 2"),
        ("1e999", "json_number at character 1"),
        ("{\"a\":1,\"\\u0061\":2}", "json_twice (key: \"a\") at character 8"),
        ("01", "json_leading_zero at character 2"),
        ("1.", "json_ends (wanted: json_digit) at character 3"),
        ("\"\\x\"", "json_escape at character 2"),
        ("\"\\ud800\"", "json_escape at character 2"),
        ("\"a\nb\"", "json_control at character 3"),
        ("1 2", "json_more at character 3"),
        ("NaN", "json_found (found: 'N', wanted: json_value) at character 1"),
    ] {
        assert_eq!(canonical_json(text).unwrap_err().to_string(), message, "{text}");
    }
    let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(canonical(&deep(bounds::JSON_DEPTH)), deep(bounds::JSON_DEPTH));
    assert!(canonical_json(&deep(bounds::JSON_DEPTH + 1)).is_err());
    assert!(canonical_json(&"[".repeat(1_000_000)).is_err());
}
