# The image of the gateway: results over HTTP and WebSocket, the viewer, uploaded videos.
#
#   docker build --file deploy/containers/gateway.Dockerfile --tag posebus/gateway .
#
# docs/containers.md says how it is run. What is in it: the program, its pages, ffmpeg for the videos that are handed
# in, their libraries, and nothing to look around with.

ARG SWIFT=docker.io/library/swift:6.3.3-bookworm@sha256:7060a792f4cd9eaa0d00826d941cec00ab8d252d33b8b28bc8e105f51f2dba73
ARG DEBIAN=docker.io/library/debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171

# Compiles. The build folder is a cache of the builder, shared with the images of the other stages.
FROM ${SWIFT} AS build
WORKDIR /posebus
COPY deploy/setup deploy/lib.sh deploy/
RUN deploy/setup --for bus && apt-get install -y --no-install-recommends binutils gcc python3
COPY . .
RUN --mount=type=cache,target=/posebus/.build,sharing=locked \
    deploy/bundle --only gateway --folder /opt/posebus

# What reads videos and pictures, apart from the program's life: it changes seldom.
FROM ${DEBIAN} AS video
RUN --mount=type=bind,source=deploy/containers/root,target=/usr/local/bin/root \
    apt-get update && apt-get install -y --no-install-recommends ffmpeg util-linux \
    && rm -rf /var/lib/apt/lists/* \
    && root /rootfs /var/lib/posebus/gateway /usr/bin/ffmpeg /usr/bin/ffprobe /usr/bin/prlimit

# Picks the files that the program needs.
FROM ${DEBIAN} AS rootfs
COPY --from=video /rootfs /rootfs
RUN --mount=type=bind,source=deploy/containers/root,target=/usr/local/bin/root \
    --mount=type=bind,from=build,source=/opt/posebus,target=/opt/posebus \
    root /rootfs /var/lib/posebus/gateway /opt/posebus

FROM scratch
ARG VERSION=0
ARG REVISION=
LABEL org.opencontainers.image.title="posebus-gateway" \
      org.opencontainers.image.description="PoseBus: live and stored results over HTTP and WebSocket, with the viewer" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
COPY --from=rootfs /rootfs /
# Jobs and uploaded videos, and where the volume with SMPL can be; everything else can be read-only.
COPY --from=rootfs --chown=10001:10001 /rootfs/var/lib/posebus /var/lib/posebus
ENV HOME=/var/lib/posebus/gateway \
    XDG_STATE_HOME=/var/lib/posebus/gateway \
    POSEBUS_HMR2=/var/lib/posebus/models/hmr2
WORKDIR /var/lib/posebus/gateway
USER 10001:10001
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=8s --start-period=30s --retries=3 \
    CMD ["/opt/posebus/bin/posebus-gateway", "--check-health"]
ENTRYPOINT ["/opt/posebus/bin/posebus-gateway"]
