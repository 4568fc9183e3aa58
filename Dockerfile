# One image, three commands: oomreport, oomreport-agent, oomreport-controller.
#
#   docker build -t oomreport .
#
# BASE may be any Debian-like image with python3 (3.11 or newer) and its venv module; the image is built from it alone,
# besides the locked packages.
ARG BASE=python:3.13-slim

# Dependencies by themselves: this layer stays while only the project's source changes.
FROM ${BASE} AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore \
    UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 \
    UV_PROJECT_ENVIRONMENT=/opt/oomreport
RUN python3 -m venv /opt/build && /opt/build/bin/pip install --quiet "uv>=0.9,<1" "hatchling>=1.27"
WORKDIR /source
COPY pyproject.toml uv.lock ./
RUN /opt/build/bin/uv sync --quiet --locked --no-default-groups --no-install-project --python "$(command -v python3)"

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
