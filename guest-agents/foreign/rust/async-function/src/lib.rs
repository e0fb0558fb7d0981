//! A component that exports a function that is async, beside one that is not.

use exports::foreign::work::later::Guest;
use wasip3::clocks::monotonic_clock::wait_for;

wit_bindgen::generate!({ path: "wit" });

struct Work;
export!(Work);

impl Guest for Work {
    async fn sum(numbers: Vec<u32>) -> u64 {
        let mut sum = 0;
        for number in numbers {
            wait_for(1_000).await;
            sum += u64::from(number);
        }
        sum
    }

    fn name() -> String {
        "work".to_owned()
    }
}
