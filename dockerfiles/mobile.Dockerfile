ARG NODE_IMAGE=node:22-alpine
ARG NGINX_IMAGE=nginxinc/nginx-unprivileged:1.27-alpine

FROM ${NODE_IMAGE} AS dependencies
ENV EXPO_OFFLINE=1 \
    EXPO_NO_TELEMETRY=1 \
    EXPO_NO_TYPESCRIPT_SETUP=1
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev

FROM dependencies AS build
ENV NODE_ENV=production
COPY . .
RUN npm run build

# What the sources of a checkout run in: every package, and nothing of the app, which is mounted.
FROM dependencies AS dev
ENV HOME=/tmp
RUN mkdir work develop
USER 1001:1001
EXPOSE 19006

FROM ${NGINX_IMAGE} AS static
COPY nginx/nginx.conf /etc/nginx/nginx.conf
COPY nginx/config.json /srv/zakpos/config.json
COPY --from=build /app/dist /srv/zakpos/site
USER 1001:1001
EXPOSE 19006
# A graceful stop for whoever asks the image; SIGTERM stops nginx at once.
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:19006/health/ready"]
ENTRYPOINT []
CMD ["nginx", "-e", "/dev/stderr"]
