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

# The Expo dev server. REACT_NATIVE_PACKAGER_HOSTNAME or EXPO_PACKAGER_PROXY_URL names it to phones.
# It writes to /tmp (HOME, Metro's cache) and /app/.expo only.
FROM dependencies AS dev
ENV NODE_ENV=development \
    HOME=/tmp
RUN addgroup -S -g 1001 nodejs \
 && adduser -S -u 1001 -G nodejs expo \
 && install -d -o 1001 -g 1001 .expo
COPY . .
USER 1001:1001
EXPOSE 19006
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:19006/health/ready"]
CMD ["node", "node_modules/expo/bin/cli", "start", "--port", "19006"]

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
