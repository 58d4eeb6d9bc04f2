# docker build -t alikms .                  the emulator
# docker build -t alikms-smoke --target smoke .   the client of docker-compose.yml's profile smoke
#
# Needs Docker 25 or newer with BuildKit, which is its default; where that was
# turned off, set DOCKER_BUILDKIT=1. Releases say which they are:
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) -t alikms .
#
# GoReleaser (.goreleaser.yaml) has the binaries already, and says BINARY=released.
ARG VERSION=devel REVISION=unknown BINARY=build

# The default is for builders without BuildKit: they get as far as the first
# --mount, and say there what to set.
FROM --platform=${BUILDPLATFORM:-linux/amd64} golang:1.26 AS build
WORKDIR /src
ENV GOMODCACHE=/cache/modules GOCACHE=/cache/build
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/cache/modules go mod download
COPY . .
# Any uid may be told to run the image, and a new volume takes its mode from here.
RUN mkdir -p /image && mkdir -m 1777 /image/data
ARG TARGETOS TARGETARCH VERSION REVISION
ENV CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH
RUN --mount=type=cache,target=/cache/modules --mount=type=cache,target=/cache/build \
    go build -trimpath -ldflags="-s -w -X main.version=$VERSION -X main.revision=$REVISION" -o /image/alikms . && \
    go build -trimpath -ldflags="-s -w" -o /smoke ./scripts/smoke

FROM --platform=${BUILDPLATFORM:-linux/amd64} golang:1.26 AS released
ARG TARGETPLATFORM
COPY $TARGETPLATFORM/alikms /image/alikms
RUN mkdir -m 1777 /image/data

FROM $BINARY AS binary

FROM scratch AS smoke
COPY --from=build /smoke /smoke
USER 65532:65532
ENTRYPOINT ["/smoke"]

FROM scratch
ARG VERSION REVISION
LABEL org.opencontainers.image.title="alikms" \
      org.opencontainers.image.description="A local double of Alibaba Cloud KMS for developing and testing; not a place for real secrets" \
      org.opencontainers.image.source="https://github.com/alikms/alikms" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=binary /image/ /
# A flag beats these. The ready file is for the health check; the one place that
# can be written, whatever the root is, is the volume.
ENV ALIKMS_LISTEN=:8080 ALIKMS_LISTEN_TLS=:8443 ALIKMS_DATA=/data ALIKMS_READY_FILE=/data/ready.json TMPDIR=/data
EXPOSE 8080 8443
VOLUME /data
USER 65532:65532
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --start-interval=250ms CMD ["/alikms", "health"]
ENTRYPOINT ["/alikms"]
