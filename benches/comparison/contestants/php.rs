//! What a user would write instead: a PHP script behind nginx that inserts a row, and the script of the
//! gateway's document, which appends to a file.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Contestant, Helper, NOBODY, TestDatabase, Way, free_port, until_listening};
use testkit::configuration::TOKEN;
use testkit::scratch;
use testkit::speed::Requests;

/// Numbers of PHP processes to choose from, each of which answers one request at a time.
pub const POOL_SIZES: [u32; 4] = [4, 8, 16, 32];

/// Both servers, running.
pub struct Php {
    _servers: [Helper; 2],
}

/// The programs, where they are installed.
pub struct Programs {
    pub nginx: String,
    pub php_fpm: String,
}

impl Programs {
    pub fn find() -> Option<Self> {
        let mut installed: Vec<PathBuf> = ["/usr/sbin", "/usr/local/sbin", "/usr/bin"]
            .iter()
            .flat_map(|directory| fs::read_dir(directory).into_iter().flatten())
            .map(|entry| entry.unwrap().path())
            .collect();
        // The newest version, where there are several.
        installed.sort();
        let named = |name: &str| {
            let is_it = |path: &&PathBuf| {
                path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name))
            };
            installed.iter().rfind(is_it).map(|path| path.to_str().unwrap().to_owned())
        };
        let found = Self { nginx: named("nginx")?, php_fpm: named("php-fpm")? };
        let modules = Command::new(&found.php_fpm).arg("-m").output().ok()?;
        String::from_utf8_lossy(&modules.stdout).contains("pdo_pgsql").then_some(found)
    }
}

/// How PDO sends a statement with parameters.
pub enum Prepares {
    /// Prepares it, executes it and forgets it: three round trips.
    Default,
    /// In one round trip, by an option that is no default.
    Disabled,
}

/// Inserts one row a request, over a connection that each PHP process keeps.
pub async fn inserting(
    programs: &Programs,
    database: TestDatabase,
    processes: u32,
    prepares: Prepares,
) -> (Php, Contestant) {
    let disabled = matches!(prepares, Prepares::Disabled);
    let script = script(&format!(
        "$db = new PDO('{}', null, null, [
             PDO::ATTR_PERSISTENT => true,
             PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
             PDO::PGSQL_ATTR_DISABLE_PREPARES => {disabled},
         ]);
         $insert = $db->prepare(\"
             insert into delivery_reports (
                 received_at, id, account, mess_id, number, status, status_code, transport,
                 remote_addr, extra
             )
             values (now(), gen_random_uuid(), 'main', ?, ?, ?, ?, 'http-get', ?, '{{}}')\");
         $code = is_numeric($status) ? (int) $status : null;
         $insert->execute([$mess_id, $number, $status, $code, $_SERVER['REMOTE_ADDR']]);",
        data_source(&database)
    ));
    let name = format!("PHP-FPM behind nginx, PDO, a row a request, {processes} processes");
    start(programs, &script, processes, ('f', name, "PHP, insert"), Some(database)).await
}

/// Section 5.4.1 of the gateway's document, with the same check of the token.
pub async fn appending(programs: &Programs, processes: u32) -> (Php, Contestant) {
    let script = script(
        "$file = fopen(__DIR__ . '/dreports.txt', 'a+');
         fwrite($file, '[' . date('d:m:Y:H:i:s') . \"]:\\n\");
         fwrite($file, \"$mess_id\\t$number\\t$status\\n\");
         fwrite($file, \"-----\\n\");
         fclose($file);",
    );
    let name = format!("PHP-FPM behind nginx, to a file without fsync, {processes} processes");
    start(programs, &script, processes, ('g', name, "PHP, file"), None).await
}

fn script(keep: &str) -> String {
    format!(
        "<?php
         if (!hash_equals('{TOKEN}', basename($_SERVER['DOCUMENT_URI']))) {{
             http_response_code(401);
             exit;
         }}
         foreach (['mess_id', 'number', 'status'] as $name) {{
             if (!isset($_GET[$name])) {{
                 http_response_code(400);
                 exit;
             }}
             $$name = $_GET[$name];
         }}
         {keep}
         header('Content-Length: 2');
         echo 'OK';
         "
    )
}

async fn start(
    programs: &Programs,
    script: &str,
    processes: u32,
    (letter, name, short): (char, String, &'static str),
    database: Option<TestDatabase>,
) -> (Php, Contestant) {
    let directory = directory();
    let path = |file: &str| directory.join(file).to_str().unwrap().to_owned();
    let address = free_port();
    fs::write(path("callback.php"), script).unwrap();
    fs::write(path("php-fpm.conf"), pool(&directory, processes)).unwrap();
    fs::write(path("nginx.conf"), site(&directory, &address.to_string())).unwrap();
    let servers = [
        Helper::spawn_unprivileged(&programs.php_fpm, &["-F", "-y", &path("php-fpm.conf")]),
        Helper::spawn_unprivileged(
            &programs.nginx,
            &["-e", "stderr", "-p", directory.to_str().unwrap(), "-c", &path("nginx.conf")],
        ),
    ];
    until_listening(address).await;
    let socket = directory.join("php.socket");
    super::eventually("PHP listens", || async { socket.exists() }).await;
    let contestant = Contestant {
        letter,
        name,
        short,
        way: Way::Http(address, Requests::Reports),
        processes: servers.iter().map(Helper::id).collect(),
        database,
    };
    (Php { _servers: servers }, contestant)
}

/// One that the servers may write to and can reach.
fn directory() -> PathBuf {
    let directory = scratch("php");
    fs::create_dir(&directory).unwrap();
    if rustix::process::getuid().is_root() {
        let nobody = NOBODY.parse().ok();
        chown(&directory, nobody, nobody).unwrap();
    }
    directory
}

fn pool(directory: &Path, processes: u32) -> String {
    let directory = directory.display();
    // Not indented: PHP-FPM takes no blanks before a section.
    format!(
        "[global]\n\
         error_log = {directory}/php.log\n\
         [callbacks]\n\
         listen = {directory}/php.socket\n\
         listen.backlog = 1024\n\
         pm = static\n\
         pm.max_children = {processes}\n"
    )
}

fn site(directory: &Path, address: &str) -> String {
    let directory = directory.display();
    format!(
        "daemon off;
         pid {directory}/nginx.pid;
         worker_processes auto;
         events {{ worker_connections 1024; }}
         http {{
             access_log off;
             keepalive_requests 1000000000;
             client_body_temp_path {directory}/body;
             proxy_temp_path {directory}/proxy;
             fastcgi_temp_path {directory}/fastcgi;
             uwsgi_temp_path {directory}/uwsgi;
             scgi_temp_path {directory}/scgi;
             server {{
                 listen {address} backlog=1024;
                 location /delivery-reports/ {{
                     fastcgi_pass unix:{directory}/php.socket;
                     fastcgi_param SCRIPT_FILENAME {directory}/callback.php;
                     fastcgi_param REQUEST_METHOD $request_method;
                     fastcgi_param QUERY_STRING $query_string;
                     fastcgi_param DOCUMENT_URI $document_uri;
                     fastcgi_param REMOTE_ADDR $remote_addr;
                 }}
             }}
         }}
         "
    )
}

/// As PDO has it; the password is part of it.
fn data_source(database: &TestDatabase) -> String {
    let url = database.url();
    let (login, place) = url.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap();
    let (place, name) = place.split_once('/').unwrap();
    let name = name.split('?').next().unwrap();
    let (host, port) = place.split_once(':').unwrap();
    format!("pgsql:host={host};port={port};dbname={name};user={user};password={password}")
}
