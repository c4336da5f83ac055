# The image of infer for processors: decodes frames, runs the engine, emits one outcome a frame. infer-cuda.Dockerfile
# is the one for NVIDIA's GPUs.
#
#   docker build --file deploy/containers/infer.Dockerfile --tag posebus/infer .
#
# docs/containers.md says how it is run. What is in it: the program, libtorch, their libraries, and nothing to look
# around with. No weights: they have licences of their own, and lie in a volume, where the image of models.Dockerfile
# puts them.

ARG SWIFT=docker.io/library/swift:6.3.3-bookworm@sha256:7060a792f4cd9eaa0d00826d941cec00ab8d252d33b8b28bc8e105f51f2dba73
ARG DEBIAN=docker.io/library/debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171

# libtorch, of a wheel: two libraries and OpenMP's. Debian's needs three hundred, ffmpeg and OpenCV among them.
FROM ${DEBIAN} AS torch
RUN --mount=type=bind,source=deploy/containers/torch-cpu.txt,target=/torch-cpu.txt \
    apt-get update && apt-get install -y --no-install-recommends python3-pip \
    && pip3 install --no-cache-dir --no-deps --require-hashes --target /wheel --requirement /torch-cpu.txt \
    && mkdir -p /opt/torch/lib \
    && cp -a /wheel/torch-*.dist-info/licenses /wheel/torch/version.py /wheel/torch/include /opt/torch/ \
    && cp -a /wheel/torch/lib/libtorch_cpu.so /wheel/torch/lib/libc10.so /wheel/torch/lib/libgomp.so* /opt/torch/lib/ \
    && rm -r /wheel

# Compiles. The build folder is a cache of the builder, shared with the images of the other stages.
FROM ${SWIFT} AS build
WORKDIR /posebus
COPY deploy/setup deploy/lib.sh deploy/
RUN deploy/setup --for bus && apt-get install -y --no-install-recommends binutils gcc python3
COPY . .
RUN --mount=type=cache,target=/posebus/.build,sharing=locked \
    --mount=type=bind,from=torch,source=/opt/torch,target=/opt/torch \
    deploy/bundle --only infer --torch /opt/torch --folder /opt/posebus

# Picks the files that the program needs.
FROM ${DEBIAN} AS rootfs
RUN --mount=type=bind,source=deploy/containers/root,target=/usr/local/bin/root \
    --mount=type=bind,from=torch,source=/opt/torch,target=/opt/torch \
    --mount=type=bind,from=build,source=/opt/posebus,target=/opt/posebus \
    root /rootfs /var/lib/posebus/models /opt/torch/lib /opt/torch/licenses /opt/torch/version.py /opt/posebus

FROM scratch
ARG VERSION=0
ARG REVISION=
LABEL org.opencontainers.image.title="posebus-infer" \
      org.opencontainers.image.description="PoseBus: turns frames into poses, on the processor" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
COPY --from=rootfs /rootfs /
# Where the volume with the weights goes; infer only reads it.
COPY --from=rootfs --chown=10001:10001 /rootfs/var/lib/posebus /var/lib/posebus
ENV HOME=/tmp \
    POSEBUS_TORCH=/opt/torch \
    POSEBUS_MODELS=/var/lib/posebus/models \
    POSEBUS_HMR2=/var/lib/posebus/models/hmr2 \
    POSEBUS_PHALP=/var/lib/posebus/models/phalp
WORKDIR /
USER 10001:10001
# Frames from ingest; metrics and health.
EXPOSE 5560 5581
STOPSIGNAL SIGTERM
# Loading the models takes up to some minutes.
HEALTHCHECK --interval=10s --timeout=8s --start-period=300s --retries=3 \
    CMD ["/opt/posebus/bin/posebus-infer", "--check-health"]
ENTRYPOINT ["/opt/posebus/bin/posebus-infer"]
