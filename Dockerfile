# The image of the service: one program, a C library and certificates. It needs a Postgres elsewhere
# (DATABASE_URL) and a volume for its spool. `make image` builds it, docker-compose.yml runs it.

FROM rust:1.95-bookworm AS build
WORKDIR /build
ENV SQLX_OFFLINE=true

# The dependencies and the workspace's own crates, in a layer that stays until they change. The context
# has neither tests nor benchmarks, so the manifest must not name them; what they share, the testkit, is
# in the lock file, so its manifest is here, and a stub of it.
COPY Cargo.toml Cargo.lock ./
COPY crates crates
RUN sed -i '/^\[\[bench\]\]\|^\[\[test\]\]/,/^$/d' Cargo.toml \
    && mkdir src crates/testkit/src && touch crates/testkit/src/lib.rs \
    && echo '//! A stub.' | tee src/lib.rs >src/main.rs && echo 'fn main() {}' >>src/main.rs \
    && cargo build --release --locked

COPY . context
# As said in the log and in routo_build_info.
ARG REVISION=unknown
# Cargo goes by times of change, and those of the sources may be older than that of the stub.
RUN rm -r src context/Cargo.toml && cp -r context/. . && touch src/main.rs src/lib.rs \
    && ROUTO_REVISION=$REVISION cargo build --release --locked \
    && mkdir /data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/target/release/routo-receiver /usr/local/bin/routo-receiver
# A new volume takes over whose the directory is: the service's, who is 65532 here.
COPY --from=build --chown=65532:65532 --chmod=0700 /data /var/lib/routo-receiver
USER 65532:65532
WORKDIR /var/lib/routo-receiver

# The admin listener is for a health check and for metrics, from other containers: don't publish it.
ENV ROUTO_DATA_DIR=/var/lib/routo-receiver \
    ROUTO_ADMIN__LISTEN=0.0.0.0:9090 \
    ROUTO_LOG__FORMAT=json
VOLUME /var/lib/routo-receiver
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s CMD ["/usr/local/bin/routo-receiver", "health"]
ENTRYPOINT ["/usr/local/bin/routo-receiver"]

ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="routo-receiver" \
    org.opencontainers.image.description="Receives RoutoMessaging delivery reports and inbound SMS over HTTP and keeps them, durably, in Postgres" \
    org.opencontainers.image.licenses="MIT OR Apache-2.0" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.created="$CREATED"
