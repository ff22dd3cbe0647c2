import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { LeewayError } from "../../core/errors.ts";
import type { ApiToken, HttpConfig } from "../config/service-config.ts";
import { type IncidentActionName, incidentActionNames } from "../page/action-form.ts";
import { fleetPage } from "../page/fleet.ts";
import { incidentPage } from "../page/incident-page.ts";
import { type PageContext, stylesheetHash } from "../page/layout.ts";
import { againPage, faultPage, loginPage } from "../page/login.ts";
import { modelPage } from "../page/model-page.ts";
import type { PageSource } from "../page/source.ts";
import type { ActionOutcome, IncidentActions } from "./incident-actions.ts";
import { foreignForm } from "./page-origin.ts";
import {
  createPageSessions,
  endedSessionCookie,
  type PageSession,
  personCookie,
  personOf,
  sessionCookie,
} from "./page-session.ts";
import { problems } from "./problem.ts";
import { tokenHolder } from "./tokens.ts";

export interface PageOptions {
  /** Null while the store is being connected. */
  readonly source: () => PageSource | null;
  /** Null where nothing can be done about incidents. */
  readonly actions: () => IncidentActions | null;
}

/** Of the page: they ask for the session of a browser themselves, where others ask for a token. */
export const pageRoutes: ReadonlySet<string> = new Set([
  "/",
  "/login",
  "/logout",
  "/models/:model",
  "/incidents/:id",
  "/incidents/:id/:action",
]);

const modelQuery = z.object({
  environment: z.string().nullable().default(null),
  series: z.string().nullable().default(null),
  all: z.string().optional(),
});
const incidentQuery = z.object({ done: z.enum(incidentActionNames).nullable().catch(null).default(null) });
const actionBody = z.object({
  csrf: z.string().default(""),
  by: z.string().max(100).default(""),
  comment: z.string().max(1000).default(""),
  for: z.string().max(20).optional(),
  verdict: z.enum(["useful", "noise"]).optional(),
});

