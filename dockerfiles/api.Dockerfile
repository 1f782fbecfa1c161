ARG NODE_IMAGE=node:22-alpine

FROM ${NODE_IMAGE} AS manifests
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

# What the sources of a checkout run in: every package, and nothing of the app, which is mounted.
FROM manifests AS dev
RUN --mount=type=cache,target=/root/.npm npm ci \
  && mkdir work develop
USER 1001:1001
EXPOSE 3000 9229

FROM manifests AS build
RUN --mount=type=cache,target=/root/.npm npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build -- --sourceMap false

# What production never loads: the compiler that the OpenAPI package asks for, type declarations, source maps, texts.
FROM manifests AS dependencies
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev \
  && rm -r node_modules/typescript \
  && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \
    -o -name '*.md' -o -name '*.markdown' \) -exec rm {} +

FROM ${NODE_IMAGE}
RUN addgroup -S -g 1001 nodejs && adduser -S -D -H -u 1001 -G nodejs nestjs
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY --from=build /app/dist ./dist
USER 1001:1001
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
