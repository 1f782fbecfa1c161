ARG NODE_IMAGE=node:22-alpine

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci

# What the sources of a checkout run in: every package, and nothing of the app, which is mounted.
FROM dependencies AS dev
ENV NEXT_TELEMETRY_DISABLED=1 \
    HOME=/tmp
RUN mkdir work develop
USER 1001:1001
EXPOSE 3000 9230

FROM dependencies AS build
ENV NEXT_TELEMETRY_DISABLED=1
COPY . .
# dist/main.js takes the place of the server.js that Next makes: it answers the probes and drains.
RUN npm run build \
 && rm .next/standalone/server.js \
 && rm -rf .next/standalone/.next/cache \
 && mv dist .next/standalone/ \
 && mv .next/static .next/standalone/.next/

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    NEXT_TELEMETRY_DISABLED=1 \
    PORT=3000
WORKDIR /app
# The user owns the cache alone: what runs can't change itself.
RUN addgroup -S -g 1001 nodejs \
 && adduser -S -u 1001 -G nodejs nextjs \
 && mkdir -p .next/cache \
 && chown 1001:1001 .next/cache
COPY --from=build /app/.next/standalone ./
USER 1001:1001
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
