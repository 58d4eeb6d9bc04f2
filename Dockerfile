# docker build -t alikms .                  the emulator
# docker build -t alikms-smoke --target smoke .   the client of docker-compose.yml's profile smoke
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
ENV CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH
RUN go build -ldflags="-s -w" -o /image/alikms .
RUN go build -ldflags="-s -w" -o /smoke ./scripts/smoke
# Any uid may be told to run the image, and a new volume takes its mode from here.
RUN mkdir -m 1777 /image/data

FROM scratch AS smoke
COPY --from=build /smoke /smoke
USER 65532:65532
ENTRYPOINT ["/smoke"]

FROM scratch
LABEL org.opencontainers.image.title="alikms" \
      org.opencontainers.image.description="A local double of Alibaba Cloud KMS for developing and testing; not a place for real secrets" \
      org.opencontainers.image.source="https://github.com/alikms/alikms" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/ /
ENV ALIKMS_LISTEN=:8080 ALIKMS_LISTEN_TLS=:8443 ALIKMS_DATA=/data
EXPOSE 8080 8443
VOLUME /data
USER 65532:65532
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s CMD ["/alikms", "health"]
ENTRYPOINT ["/alikms"]
