use proptest::prelude::*;

use super::*;
use crate::value::Value;

fn column() -> Node {
    Node::Column(ColumnId([1; 16]))
}

fn judged(nodes: Vec<Node>, purpose: Use) -> Result<(), ExpressionFault> {
    Expression::new(nodes).judge(Judge::default(), purpose)
}

fn nodes() -> impl Strategy<Value = Node> {
    let operators = prop::sample::select(vec![
        Operator::Not,
        Operator::Add,
        Operator::And,
        Operator::In,
        Operator::Case,
        Operator::CaseOf,
        Operator::Like,
        Operator::Between,
    ]);
    let functions =
        prop::sample::select(vec!["abs", "coalesce", "uuid7", "random", "nosuch", "x');DROP TABLE t--"]);
    prop_oneof![
        4 => crate::value::tests::values().prop_map(|value| Node::of_value(&value)),
        4 => Just(column()),
        3 => (operators, 0u16..5).prop_map(|(operator, operands)| Node::Apply(operator, operands)),
        2 => (functions, 0u16..4).prop_map(|(name, operands)| Node::Call(name.to_owned(), operands)),
        1 => prop::collection::vec(any::<u8>(), 0..6)
            .prop_map(|bytes| crate::codec::decode(&crate::codec::encode(&bytes), "constant").map_or_else(|_| column(), Node::Literal)),
    ]
}

proptest! {
    /// Whatever nodes arrive: no panic, and what is sound is rendered with every bracket closed.
    #[test]
    fn any_nodes_are_judged(nodes in prop::collection::vec(nodes(), 0..40)) {
        let expression = Expression::new(nodes);
        let sound = expression.judge(Judge::default(), Use::Check).is_ok();
        let unknown = expression.unknown_function(Judge::default()).is_some();
        if let Some(sql) = expression.render(Style::Sql, &|_| Some("c".into()))
            && sound
            && !unknown
        {
            let count = |char| sql.chars().filter(|one| *one == char).count();
            prop_assert!(count('\'') % 2 == 0);
            prop_assert!(!sql.contains("DROP") || sql.contains('\''));
        }
    }
}

#[test]
fn only_whole_trees_within_bounds_are_sound() {
    assert_eq!(judged(vec![column()], Use::Check), Ok(()));
    assert_eq!(judged(vec![], Use::Check), Err(ExpressionFault::Shape));
    assert_eq!(judged(vec![column(), column()], Use::Check), Err(ExpressionFault::Shape));
    assert_eq!(judged(vec![Node::Apply(Operator::Not, 1)], Use::Check), Err(ExpressionFault::Shape));
    let of_operands = |operator, count| {
        let mut nodes = vec![Node::Apply(operator, count)];
        nodes.extend((0..count).map(|_| column()));
        judged(nodes, Use::Check)
    };
    for (operator, sound, faulty) in [
        (Operator::Not, vec![1], vec![0, 2]),
        (Operator::Add, vec![2], vec![1, 3]),
        (Operator::And, vec![2, 3, 499], vec![0, 1]),
        (Operator::Like, vec![2, 3], vec![1, 4]),
        (Operator::Between, vec![3], vec![2, 4]),
        (Operator::CaseOf, vec![3, 4], vec![2]),
        (Operator::In, vec![2, 9], vec![1]),
    ] {
        sound
            .into_iter()
            .for_each(|count| assert_eq!(of_operands(operator, count), Ok(()), "{operator:?} {count}"));
        faulty
            .into_iter()
            .for_each(|count| assert!(of_operands(operator, count).is_err(), "{operator:?} {count}"));
    }
    assert_eq!(of_operands(Operator::And, 500), Err(ExpressionFault::TooLarge));
    let nested = |depth: usize| {
        let mut nodes = vec![Node::Apply(Operator::Not, 1); depth];
        nodes.push(column());
        judged(nodes, Use::Check)
    };
    assert_eq!(
        (nested(bounds::EXPRESSION_DEPTH - 1), nested(bounds::EXPRESSION_DEPTH)),
        (Ok(()), Err(ExpressionFault::TooDeep))
    );
}

#[test]
fn an_older_program_waits_for_a_function_and_does_not_call_it_a_fault() {
    let nodes = vec![Node::Call("instr".into(), 2), column(), column()];
    let expression = Expression::new(nodes);
    for (judge, unknown) in [(Judge::default(), None), (Judge::older(), Some("instr"))] {
        assert_eq!(expression.judge(judge, Use::Check), Ok(()));
        assert_eq!(expression.unknown_function(judge), unknown);
    }
    let faulty = Expression::new(vec![Node::Call("instr".into(), 1), column()]);
    assert!(faulty.judge(Judge::default(), Use::Check).is_err());
    assert_eq!(faulty.judge(Judge::older(), Use::Check), Ok(()), "what is not known is not judged");
}

#[test]
fn a_site_number_is_all_of_a_default() {
    let text = |text: &str| Node::of_value(&Value::Text(text.into()));
    let call = || Node::Call("site_number".into(), 1);
    let judged = |nodes: Vec<Node>, purpose| Expression::new(nodes).judge(Judge::default(), purpose);
    let sound = Expression::new(vec![call(), text("FAC-")]);
    assert_eq!(sound.judge(Judge::default(), Use::Default), Ok(()));
    assert_eq!(sound.site_number().as_deref(), Some("FAC-"));
    assert!(sound.judge(Judge::default(), Use::Check).is_err());
    assert_eq!(sound.judge(Judge::older(), Use::Default), Ok(()), "what is not known is not judged");
    for nodes in [
        vec![Node::Call("upper".into(), 1), call(), text("FAC-")],
        vec![call(), Node::of_value(&Value::Integer(1))],
        vec![call(), Node::Call("random".into(), 0)],
        vec![call(), text(&"x".repeat(41))],
    ] {
        assert_eq!(judged(nodes, Use::Default), Err(ExpressionFault::Number));
    }
}
