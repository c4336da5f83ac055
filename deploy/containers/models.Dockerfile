# The image that fetches the weights into a volume, when it is run; then it is needed no longer.
#
#   docker build --file deploy/containers/models.Dockerfile --tag posebus/models .
#
# docs/containers.md says how it is run. What is in it: the tool `posebus`, and Debian with pip, which asks PyPI. It
# is the only image with a shell, for files that somebody puts into the volume by hand.

ARG SWIFT=docker.io/library/swift:6.3.3-bookworm@sha256:7060a792f4cd9eaa0d00826d941cec00ab8d252d33b8b28bc8e105f51f2dba73
ARG DEBIAN=docker.io/library/debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171

# Compiles. The build folder is a cache of the builder, shared with the images of the other stages.
FROM ${SWIFT} AS build
WORKDIR /posebus
COPY deploy/setup deploy/lib.sh deploy/
RUN deploy/setup --for bus && apt-get install -y --no-install-recommends binutils gcc python3
COPY . .
RUN --mount=type=cache,target=/posebus/.build,sharing=locked \
    deploy/bundle --only tool --folder /opt/posebus

FROM ${DEBIAN} AS pip
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl python3-pip \
    && rm -rf /var/lib/apt/lists/*

FROM pip
ARG VERSION=0
ARG REVISION=
LABEL org.opencontainers.image.title="posebus-models" \
      org.opencontainers.image.description="PoseBus: fetches the models' weights into a volume" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
COPY --from=build /opt/posebus /opt/posebus
# Nothing in it can give rights, and the volume gets the owner that the folder under it has.
RUN find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
    && install -d -m 0750 -o 10001 -g 10001 /var/lib/posebus /var/lib/posebus/models
ENV HOME=/tmp \
    POSEBUS_MODELS=/var/lib/posebus/models \
    POSEBUS_HMR2=/var/lib/posebus/models/hmr2
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/posebus/bin/posebus", "models"]
CMD ["fetch"]
