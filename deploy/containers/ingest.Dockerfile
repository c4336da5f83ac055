# The image of ingest: accepts frames, checks and numbers them, and keeps them until the sink has stored their
# outcomes.
#
#   docker build --file deploy/containers/ingest.Dockerfile --tag posebus/ingest .
#
# docs/containers.md says how it is run. What is in it: the program, its libraries, and nothing to look around with.

ARG SWIFT=docker.io/library/swift:6.3.3-bookworm@sha256:7060a792f4cd9eaa0d00826d941cec00ab8d252d33b8b28bc8e105f51f2dba73
ARG DEBIAN=docker.io/library/debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171

# Compiles. The build folder is a cache of the builder, shared with the images of the other stages.
FROM ${SWIFT} AS build
WORKDIR /posebus
COPY deploy/setup deploy/lib.sh deploy/
RUN deploy/setup --for bus && apt-get install -y --no-install-recommends binutils gcc python3
COPY . .
RUN --mount=type=cache,target=/posebus/.build,sharing=locked \
    deploy/bundle --only ingest --folder /opt/posebus

# Picks the files that the program needs.
FROM ${DEBIAN} AS rootfs
RUN --mount=type=bind,source=deploy/containers/root,target=/usr/local/bin/root \
    --mount=type=bind,from=build,source=/opt/posebus,target=/opt/posebus \
    root /rootfs /var/lib/posebus/ingest /opt/posebus

FROM scratch
ARG VERSION=0
ARG REVISION=
LABEL org.opencontainers.image.title="posebus-ingest" \
      org.opencontainers.image.description="PoseBus: accepts camera frames, numbers them and keeps them until stored" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
COPY --from=rootfs /rootfs /
# The spool, where one is asked for. Everything else can be read-only.
COPY --from=rootfs --chown=10001:10001 /rootfs/var/lib/posebus /var/lib/posebus
ENV HOME=/var/lib/posebus/ingest
WORKDIR /var/lib/posebus/ingest
USER 10001:10001
# Frames by PUSH, frames by REQ and DEALER, previews; metrics and health.
EXPOSE 5550 5551 5552 5580
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=8s --start-period=30s --retries=3 \
    CMD ["/opt/posebus/bin/posebus-ingest", "--check-health"]
ENTRYPOINT ["/opt/posebus/bin/posebus-ingest"]
