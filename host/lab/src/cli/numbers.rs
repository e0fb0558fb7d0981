//! Numbers on the command line, with a sign or without.

use clap::{Arg, Command};
use std::any::TypeId;
use std::num::NonZeroU32;
use std::time::Duration;

/// Lets what is typed after the option of a number reach its parser, which names the range, even if
/// it begins with a dash: `--rate -5` is no option `-5`.
pub fn with_signs(command: Command) -> Command {
    let signed = |arg: Arg| match takes_number(&arg) {
        true => arg.allow_hyphen_values(true),
        false => arg,
    };
    command.mut_args(signed).mut_subcommands(with_signs)
}

fn takes_number(arg: &Arg) -> bool {
    let numbers = [
        TypeId::of::<u8>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<f64>(),
        TypeId::of::<NonZeroU32>(),
        TypeId::of::<Duration>(),
    ];
    let is_number = |number: &TypeId| arg.get_value_parser().type_id() == *number;
    // A flag that is counted is a number, too, and takes none.
    arg.get_action().takes_values() && numbers.iter().any(is_number)
}
