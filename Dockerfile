# EmoNets in a container. The build needs the network; the container needs none:
#
#   docker build -t emonets .
#   docker run --rm --network none -v "$PWD:/data" emonets predict x.mp4
#
# Everything that predicts is in the package, so nothing is downloaded at run time.

FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY LICENSES LICENSES
COPY sbom sbom
COPY examples/1001_DFA_HAP_XX.flv examples/1001_DFA_HAP_XX.flv
COPY src src
RUN python -m venv /opt/emonets
RUN /opt/emonets/bin/python -m pip install --no-cache-dir ".[parquet,xlsx]"
RUN /opt/emonets/bin/python -m compileall -q /opt/emonets/lib/python3.13/site-packages/emonets

FROM python:3.13-slim
COPY --from=build /opt/emonets /opt/emonets
# caches of libraries go to /tmp, also with --user of another number and with --read-only
ENV PATH=/opt/emonets/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 1000 --no-create-home emonets && mkdir /data && chown 1000:1000 /data
USER 1000:1000
WORKDIR /data
ENTRYPOINT ["emonets"]
CMD ["--help"]
