# Builds Strandline, then leaves the tool chain behind: the image that runs has the program and its libraries.
FROM swift:6.3-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        pkg-config libmicrohttpd-dev libsqlite3-dev libyaml-dev libcurl4-gnutls-dev libgnutls28-dev libglib2.0-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /strandline
COPY Package.swift openapi.yaml ./
COPY Sources Sources
COPY examples/demo examples/demo
# The manifest names the tests' folders, so they must be there; nothing in them is built.
COPY Tests Tests
RUN swift build --configuration release --product strandline --static-swift-stdlib \
    && strip .build/release/strandline

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libmicrohttpd12 libsqlite3-0 libyaml-0-2 libcurl3-gnutls libgnutls30 libglib2.0-0 tzdata libstdc++6 curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin strandline \
    && install -d -o strandline -g strandline -m 0750 /data
COPY --from=build /strandline/.build/release/strandline /usr/local/bin/strandline
COPY public /usr/local/share/strandline/public
USER strandline
WORKDIR /data
VOLUME /data
EXPOSE 8080
# Within the container every address must be listened on; publish the port on the host's loopback alone:
#   docker run --publish 127.0.0.1:8080:8080 --volume strandline:/data strandline
ENV STRANDLINE_LISTEN=0.0.0.0:8080 \
    STRANDLINE_INSECURE=true \
    STRANDLINE_PUBLIC=/usr/local/share/strandline/public \
    STRANDLINE_STATE_DIR=/data/strandline-data
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["curl", "--fail", "--silent", "--show-error", "--output", "/dev/null", "http://127.0.0.1:8080/healthz"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["strandline"]
CMD ["serve"]
