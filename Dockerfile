# spanway as an image: one static binary, and the certificates of the public
# authorities for brokers and collectors with TLS. There is no shell in it:
# health checks are the binary's own (spanway healthcheck).
FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=devel
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /out/spanway ./cmd/spanway

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/spanway /usr/local/bin/spanway
USER 65532:65532
ENTRYPOINT ["spanway"]
