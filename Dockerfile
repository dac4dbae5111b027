# One image for every role with a database of its own: the command decides (see docker-compose.yml). The default one is
# the API. Without DATABASE_URL nothing runs: the embedded PostgreSQL is left out.
# 24.21.0, by digest, so that everybody builds on the same one.
FROM node:24-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6 AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No install script is needed, and one would download a database engine that nothing uses.
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund
COPY . .
# Optional are the embedded PostgreSQL and, because Prisma's client merely may have it beside it, Prisma's command line.
# The files of the checkout keep the rights they have there: make them readable for the service's user.
RUN npm run build \
 && npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
 && chmod -R a+rX package.json prisma examples

FROM node:24-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000
WORKDIR /app
# All of it belongs to root: the service cannot change it, and writes no file.
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/prisma ./prisma
COPY --from=build /app/examples ./examples
COPY --from=build /app/dist/apps ./dist/apps
COPY --from=build /app/dist/src ./dist/src
COPY --from=build /app/dist/dashboard ./dist/dashboard
USER node
EXPOSE 3000
# For the API; the other roles answer no HTTP and switch it off.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# No shell in between, so that SIGTERM reaches the service; run with --init, so that ended children are reaped.
CMD ["node", "dist/apps/api/main.js"]
