//! How many instructions each case executes: this program runs itself under valgrind, once for few
//! repeats and once for more. The difference is free of all that comes before and after, but for the
//! few thousand instructions by which two runs of a program differ.

use std::process::Command;

use super::cases;

/// What `main` is given to count.
pub const COUNT: &str = "--instructions";

/// What it is given, with a name and a number, to repeat a case.
pub const REPEAT: &str = "--repeat";

const FEW: u64 = 10;
const MORE: u64 = 60;

pub fn repeat(name: &str, times: u64) {
    let mut case = cases::all().into_iter().find(|case| case.name == name).unwrap();
    for _ in 0..times {
        (case.run)();
    }
}

pub fn count() {
    println!("{:<44} instructions", "");
    for case in cases::all() {
        let [few, more] = [FEW, MORE].map(|times| executed(case.name, times));
        println!("{:<44} {:>12}", case.name, more.saturating_sub(few) / (MORE - FEW));
    }
}

/// All instructions of a process that repeats the case.
fn executed(name: &str, times: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args([REPEAT, name, &times.to_string()])
        .output()
        .expect("valgrind is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let line = said.lines().find(|line| line.contains("refs:")).expect("valgrind counts");
    let digits = line.split("refs:").nth(1).unwrap().replace([',', ' '], "");
    digits.parse().unwrap()
}
