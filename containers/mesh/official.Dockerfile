ARG BASE
FROM ${BASE}
ARG VERSION
LABEL broker-harness.image=mesh broker-harness.version=$VERSION
COPY packages /
RUN apt-get update \
    && apt-get install -y --no-install-recommends $(cat /packages) \
    && rm -rf /var/lib/apt/lists/* /packages
RUN nft --version && ip -V && tc -V && strace --version
CMD ["cat"]