/** Everything that the page may load is in it; it runs no script, and nobody may frame it. */
const headers: Readonly<Record<string, string>> = {
  "content-security-policy": `default-src 'none'; style-src '${stylesheetHash}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  // Not no-referrer: browsers then send forms without their origin.
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
};

/** Serves the page at `/`, `/models/:model` and `/incidents/:id`, with its forms. */
export function registerPageRoutes(
  server: Pick<FastifyInstance, "register">,
  options: PageOptions,
  config: HttpConfig,
): void {
  const { tokens, externalUrl } = config;
  const sessions = createPageSessions();
  const secure = externalUrl?.startsWith("https:") === true;
  const sendCookies = (reply: FastifyReply, ...cookies: readonly string[]) => {
    for (const cookie of cookies) reply.header("set-cookie", cookie);
  };

  const contextOf = (session: PageSession | null, root: string): PageContext => ({
    nowMs: options.source()?.clock.now() ?? Date.now(),
    root,
    holder: session?.holder ?? null,
    csrf: session?.csrf ?? null,
  });
  const send = (reply: FastifyReply, page: string, status = 200) => reply.code(status).headers(headers).send(page);
  const fault = (reply: FastifyReply, session: PageSession | null, root: string, status: number, said: Fault) =>
    send(reply, faultPage(said, contextOf(session, root)), status);

  /** The browser's session: an open page makes one by itself, a page behind tokens only for who has one. */
  const sessionOf = (request: FastifyRequest, reply: FastifyReply): PageSession | null => {
    const nowMs = Date.now();
    const known = sessions.find(request.headers.cookie, nowMs);
    if (known !== null && (tokens === null || tokens.some(({ name }) => name === known.holder))) return known;
    if (tokens !== null) {
      const holder = tokenHolder(request.headers.authorization, tokens);
      return holder === null ? null : sessions.passing(holder);
    }
    const opened = sessions.open(null, nowMs);
    sendCookies(reply, sessionCookie(opened, secure));
    return opened;
  };

  /** Serves a page to whoever may see it, once the store is there. */
  const serve =
    (
      root: string,
      page: (
        request: FastifyRequest,
        at: { readonly source: PageSource; readonly session: PageSession; readonly context: PageContext },
      ) => Promise<string | Fault>,
    ) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const session = sessionOf(request, reply);
      if (session === null) return askToLogIn(request, reply, root);
      const source = options.source();
      if (source === null || source.incidents() === null) return fault(reply, session, root, 503, starting);
      const made = await page(request, { source, session, context: contextOf(session, root) });
      return typeof made === "string" ? send(reply, made) : fault(reply, session, root, 404, made);
    };

  const askToLogIn = (request: FastifyRequest, reply: FastifyReply, root: string) => {
    // A strict cookie does not come with a link from a chat: the same page, loaded by itself, has it.
    const again =
      request.headers["sec-fetch-site"] === "cross-site" && request.headers["sec-fetch-dest"] === "document";
    if (again) return send(reply, againPage(contextOf(null, root)));
    const next = request.url.replace(/^\/+/, "");
    return send(reply, loginPage({ next, refused: null }, contextOf(null, root)), 401);
  };

  /** Null if the form is ours; else it has been answered. */
  const refuseForeign = (request: FastifyRequest, reply: FastifyReply, session: PageSession | null, root: string) => {
    const { host, origin, "sec-fetch-site": site } = request.headers;
    const fetchSite = typeof site === "string" ? site : undefined;
    const foreign = foreignForm({ host, origin, fetchSite }, { externalUrl, open: tokens === null });
    if (foreign === null) return null;
    return fault(reply, session, root, 403, { title: "Not done", detail: `Nothing was changed: ${foreign}.` });
  };

  server.register(async (scope) => {
    scope.addContentTypeParser(
      "application/x-www-form-urlencoded",
      { parseAs: "string", bodyLimit: 64 * 1024 },
      (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
    );
    scope.setErrorHandler((error, request, reply) => {
      const root = rootOf(request);
      if (error instanceof LeewayError && error.retryable) {
        request.log.warn({ err: error, route: request.routeOptions.url }, "a page could not be made");
        return fault(reply, null, root, 503, { title: "The store did not answer", detail: error.message });
      }
      const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
      if (status >= 400 && status < 500) {
        return fault(reply, null, root, status, {
          title: "This could not be understood",
          detail: (error as Error).message,
        });
      }
      request.log.error({ err: error, route: request.routeOptions.url }, "a page failed");
      return fault(reply, null, root, 500, {
        title: "A fault in Leeway itself",
        detail: "The log of this process says more.",
      });
    });

    scope.get(
      "/",
      serve(".", (_, { source, context }) => fleetPage(source, context)),
    );

    scope.get(
      "/models/:model",
      serve("..", async (request, { source, context }) => {
        const { model } = request.params as { model: string };
        const query = modelQuery.safeParse(request.query);
        const { environment, series, all } = query.success ? query.data : modelQuery.parse({});
        const page = await modelPage(source, model, { environment, series, all: all !== undefined }, context);
        return (
          page ?? {
            title: "There is no such model",
            detail: `No model ${environment === null ? "" : `with events in ${environment} `}is called ${model} here.`,
          }
        );
      }),
    );

    scope.get(
      "/incidents/:id",
      serve("..", async (request, { source, session, context }) => {
        const { id } = request.params as { id: string };
        const { done } = incidentQuery.parse(request.query);
        const values = { by: personOf(request.headers.cookie), comment: "" };
        const actions = options.actions() === null ? null : { csrf: session.csrf, values };
        return (await incidentPage(source, id, { actions, done, refused: null }, context)) ?? noIncident(source, id);
      }),
    );

    scope.post("/incidents/:id/:action", async (request, reply) => {
      const root = "../..";
      const session = sessionOf(request, reply);
      const foreign = refuseForeign(request, reply, session, root);
      if (foreign !== null) return foreign;
      if (session === null)
        return fault(reply, null, root, 401, {
          title: "Log in first",
          detail: "Nothing was changed: your session is over. Go back, log in, and send the form again.",
        });
      const { id, action: name } = request.params as { id: string; action: string };
      const action = incidentActionNames.find((known) => known === name);
      const body = actionBody.safeParse(request.body);
      const source = options.source();
      const actions = options.actions();
      if (action === undefined || source === null || actions === null) {
        return fault(
          reply,
          session,
          root,
          action === undefined ? 404 : 503,
          action === undefined ? noAction : starting,
        );
      }
      if (!body.success)
        return fault(reply, session, root, 400, {
          title: "Not done",
          detail: "Nothing was changed: a field of the form is too long or missing.",
        });
      if (!sessions.ownsForm(session, body.data.csrf)) {
        return fault(reply, session, root, 403, {
          title: "Not done",
          detail:
            "Nothing was changed: the form is older than your session. Go back, load the page again, and send it once more.",
        });
      }
      const by = session.holder ?? body.data.by.trim();
      const outcome = await act(actions, action, id, { ...body.data, by });
      if (tokens === null && by !== "") sendCookies(reply, personCookie(by));
      if (outcome.kind === "done") return reply.redirect(`../${encodeURIComponent(id)}?done=${action}`, 303);
      const shown = await incidentPage(
        source,
        id,
        {
          actions: { csrf: session.csrf, values: { by, comment: body.data.comment } },
          done: null,
          refused: outcome.detail,
        },
        contextOf(session, root),
      );
      const { status } = problems[outcome.code];
      return shown === null ? fault(reply, session, root, status, noIncident(source, id)) : send(reply, shown, status);
    });

    scope.post("/login", async (request, reply) => {
      const root = ".";
      const foreign = refuseForeign(request, reply, null, root);
      if (foreign !== null) return foreign;
      const { token = "", next = "" } = (request.body ?? {}) as Readonly<Record<string, string>>;
      const holder = loginHolder(token, tokens);
      const target = localTarget(next);
      if (tokens === null) return reply.redirect(target, 303);
      if (holder === null) {
        const refused = "No token of http.tokens_file is this one.";
        return send(reply, loginPage({ next, refused }, contextOf(null, root)), 401);
      }
      sendCookies(reply, sessionCookie(sessions.open(holder, Date.now()), secure));
      return reply.redirect(target, 303);
    });

    scope.post("/logout", async (request, reply) => {
      const session = sessions.find(request.headers.cookie, Date.now());
      const foreign = refuseForeign(request, reply, session, ".");
      if (foreign !== null) return foreign;
      const { csrf = "" } = (request.body ?? {}) as Readonly<Record<string, string>>;
      if (session !== null && sessions.ownsForm(session, csrf)) sessions.close(session);
      sendCookies(reply, endedSessionCookie);
      return reply.redirect("./", 303);
    });
  });
}

interface Fault {
  readonly title: string;
  readonly detail: string;
}

const starting: Fault = {
  title: "Leeway is starting",
  detail: "Not all of it is there yet, or it reads a new configuration: load this page again in a moment.",
};
const noAction: Fault = {
  title: "There is nothing at this address",
  detail: "Incidents can be acknowledged, silenced, judged and accepted.",
};
const noIncident = (source: PageSource, id: string): Fault => {
  const forgotten = source.incidents()?.forgotten(id) ?? null;
  return forgotten === null
    ? { title: "There is no such incident", detail: `No incident has the id ${id}.` }
    : { title: "This incident is long over", detail: `${forgotten}.` };
};

/** Where links lead back to, by how deep the address is. */
function rootOf(request: FastifyRequest): string {
  const steps = (request.url.split("?")[0] ?? "/").split("/").length - 2;
  return steps <= 0 ? "." : Array.from({ length: steps }, () => "..").join("/");
}

function loginHolder(token: string, tokens: readonly ApiToken[] | null): string | null {
  return tokens === null ? null : tokenHolder(`Bearer ${token.trim()}`, tokens);
}

/** Only to pages of our own: anything else would send a person who has just logged in elsewhere. */
function localTarget(next: string): string {
  return /^(models|incidents)\/[\w%.~!$&'()*+,;=:@?/-]*$/.test(next) && !next.includes("..") ? `./${next}` : "./";
}

async function act(
  actions: IncidentActions,
  action: IncidentActionName,
  id: string,
  input: {
    readonly by: string;
    readonly comment: string;
    readonly for?: string | undefined;
    readonly verdict?: "useful" | "noise" | undefined;
  },
): Promise<ActionOutcome> {
  const { by, comment, verdict } = input;
  const said = { by, ...(comment.trim() !== "" && { comment: comment.trim() }) };
  switch (action) {
    case "acknowledge":
      return actions.acknowledge(id, said);
    case "silence":
      return actions.silence(id, { ...said, ...(input.for !== undefined && { for: input.for }) });
    case "feedback":
      if (verdict === undefined)
        return { kind: "refused", code: "request_invalid", detail: "say whether it was useful or noise" };
      return actions.feedback(id, { ...said, verdict });
    case "accept":
      return actions.accept(id, said);
  }
}
