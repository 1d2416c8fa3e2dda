# One image for each service: docker build --build-arg SERVICE=triage -t aiops-triage .
# It holds that service's packages only. It also runs what comes before the service: `python -m aiops_<service> migrate`
# and the provisioners of aiops_common.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# checkov:skip=CKV_DOCKER_7: the tag is in PYTHON_IMAGE, above
FROM ${PYTHON_IMAGE} AS build
ARG SERVICE
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /src

# Wheels come with symbols for a debugger in their libraries, 37 MB of the gateway's 123; `strip` takes them out below.
# Not out of what stands in *.libs or is linked to it: patchelf has moved its sections, which strip can break.
# Their tests go too, 32 MB of what triage learns with.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*

# uv is pinned where everything is pinned; pip is needed for it only.
COPY requirements.lock pyproject.toml ./
RUN sed -n '/^uv==/,/# via/p' requirements.lock > uv.txt \
  && python3 -m venv /opt/build \
  && /opt/build/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement uv.txt
ENV PATH=/opt/build/bin:$PATH

# Which packages: resolved from the service's own dependencies. Which versions and which files: those of the lock file,
# or the installation fails. Sources are copied later, so that a change of code keeps this layer.
COPY libs/contracts/pyproject.toml libs/contracts/
COPY libs/common/pyproject.toml libs/common/
COPY services/${SERVICE}/pyproject.toml services/${SERVICE}/
RUN uv pip compile --quiet --constraint requirements.lock --group pyproject.toml:build --output-file build.txt \
  && uv pip compile --quiet --constraint requirements.lock libs/*/pyproject.toml "services/${SERVICE}/pyproject.toml" \
    --no-emit-package aiops-contracts --no-emit-package aiops-common --output-file service.txt \
  && uv venv --quiet --python /usr/local/bin/python3 /opt/venv \
  && uv pip install --no-deps --require-hashes --constraint requirements.lock \
    --python /opt/build --requirement build.txt \
  && uv pip install --no-deps --require-hashes --constraint requirements.lock \
    --python /opt/venv --requirement service.txt \
  && find /opt/venv -name '*.so' -not -path '*.libs/*' -exec sh -c 'for library; do \
    readelf -d "$library" | grep -q "PATH.*[.]libs" || strip --strip-unneeded "$library" || exit; done' strip {} + \
  && find /opt/venv -type d -name tests -path '*/site-packages/*' -prune -exec rm -rf {} +

COPY libs libs
COPY services/${SERVICE} services/${SERVICE}
# The import compiles what a service runs, and shows that it can: nothing can be written where it will run.
RUN uv build --quiet --wheel --all-packages --no-build-isolation --python /opt/build/bin/python --out-dir /wheels \
  && uv pip install --python /opt/venv --no-deps --offline /wheels/*.whl \
  && uv pip check --python /opt/venv \
  && /opt/venv/bin/python -c "import aiops_${SERVICE}.__main__, aiops_${SERVICE}.app, aiops_common.slow_clients, \
aiops_common.telemetry.otlp, aiops_common.postgres.migrate, \
aiops_common.postgres.__main__, aiops_common.messaging.__main__, uvicorn.protocols.http.httptools_impl"


FROM ${PYTHON_IMAGE}

# What installs packages has no business in a container that runs. Before SERVICE, so that all images share the layer.
RUN python3 -m pip uninstall --quiet --yes --root-user-action=ignore pip setuptools wheel

ARG SERVICE
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="aiops-${SERVICE}" \
  org.opencontainers.image.description="The ${SERVICE} service of the AI Ops Assistant" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.licenses="Apache-2.0"

COPY --from=build /opt/venv /opt/venv
# SERVICE stays for the entry point; it says which module is run.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SERVICE=${SERVICE}

# A number, so that an orchestrator can see that it is not root's.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=6 CMD ["python", "-I", "-S", "-c", "\
from http.client import HTTPConnection; \
connection = HTTPConnection('127.0.0.1', 8000, timeout=3); \
connection.request('GET', '/readyz'); \
raise SystemExit(connection.getresponse().status != 200)"]
ENTRYPOINT ["/bin/sh", "-c", "exec python -m \"aiops_${SERVICE}\" \"$@\"", "aiops"]
CMD ["serve"]
