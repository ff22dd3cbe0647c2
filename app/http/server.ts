import type { AddressInfo } from "node:net";
import { fastify, type FastifyBaseLogger, type FastifyReply, LogController } from "fastify";
import { z } from "zod";
import type { Actions } from "../../alerting/actions.ts";
import { LeewayError } from "../../core/errors.ts";
import type { ModelSpec } from "../../core/model.ts";
import { isLoopback } from "../config/loopback.ts";
import type { HttpConfig } from "../config/service-config.ts";
import type { Log } from "../telemetry/log.ts";
import type { Registry, ServiceMetrics } from "../telemetry/metrics.ts";
import type { PageSource } from "../page/source.ts";
import { registerActionRoutes } from "./action-routes.ts";
import { createIncidentActions } from "./incident-actions.ts";
import { type IngestOptions, registerIngestRoutes } from "./ingest-routes.ts";
import { modelSummaries } from "./model-summary.ts";
import { pageRoutes, registerPageRoutes } from "./page-routes.ts";
import { sendProblem } from "./problem.ts";
import type { Readiness } from "./readiness.ts";
import { tokenHolder } from "./tokens.ts";

/** What the alerting role knows of incidents, as JSON. */
export interface IncidentSource {
  /** Those that started last first. */
  readonly list: (filter: {
    readonly status: string | null;
    readonly model: string | null;
    readonly limit: number;
    readonly after: string | null;
  }) => readonly object[];
  /** Null if there is no such incident. */
  readonly get: (incidentId: string) => object | null;
  /** What became of one that is no longer kept; null if there was none. */
  readonly forgotten: (incidentId: string) => string | null;
  /** Every incident that ended later is listed; null if all are. */
  readonly knownSince: () => string | null;
}

export interface HttpServer extends AsyncDisposable {
  /** Where it listens: `http://127.0.0.1:8686`. */
  readonly url: string;
}

export interface HttpServerOptions {
  readonly config: HttpConfig;
  readonly registry: Registry;
  readonly metrics: ServiceMetrics;
  readonly readiness: Readiness;
  readonly models: () => readonly ModelSpec[];
  /** Null if this process does not have the alerting role. */
  readonly incidents: () => IncidentSource | null;
  /** The same for what people do. */
  readonly actions: () => Actions | null;
  /** Takes events and labels; left out if this process does not have the collector role. */
  readonly ingest?: IngestOptions;
  /** What the page shows; left out if this process does not serve it. */
  readonly page?: () => PageSource | null;
  readonly log: Log;
}

const incidentQuery = z.strictObject({
  status: z.string().nullable().default(null),
  model: z.string().nullable().default(null),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.string().nullable().default(null),
});

/** Open to everyone who can reach the port: they name parts, never data. */
const openRoutes: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/**
 * Serves health, metrics and the API.
 * @throws token_required off loopback without tokens, address_in_use.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { config, log, metrics, readiness } = options;
  const { tokens } = config;
  if (tokens === null && !isLoopback(config.host)) {
    const message = `http.listen is ${config.host}, which others can reach: set http.tokens_file, or listen on 127.0.0.1`;
    throw new LeewayError("token_required", message);
  }

  const server = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 1024 * 1024,
    // Models are named by their events, and some names are long.
    routerOptions: { maxParamLength: 2000 },
    forceCloseConnections: true,
    // Errors before any route, such as a path that is not UTF-8.
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, "request_invalid", error.message),
  });

  server.addHook("onRequest", async (request, reply) => {
    const route = request.routeOptions.url ?? "";
    if (tokens === null || openRoutes.has(route) || pageRoutes.has(route)) return;
    if (tokenHolder(request.headers.authorization, tokens) !== null) return;
    reply.header("www-authenticate", 'Bearer realm="leeway"');
    await sendProblem(reply, "token_required", "send Authorization: Bearer <token> with a token of http.tokens_file");
  });
  server.addHook("onResponse", async (request, reply) => {
    metrics.httpAnswered(request.routeOptions.url ?? "none", reply.statusCode);
  });
  server.setNotFoundHandler((request, reply) =>
    sendProblem(reply, "not_found", `${request.method} ${request.url.split("?")[0]} is not served here`),
  );
  server.setErrorHandler((error, request, reply) => {
    const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
    if (status >= 400 && status < 500) {
      return sendProblem(reply, "request_invalid", error instanceof Error ? error.message : "malformed request");
    }
    log.error({ err: error, route: request.routeOptions.url }, "a request failed");
    return sendProblem(reply, "internal", "see the log of this process");
  });

  server.get("/healthz", async () => ({ status: "ok" }));

  server.get("/readyz", async (_, reply) => {
    const report = await readiness.report();
    return reply
      .code(report.ready ? 200 : 503)
      .send({ status: report.ready ? "ready" : "not_ready", parts: report.parts });
  });

  // However many ask at once, the registry is written out once.
  let scrape: Promise<string> | null = null;
  server.get("/metrics", async (_, reply) => {
    scrape ??= options.registry.metrics().finally(() => {
      scrape = null;
    });
    const text = await scrape;
    return reply.type(options.registry.contentType).send(text);
  });

  server.get("/api/v1/models", async () => ({ models: modelSummaries(options.models()) }));

  server.get("/api/v1/incidents", async (request, reply) => {
    const incidents = options.incidents();
    if (incidents === null) return sendRoleAbsent(reply);
    const query = incidentQuery.safeParse(request.query);
    if (!query.success) {
      return sendProblem(
        reply,
        "request_invalid",
        "status, model, limit (1 to 1000) and after may be given, each once",
      );
    }
    const since = incidents.knownSince();
    return { incidents: incidents.list(query.data), ...(since !== null && { known_since: since }) };
  });

  server.get<{ Params: { id: string } }>("/api/v1/incidents/:id", async (request, reply) => {
    const incidents = options.incidents();
    if (incidents === null) return sendRoleAbsent(reply);
    const { id } = request.params;
    const found = incidents.get(id);
    if (found !== null) return found;
    const detail = incidents.forgotten(id) ?? "no incident has this id; GET /api/v1/incidents lists them";
    return sendProblem(reply, "incident_unknown", detail);
  });

  registerActionRoutes(server, { actions: options.actions, tokens });
  registerIngestRoutes(server, options.ingest, log);

  if (options.page !== undefined) {
    const incidentActions = createIncidentActions(options.actions);
    const actions = () => (options.actions() === null ? null : incidentActions);
    registerPageRoutes(server, { source: options.page, actions }, config);
  }

  try {
    await server.listen({ host: config.host, port: config.port });
  } catch (error) {
    await server.close();
    throw listenError(error, config);
  }
  const { port } = server.server.address() as AddressInfo;
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  return { url: `http://${host}:${port}`, [Symbol.asyncDispose]: () => server.close() };
}

function sendRoleAbsent(reply: FastifyReply): FastifyReply {
  return sendProblem(reply, "role_absent", "incidents are known to the process with the alerting role; ask that one");
}

function listenError(error: unknown, config: HttpConfig): LeewayError {
  const code = error instanceof Error && "code" in error ? error.code : null;
  const where = `${config.host}:${config.port}`;
  if (code === "EADDRINUSE") {
    const message = `${where} is taken by another program; stop it, or choose another port with http.listen or --port`;
    return new LeewayError("address_in_use", message, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  const message = `cannot listen on ${where} (${reason}); correct http.listen`;
  return new LeewayError("config_invalid", message, { cause: error });
}
