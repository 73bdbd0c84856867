# The whole tool with torch's CPU build, the encoder of photographs and the audit's page, for no user
# in particular. Of a checkout:
#   docker build -t alfs .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" alfs check data/
# The audit's page is served on this machine alone: use --sheet, or run it outside of the container.
FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/alfs
ENV PATH=/opt/alfs/bin:$PATH
# One index at a time: torch without its GPU parts from PyTorch's, all else from the usual one.
RUN pip install --index-url https://download.pytorch.org/whl/cpu torch torchvision
COPY pyproject.toml README.md LICENSE /src/
COPY alfs_cli /src/alfs_cli
COPY recipes /src/recipes
RUN pip install "/src[encoder,audit]"

FROM python:3.12-slim
COPY --from=build /opt/alfs /opt/alfs
ENV PATH=/opt/alfs/bin:$PATH HOME=/tmp PYTHONSAFEPATH=1
RUN useradd --uid 1000 alfs && mkdir /work && chown alfs /work
USER alfs
WORKDIR /work
ENTRYPOINT ["alfs"]
CMD ["--help"]
