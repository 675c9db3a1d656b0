//! nginx and Apache: their programs, and their configurations in deploy.

use std::path::Path;

use tokio::process::Command;

/// A proxy's program, its configuration in deploy, and what surrounds that.
#[derive(Clone, Copy)]
pub enum Kind {
    Nginx,
    Apache,
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Self::Nginx => "/usr/sbin/nginx",
            Self::Apache => "/usr/sbin/apache2",
        }
    }

    pub fn deployed(self) -> &'static str {
        match self {
            Self::Nginx => include_str!("../../deploy/nginx/routo-receiver.conf"),
            Self::Apache => include_str!("../../deploy/apache/routo-receiver.conf"),
        }
    }

    /// The main configuration, which a distribution provides, for one process in this directory.
    pub fn main(self, directory: &str, plain_port: u16, tls_port: u16) -> String {
        match self {
            Self::Nginx => format!(
                "daemon off; master_process off; pid {directory}/pid; error_log {directory}/main.log;
                 events {{}}
                 http {{ client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
                     fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
                     include {directory}/routo-receiver.conf; }}"
            ),
            Self::Apache => {
                let modules = [
                    "mpm_event", "authz_core", "ssl", "proxy", "proxy_http", "headers", "rewrite",
                    "setenvif", "reqtimeout", "socache_shmcb",
                ];
                let modules = modules.map(|name| {
                    format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
                });
                format!(
                    "{}Define APACHE_LOG_DIR {directory}\nDefaultRuntimeDir {directory}\n\
                     ServerName main\nUser www-data\nGroup www-data\nPidFile {directory}/pid\n\
                     Mutex file:{directory}\nErrorLog {directory}/main.log\n\
                     Listen 127.0.0.1:{plain_port}\nListen 127.0.0.1:{tls_port}\n\
                     Include {directory}/routo-receiver.conf\n",
                    modules.concat()
                )
            }
        }
    }

    pub fn command(self, configuration: &str) -> Command {
        let mut command = Command::new(self.program());
        match self {
            Self::Nginx => command.args(["-c", configuration]),
            Self::Apache => command.args(["-X", "-f", configuration]),
        };
        command
    }
}

/// Whether both programs are there; if not, what to install.
pub fn installed() -> Result<(), String> {
    let kinds = [Kind::Nginx, Kind::Apache];
    match kinds.iter().find(|kind| !Path::new(kind.program()).exists()) {
        Some(kind) => Err(format!("{} is missing (nginx-light, apache2-bin)", kind.program())),
        None => Ok(()),
    }
}
