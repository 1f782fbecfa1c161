ARG BUILD_IMAGE=alpine:3.20
ARG BASE_IMAGE=busybox:1.36

FROM ${BUILD_IMAGE} AS jar
RUN apk add --no-cache maven
WORKDIR /build
COPY pom.xml ./
RUN --mount=type=cache,target=/root/.m2 mvn -q -B dependency:copy-dependencies -DoutputDirectory=jars -Dmdep.stripVersion=true \
 && echo '7d61f737fd661610ccc14aea79764faa1ea94a340cbc8f0029b3d2edea3d80c1  jars/jmx_prometheus_javaagent.jar' | sha256sum -c -

# A file to be copied from, by a container that runs before the server it is for.
FROM ${BASE_IMAGE}
COPY --from=jar /build/jars/jmx_prometheus_javaagent.jar /opt/jmx-agent.jar
USER 1000:1000
