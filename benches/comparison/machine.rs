//! The machine and the versions of the programs.

use std::fs;
use std::process::Command;

use super::contestants::php::Programs;
use super::statistics::Figure;
use testkit::postgres::TestDatabase;

/// The cores that contestants, Postgres and the load generator share.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Names and values, for a table.
pub async fn describe(
    database: &TestDatabase,
    php: Option<&Programs>,
    fsync: Figure,
) -> Vec<(&'static str, String)> {
    let model = field("/proc/cpuinfo", "model name").unwrap_or_default();
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let gibibytes = memory.trim_end_matches(" kB").parse::<f64>().unwrap_or(f64::NAN) / 1_048_576.0;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let settings = database
        .value(
            "select string_agg(name || ' = ' || current_setting(name), ', ' order by place)
             from unnest(array[
                 'server_version', 'fsync', 'synchronous_commit', 'full_page_writes',
                 'shared_buffers', 'max_connections'
             ]) with ordinality as setting (name, place)",
        )
        .await;
    let mut described = vec![
        (
            "cores",
            format!("{}, {model}, shared by contestant, Postgres and load generator", cores()),
        ),
        ("memory", format!("{gibibytes:.0} GiB")),
        ("kernel", format!("Linux {}", kernel.trim())),
        (
            "disk",
            format!(
                "8 KiB with fsync: median {:.2} ms ({:.2}–{:.2})",
                fsync.median, fsync.least, fsync.most
            ),
        ),
        ("Postgres", settings.as_str().unwrap_or_default().replacen("server_version = ", "", 1)),
        ("routo-receiver", revision()),
        ("Rust", first_line("rustc", &["--version"])),
    ];
    if let Some(Programs { nginx, php_fpm }) = php {
        described.push(("nginx", first_line(nginx, &["-v"])));
        described.push(("PHP", first_line(php_fpm, &["-v"])));
    }
    described
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn revision() -> String {
    let revision = first_line("git", &["describe", "--always", "--dirty", "--exclude=*"]);
    format!("{} ({revision})", env!("CARGO_PKG_VERSION"))
}

/// The first line that a program prints about its version, on either stream.
fn first_line(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        return "unknown".to_owned();
    };
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).lines().next().unwrap_or_default().to_owned()
}
