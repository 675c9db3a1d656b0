//! The image and the deployments, run for real: containers beside a Postgres and a proxy, under the load
//! of gateways; and the service behind nginx and Apache.
//!
//! Without a container engine, or without nginx and Apache, the tests that need them are reported as
//! ignored; with `CI` set, as failed. `docker` finds the engine as usual (`DOCKER_HOST`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test that can't go on fails"
)]
#![allow(dead_code, unreachable_pub, reason = "the modules are shared")]

#[cfg(target_os = "linux")]
mod attacks;
#[cfg(target_os = "linux")]
mod compose;
#[cfg(target_os = "linux")]
mod curl;
#[cfg(target_os = "linux")]
mod deployment;
#[cfg(target_os = "linux")]
mod engine;
#[cfg(target_os = "linux")]
mod https;
#[cfg(target_os = "linux")]
mod image;
#[cfg(target_os = "linux")]
mod lives;
#[cfg(target_os = "linux")]
mod outages;
#[cfg(target_os = "linux")]
mod project;
#[cfg(target_os = "linux")]
mod proxies;
#[cfg(target_os = "linux")]
mod proxy_programs;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("NOT RUN: it looks at containers through /proc, which only Linux has");
}

#[cfg(target_os = "linux")]
macro_rules! proofs {
    ($possible:path; $($module:ident: $($name:ident)*;)*) => {
        vec![$($(proof(stringify!($name), $possible, || block_on($module::$name()))),*),*]
    };
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    let mut proofs = proofs! {
        engine::answers;
        image:
            the_image_is_small_and_says_what_it_is
            without_a_database_it_says_what_to_set
            it_needs_neither_root_nor_a_capability_nor_a_writable_root_and_turns_healthy;
        lives:
            a_stop_takes_seconds_and_a_start_goes_on
            a_killed_container_loses_nothing_acknowledged
            a_new_container_moves_what_the_old_one_left_in_the_volume;
        outages:
            a_killed_postgres_container_is_noticed_by_nobody
            a_paused_postgres_container_is_noticed_by_nobody
            a_postgres_off_the_network_is_noticed_by_nobody
            callbacks_are_taken_before_there_is_a_postgres;
        attacks:
            no_attack_takes_more_memory_than_the_container_has
            nor_does_one_while_postgres_is_paused;
        https:
            both_callbacks_over_https_are_rows
            the_proxy_passes_what_a_gateway_leaves_unescaped_but_for_blanks
            a_restart_of_the_service_is_waited_for_by_the_proxy
            no_other_host_is_answered_200_by_the_proxy
            a_gateway_that_sends_no_host_is_served
            plain_http_is_refused_unless_it_is_asked_for
            the_proxy_logs_neither_queries_nor_tokens;
        compose:
            the_compose_file_is_valid_and_every_variable_is_explained
            one_command_brings_up_the_whole_deployment
            a_deployment_that_fails_shows_the_log_of_what_is_unhealthy
            a_mounted_configuration_adds_an_account
            a_rotation_accepts_old_and_new_credentials_until_it_is_done
            a_rehearsal_through_the_deployment_is_verified_on_the_port_of_postgres
            the_torture_rehearsal_over_the_services_own_https_loses_none
            prometheus_reads_the_service;
    };
    proofs.extend(proofs! {
        proxy_programs::installed;
        proxies:
            nginx_passes_both_callbacks_with_the_clients_address
            apache_passes_both_callbacks_with_the_clients_address
            nginx_answers_other_hosts_and_plain_http_with_an_error_and_serves_no_host
            apache_answers_other_hosts_and_plain_http_with_an_error_and_serves_no_host
            nginx_passes_what_a_gateway_leaves_unescaped_but_for_blanks
            apache_passes_what_a_gateway_leaves_unescaped_but_for_blanks
            nginx_logs_nothing_secret_and_uses_a_restarted_service_at_once
            apache_logs_nothing_secret_and_uses_a_restarted_service_at_once;
    });
    libtest_mimic::run(&arguments, proofs).exit_code()
}

#[cfg(target_os = "linux")]
fn proof(
    name: &'static str,
    possible: fn() -> Result<(), String>,
    run: fn(),
) -> libtest_mimic::Trial {
    use libtest_mimic::{Completion, Trial};
    Trial::ignorable_test(name, move || match possible() {
        Ok(()) => {
            run();
            Ok(Completion::Completed)
        }
        Err(why) if std::env::var_os("CI").is_some() => Err(why.into()),
        Err(why) => Ok(Completion::ignored_with(why)),
    })
}

#[cfg(target_os = "linux")]
fn block_on(proof: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(proof);
}
