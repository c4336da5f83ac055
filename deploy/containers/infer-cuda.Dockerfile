# The image of infer for NVIDIA's GPUs; infer.Dockerfile is the one for processors.
#
#   docker build --file deploy/containers/infer-cuda.Dockerfile --tag posebus/infer-cuda .
#   docker run --gpus all …
#
# The machine needs NVIDIA's driver (580 or later, for CUDA 13) and its container toolkit, and nothing of CUDA: that
# is in the image. docs/containers.md says how it is run. No weights: they have licences of their own, and lie in a
# volume, where the image of models.Dockerfile puts them.

ARG SWIFT=docker.io/library/swift:6.3.3-bookworm@sha256:7060a792f4cd9eaa0d00826d941cec00ab8d252d33b8b28bc8e105f51f2dba73
ARG DEBIAN=docker.io/library/debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171

# libtorch and CUDA's libraries, of wheels, which find each other where pip puts them: torch/lib beside nvidia/*/lib. Without
# the parts for Python, for compiling, and for GPUs of several machines as one, which would need libraries that are not here.
FROM ${DEBIAN} AS torch
RUN --mount=type=bind,source=deploy/containers/torch-cuda.txt,target=/torch-cuda.txt \
    apt-get update && apt-get install -y --no-install-recommends python3-pip \
    && rm -rf /var/lib/apt/lists/* \
    && pip3 install --no-cache-dir --no-deps --require-hashes --target /wheels --requirement /torch-cuda.txt \
    && mkdir -p /opt/site/torch \
    && mv /wheels/nvidia /wheels/*.dist-info /opt/site/ \
    && mv /wheels/torch/lib /wheels/torch/include /wheels/torch/version.py /opt/site/torch/ \
    && rm -r /wheels /opt/site/nvidia/*/include \
    && rm /opt/site/torch/lib/libtorch_python.so \
        /opt/site/nvidia/nvshmem/lib/nvshmem_transport_* /opt/site/nvidia/nvshmem/lib/nvshmem_bootstrap_* \
        /opt/site/nvidia/cu13/lib/libcufile_rdma.so* \
    && find /opt/site/nvidia -name '*.a' -delete

# Compiles. The build folder is a cache of the builder, shared with the images of the other stages.
FROM ${SWIFT} AS build
WORKDIR /posebus
COPY deploy/setup deploy/lib.sh deploy/
RUN deploy/setup --for bus && apt-get install -y --no-install-recommends binutils gcc python3
COPY . .
RUN --mount=type=cache,target=/posebus/.build,sharing=locked \
    --mount=type=bind,from=torch,source=/opt/site/torch,target=/opt/site/torch \
    deploy/bundle --only infer --torch /opt/site/torch --folder /opt/posebus

# Picks the files that the program needs. What the wheels' licences ask to be kept with them is in their .dist-info.
FROM ${DEBIAN} AS rootfs
RUN --mount=type=bind,source=deploy/containers/root,target=/usr/local/bin/root \
    --mount=type=bind,from=torch,source=/opt/site,target=/opt/site \
    --mount=type=bind,from=build,source=/opt/posebus,target=/opt/posebus \
    root /rootfs /var/lib/posebus/models /opt/site/torch/lib /opt/site/torch/version.py /opt/site/nvidia \
        /opt/site/*.dist-info /opt/posebus

FROM scratch
ARG VERSION=0
ARG REVISION=
LABEL org.opencontainers.image.title="posebus-infer-cuda" \
      org.opencontainers.image.description="PoseBus: turns frames into poses, on NVIDIA GPUs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
COPY --from=rootfs /rootfs /
# Where the volume with the weights goes; infer only reads it.
COPY --from=rootfs --chown=10001:10001 /rootfs/var/lib/posebus /var/lib/posebus
ENV HOME=/tmp \
    POSEBUS_TORCH=/opt/site/torch \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
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
