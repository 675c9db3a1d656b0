//! The image: its size, its labels and the rights it needs.

use std::fs;

use crate::deployment::{DATA_DIR, Deployment};
use crate::engine::{IMAGE, build_image, docker, inspect, name_of, try_docker};
use testkit::eventually;

const MAX_BYTES: u64 = 40_000_000;

pub async fn the_image_is_small_and_says_what_it_is() {
    build_image().await;
    let image = name_of(IMAGE);
    let bytes: u64 = inspect(&image, "{{.Size}}").await.parse().unwrap();
    assert!(bytes <= MAX_BYTES, "{bytes} bytes");
    let expected = [
        ("{{.Config.User}}", "65532:65532"),
        ("{{json .Config.Entrypoint}}", r#"["/usr/local/bin/routo-receiver"]"#),
        (
            "{{json .Config.Healthcheck.Test}}",
            r#"["CMD","/usr/local/bin/routo-receiver","health"]"#,
        ),
        // The admin listener is not for other machines.
        ("{{json .Config.ExposedPorts}}", r#"{"8080/tcp":{}}"#),
        ("{{json .Config.Volumes}}", &format!(r#"{{"{DATA_DIR}":{{}}}}"#)),
        (r#"{{index .Config.Labels "org.opencontainers.image.title"}}"#, "routo-receiver"),
        (r#"{{index .Config.Labels "org.opencontainers.image.version"}}"#, "0.0.0-test"),
        (r#"{{index .Config.Labels "org.opencontainers.image.revision"}}"#, "test"),
        (r#"{{index .Config.Labels "org.opencontainers.image.licenses"}}"#, "MIT OR Apache-2.0"),
    ];
    for (template, value) in expected {
        assert_eq!(inspect(&image, template).await, value, "{template}");
    }
}

pub async fn without_a_database_it_says_what_to_set() {
    build_image().await;
    let (code, _, errors) = try_docker(&["run", "--rm", &name_of(IMAGE)]).await;
    assert_eq!(code, Some(1));
    assert!(errors.contains("set DATABASE_URL to a database"), "{errors}");
    let url = "DATABASE_URL=postgres://routo:secret@db.example.com/routo";
    let (code, _, errors) = try_docker(&["run", "--rm", "--env", url, &name_of(IMAGE)]).await;
    assert_eq!(code, Some(1));
    assert!(errors.contains("ROUTO_ACCOUNTS__MAIN__USER=gateway"), "{errors}");
}

/// Every test runs the container with these restrictions; this one reads them from the kernel.
pub async fn it_needs_neither_root_nor_a_capability_nor_a_writable_root_and_turns_healthy() {
    let deployment = Deployment::start().await;
    let container = deployment.receiver().id();
    let process = inspect(container, "{{.State.Pid}}").await;
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(field("Uid:"), "65532 65532 65532 65532");
    assert_eq!(field("Gid:"), "65532 65532 65532 65532");
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!(field("NoNewPrivs:"), "1");
    assert_eq!(inspect(container, "{{.HostConfig.ReadonlyRootfs}}").await, "true");
    // Only the volume was written to.
    assert_eq!(docker(&["diff", container]).await, "");
    eventually("the health check says healthy", async || {
        inspect(container, "{{.State.Health.Status}}").await == "healthy"
    })
    .await;
    assert!(deployment.receiver_log().await.contains(r#""level":"INFO""#), "its log is JSON");
}
