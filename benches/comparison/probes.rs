//! Measurements besides the contestants: commits on this machine, a load at a fixed rate, and the time
//! from the start of the service to its first stored callback.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::contestants::{Contestant, free_port};
use super::measure::blocking;
use super::statistics::Figure;
use testkit::configuration::environment;
use testkit::postgres::TestDatabase;
use testkit::process::{program, with};
use testkit::scratch;
use testkit::speed::{Clients, Request, Requests, Throughput, WARM_UP};

/// The time to write and fsync 8 KiB, in milliseconds.
pub fn fsync_latency() -> Figure {
    let mut file = fs::File::create(scratch("fsync")).unwrap();
    let times = (0..200).map(|_| {
        let began = Instant::now();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&[1; 8192]).unwrap();
        file.sync_data().unwrap();
        began.elapsed().as_secs_f64() * 1e3
    });
    Figure::of(times).unwrap()
}

/// `pgbench`, if it is installed beside the server or in the `PATH`.
pub fn find_pgbench() -> Option<PathBuf> {
    let beside = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(|version| {
        let pgbench = version.ok()?.path().join("bin/pgbench");
        pgbench.exists().then_some(pgbench)
    });
    let in_path = std::env::var_os("PATH")?;
    let in_path = std::env::split_paths(&in_path).map(|directory| directory.join("pgbench"));
    beside.max().or_else(|| in_path.into_iter().find(|program| program.exists()))
}

/// The median time of a single client's transaction of one row, in milliseconds.
pub fn pgbench_commit(pgbench: &PathBuf, database: &TestDatabase, seconds: u64) -> f64 {
    let (script, log) = (scratch("pgbench"), scratch("pgbench-log"));
    fs::write(
        &script,
        "insert into delivery_reports (
            received_at, id, account, mess_id, number, status, status_code, transport, remote_addr,
            extra
        )
        values (
            now(), gen_random_uuid(), 'main', 'bench-' || :client_id, '447000000000', '0', 0,
            'http-get', '127.0.0.1', '{}'
        );",
    )
    .unwrap();
    let output = Command::new(pgbench)
        // Prepared statements, as in the service: the faster way.
        .args(["--no-vacuum", "--protocol=prepared", "--client=1", "--log"])
        .args([format!("--time={seconds}"), format!("--log-prefix={}", log.display())])
        .arg(format!("--file={}", script.display()))
        // Without the parameters of sqlx.
        .arg(database.url().split('?').next().unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let prefix = log.file_name().unwrap().to_str().unwrap().to_owned() + ".";
    let logs = fs::read_dir(log.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let written = logs
        .into_iter()
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&prefix))
        .unwrap();
    let text = fs::read_to_string(&written).unwrap();
    fs::remove_file(written).unwrap();
    // client, transaction, microseconds, …
    let times = text.lines().map(|line| line.split(' ').nth(2).unwrap().parse::<f64>().unwrap());
    Figure::of(times).unwrap().median / 1e3
}

/// Sends reports at a fixed rate, whether or not answers arrive.
pub async fn open_loop(
    service: SocketAddr,
    connections: usize,
    rate: f64,
    duration: Duration,
) -> Throughput {
    blocking(move || {
        let mut clients = Clients::connect(service, &Request::of(Requests::Reports), connections);
        clients.open_loop(rate, WARM_UP);
        clients.open_loop(rate, duration)
    })
    .await
}

/// The time from the start of a service to its first 200, in milliseconds. The schema exists already.
pub async fn first_answer(contestant: &Contestant) -> f64 {
    let address = free_port();
    let url = contestant.database.as_ref().unwrap().url();
    let listen = address.to_string();
    let environment = with(environment(&url), &[("ROUTO_HTTP__LISTEN", &listen)]);
    let began = Instant::now();
    let mut service = program(&["serve"], &environment)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let answered = blocking(move || {
        let mut request = Request::of(Requests::Reports);
        loop {
            assert!(began.elapsed() < Duration::from_secs(30), "no 200 within 30 s of the start");
            if is_kept(address, request.with(began.elapsed().subsec_nanos().into())) {
                return began.elapsed();
            }
            sleep(Duration::from_micros(200));
        }
    })
    .await;
    service.kill().await.unwrap();
    answered.as_secs_f64() * 1e3
}

fn is_kept(address: SocketAddr, request: &[u8]) -> bool {
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let mut answer = [0; 12];
    stream.write_all(request).is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.ends_with(b" 200")
}
