use super::*;
use crate::metrics::{Direction, Identity};

fn less(name: &str, unit: &str) -> Identity {
    Identity { name: name.to_owned(), unit: unit.to_owned(), better: Direction::Lower }
}

/// As often as not up and down by up to `noise`, around a change.
fn paired(name: &str, change: f64, noise: f64) -> Paired {
    let wave = |n: usize| noise * ((n as f64 * 2.399_963).sin());
    Paired {
        metric: less(name, "ns"),
        counted: false,
        old: (0..30).map(|n| 100.0 * wave(n).exp()).collect(),
        new: (0..30).map(|n| 100.0 * (1.0 + change) * wave(n + 7).exp()).collect(),
        remark: None,
    }
}

fn verdict(paired: Paired) -> Verdict {
    judge(&[paired], &Policy::standard(), &NoiseFloor::default())[0].verdict
}

fn counted(old: &[f64], new: &[f64], name: &str) -> Verdict {
    verdict(Paired {
        metric: less(name, "fuel"),
        counted: true,
        old: old.to_vec(),
        new: new.to_vec(),
        remark: None,
    })
}

#[test]
fn each_change_has_its_verdict() {
    assert_eq!(verdict(paired("time", 0.0, 0.01)), Verdict::Equivalent);
    assert_eq!(verdict(paired("time", 0.1, 0.01)), Verdict::Regressed);
    assert_eq!(verdict(paired("time", -0.1, 0.01)), Verdict::Improved);
    assert_eq!(verdict(paired("time", 0.0, 0.5)), Verdict::Inconclusive);
    assert_eq!(verdict(paired("spawn", 0.05, 0.01)), Verdict::Equivalent);
}

#[test]
fn a_rate_regresses_when_it_falls() {
    let mut rate = paired("rate", -0.1, 0.01);
    rate.metric.better = Direction::Higher;
    let judged = judge(&[rate], &Policy::standard(), &NoiseFloor::default());
    assert_eq!(judged[0].verdict, Verdict::Regressed);
    let change = judged[0].change.unwrap();
    assert!(change.low.unwrap() < change.value && change.value < change.high.unwrap());
    assert!((change.value + 0.1).abs() < 0.01, "{change:?}");
}

#[test]
fn what_is_counted_is_compared_as_it_is() {
    assert_eq!(counted(&[100.0; 3], &[101.1; 3], "fuel/16"), Verdict::Regressed);
    assert_eq!(counted(&[100.0; 3], &[100.9; 3], "fuel/16"), Verdict::Equivalent);
    assert_eq!(counted(&[100.0; 3], &[98.0; 3], "fuel/16"), Verdict::Improved);
    assert_eq!(counted(&[0.0], &[1.0], "imports-added"), Verdict::Regressed);
    assert_eq!(counted(&[0.0], &[0.0], "imports-added"), Verdict::Equivalent);
    let varies = counted(&[100.0, 104.0], &[103.0, 107.0], "fuel/16");
    assert_eq!(varies, Verdict::Inconclusive);
}

#[test]
fn noise_of_the_machine_is_no_regression() {
    let floor = NoiseFloor { floor: [("time".to_owned(), 0.2)].into(), ..NoiseFloor::default() };
    let judged = judge(&[paired("time/16", 0.1, 0.01)], &Policy::standard(), &floor);
    assert_eq!((judged[0].verdict, judged[0].margin), (Verdict::Equivalent, 0.2));
}

#[test]
fn a_regression_that_is_not_seen_again_is_none() {
    let judge = |change| {
        let paired = [paired("time", change, 0.01)];
        super::judge(&paired, &Policy::standard(), &NoiseFloor::default())
    };
    let (slow, same) = (judge(0.1), judge(0.0));
    assert_eq!(again(&slow), ["time"]);
    assert!(again(&same).is_empty());
    let twice = confirmed(slow.clone(), slow.clone());
    assert!(twice[0].confirmed && twice[0].outcome() == Outcome::Fail);
    assert_eq!(confirmed(slow.clone(), same.clone())[0].verdict, Verdict::Equivalent);
    assert_eq!(confirmed(same, slow)[0].verdict, Verdict::Inconclusive);
}
