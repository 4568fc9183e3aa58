# One image, three commands: oomreport, oomreport-agent, oomreport-controller.
#
#   docker build -t oomreport .
#
# BASE may be any Debian-like image with python3 (3.11 or newer) and its venv module; the image is built from it alone,
# besides the locked packages.
# By digest: the same base for each build, amd64 and arm64. BASE takes any other.
ARG BASE=python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

# Dependencies by themselves: this layer stays while only the project's source changes.
FROM ${BASE} AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore \
    UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1
RUN python3 -m venv /opt/build && /opt/build/bin/pip install --quiet uv==0.13.9 hatchling==1.33.0
WORKDIR /source
COPY pyproject.toml uv.lock ./
# Left out: kubernetes (80 MB), which reads kubeconfigs whose credentials other programs make; zstandard (23 MB), which
# unpacks logs given as files; and what only the command line of the CEL library uses (19 MB).
RUN /opt/build/bin/uv export --quiet --locked --no-default-groups --no-emit-project --output-file requirements.txt \
      --prune kubernetes --prune zstandard --prune typer --prune rich --prune pygments --prune prompt-toolkit \
 && /opt/build/bin/uv venv --quiet --python "$(command -v python3)" /opt/oomreport \
 && /opt/build/bin/uv pip install --quiet --no-deps --require-hashes --python /opt/oomreport/bin/python \
      --requirements requirements.txt

# The project as files to lay over the environment: a small layer of its own.
FROM dependencies AS project
COPY README.md LICENSE ./
COPY operator operator
RUN /opt/build/bin/python -m hatchling build --target wheel >/dev/null \
 && /opt/build/bin/uv pip install --quiet --offline --no-deps --python /opt/oomreport/bin/python --prefix /opt/project dist/*.whl

FROM ${BASE}
LABEL org.opencontainers.image.title="oomreport" \
      org.opencontainers.image.description="Explains OOM kills on Kubernetes: kernel record and pod status joined, with the cause and the right limit." \
      org.opencontainers.image.licenses="Apache-2.0"
# Byte code is in the image, so a read-only root file system costs no start-up time.
ENV PATH=/opt/oomreport/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /
COPY --from=dependencies /opt/oomreport /opt/oomreport
COPY --from=project /opt/project /opt/oomreport
# Numeric, so that runAsNonRoot can be checked. The agent's pod asks for uid 0 itself: it reads the kernel log.
USER 65532:65532
CMD ["oomreport", "--help"]
