//! Functions: calls and results in WAVE, resources, and limits.

use super::{ask, config, fault, not_understood, start, subject};
use sandlab_runtime::subject::{Kind, Options};
use sandlab_runtime::{Agent, CallError, Cause};

fn call(agent: &mut dyn Agent, text: &str) -> Result<String, CallError> {
    ask(agent, text).map(|reply| String::from_utf8(reply).unwrap())
}

#[test]
fn every_type_goes_in_and_out() {
    let mut functions = start("functions", &config());
    for (text, result) in [
        ("double(21)", "42"),
        ("test:shapes/shapes@1.2.0.move({x: 1, y: -2}, (10, 20))", "{x: 11, y: 18}"),
        ("test:shapes/shapes.area(circle(2.0))", "ok(12)"),
        ("shapes.area(polygon([{x: 0, y: 0}, {x: 1, y: 1}]))", r#"err("2 corners")"#),
        ("area(nothing)", "ok(0)"),
        (r#"first(["a", "b"], none)"#, r#"some("a")"#),
        (r#"first([], some("z"))"#, r#"some("z")"#),
        ("first([])", "none"),
        ("paint(green, {bold})", r#""bold green""#),
        ("double(21)", "42"),
    ] {
        assert_eq!(call(&mut *functions, text).unwrap(), result, "{text}");
    }
}

#[test]
fn resources_live_from_call_to_call() {
    let mut functions = start("functions", &config());
    let mut call = |text| call(&mut *functions, text);
    assert_eq!(call("counter(5)").unwrap(), "handle(1)");
    assert_eq!(call("counter.add(handle(1), 2)").unwrap(), "7");
    assert_eq!(call("counter.add(handle(1), 2)").unwrap(), "9");
    assert_eq!(call("pair()").unwrap(), "(handle(2), handle(3))");
    assert_eq!(call("sum(handle(1), handle(3))").unwrap(), "11");
    // Both are given away, and so are gone.
    assert_eq!(call("counter.merge(handle(1), handle(2))").unwrap(), "handle(1)");
    assert_eq!(call("counter.add(handle(1), 0)").unwrap(), "10");
    let gone = not_understood(call("counter.add(handle(2), 0)"));
    assert!(gone.contains("no handle(2)"), "{gone}");
    assert_eq!(call("drop(handle(3))").unwrap(), "()");
    assert!(not_understood(call("drop(handle(3))")).contains("no handle(3)"));
}

#[test]
fn resources_stand_inside_of_other_values_too() {
    let mut functions = start("functions", &config());
    let mut call = |text| call(&mut *functions, text);
    for text in ["counter(1)", "counter(20)", "counter(300)"] {
        call(text).unwrap();
    }
    let total = r#"total([handle(1), handle(2), handle(1)], [{name: "x", counter: handle(3)}])"#;
    assert_eq!(call(total).unwrap(), "322");
    // The record had it to give away, and the list only lent its own.
    assert!(not_understood(call("counter.add(handle(3), 1)")).contains("no handle(3)"));
    assert_eq!(call("counter.add(handle(2), 1)").unwrap(), "21");
    let twice = not_understood(call("counter.merge(handle(1), handle(1))"));
    assert!(twice.contains("handle(1) is given away"), "{twice}");
    assert_eq!(call("counter.add(handle(1), 1)").unwrap(), "2");
}

#[test]
fn a_stated_result_has_to_be_one_that_the_function_can_have() {
    let subject = subject("functions", &config(), &Options::default());
    let check = |call: &str, result| subject.check_result(call.as_bytes(), result);
    for (call, result) in [
        ("double(1)", "2"),
        ("area(nothing)", "ok(0.0)"),
        ("area(nothing)", "0"),
        ("pair()", "(handle(1), handle(2))"),
        ("spin()", "()"),
        ("drop(handle(1))", "()"),
    ] {
        assert_eq!(check(call, result), Ok(()), "{call}");
    }
    for (call, result, told) in [
        ("double(1)", "two", "the result is two, expected u64"),
        ("area(nothing)", "ok(\"x\")", "the result, at ok, is \"x\", expected f64"),
        ("area(nothing)", "ok(", "the result"),
        ("spin()", "1", "expected ()"),
    ] {
        let error = check(call, result).unwrap_err();
        assert!(error.contains(told), "{call} {result}: {error}");
    }
}

#[test]
fn calls_that_drop_what_they_made_can_be_repeated() {
    let mut functions = start("functions", &config());
    for _ in 0..3 {
        for (text, result) in [
            ("counter(5)", "handle(1)"),
            ("counter(6)", "handle(2)"),
            ("drop(handle(1))", "()"),
            ("counter(7)", "handle(1)"),
            ("sum(handle(1), handle(2))", "13"),
            ("drop(handle(2))", "()"),
            ("drop(handle(1))", "()"),
        ] {
            assert_eq!(call(&mut *functions, text).unwrap(), result, "{text}");
        }
    }
}

#[test]
fn a_call_that_does_not_fit_says_which_argument_and_what_type() {
    let mut functions = start("functions", &config());
    for (text, told) in [
        ("double(x)", &["argument 1 `n` is x", "expected u64", "double: func(n: u64) -> u64"][..]),
        ("double()", &["argument 1 `n` is missing", "u64"]),
        ("double(1, 2)", &["2 arguments, where it takes 1"]),
        ("shapes.move({x: 1}, (1, 2))", &["argument 1 `p` is {x: 1}", "record { x: s32, y: s32 }"]),
        (
            "shapes.move({x: 1, y: 2, z: 3}, (1, 2))",
            &["argument 1 `p` is {x: 1, y: 2, z: 3}", "no field `z`; there are x, y"],
        ),
        (
            "area(polygon([{x: 0, y: 0}, {x: 0, y: a}]))",
            &["argument 1 `s`, at polygon[1].y, is a, expected s32"],
        ),
        ("area(square)", &["there is no case `square`; there are circle, polygon, nothing"]),
        ("paint(blue, {})", &["argument 1 `c` is blue", "there are red, green"]),
        ("paint(red, {bald})", &["no flag `bald`; there are bold, italic"]),
        ("total([handle(1), 2], [])", &["argument 1 `of`, at [1], is 2, expected a resource"]),
        ("nothing(1)", &["no function `nothing`", "test:shapes/shapes@1.2.0.area"]),
        ("double", &["no arguments"]),
        ("double(1", &["double"]),
        ("counter.add(1, 2)", &["argument 1 `self`", "a resource"]),
    ] {
        let error = not_understood(call(&mut *functions, text));
        for told in told {
            assert!(error.contains(told), "{text}: {error}");
        }
    }
    assert_eq!(call(&mut *functions, "double(1)").unwrap(), "2");
}

#[test]
fn limits_and_faults_are_those_of_every_sandbox() {
    let mut config = config();
    config.memory_limit = bytesize::ByteSize::mib(8);
    let fault_of = |text| fault(call(&mut *start("functions", &config), text));
    assert!(matches!(fault_of("grow(16000000)").cause, Cause::OutOfMemory { .. }));
    assert_eq!(fault_of("spin()"), Cause::Deadline(config.deadline));
    assert_eq!(fault_of(r#"fail("on purpose")"#), Cause::Panic("on purpose".into()));
}

#[test]
fn the_functions_are_listed_with_their_types_and_a_call_that_works() {
    let subject = subject("functions", &config(), &Options::default());
    assert_eq!(subject.kind, Kind::Function);
    let functions = subject.functions().to_vec();
    let find = |path: &str| functions.iter().find(|f| f.path == path).unwrap();
    let add = find("test:shapes/counting@1.2.0.counter.add");
    assert_eq!(add.example, "test:shapes/counting@1.2.0.counter.add(handle(1), 1)");
    let first = find("test:shapes/shapes@1.2.0.first");
    let signature = "first: func(texts: list<string>, fallback: option<string>) -> option<string>";
    assert_eq!(first.signature, signature);
    assert_eq!(functions.len(), 14);
    let mut instance = start("functions", &config());
    call(&mut *instance, "counter(1)").unwrap();
    let harmless =
        |path: &str| !["spin", "fail", "merge", "total"].iter().any(|bad| path.ends_with(bad));
    for function in functions.iter().filter(|f| harmless(&f.path)) {
        call(&mut *instance, &function.example).unwrap_or_else(|error| panic!("{error}"));
    }
}
