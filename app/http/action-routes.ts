import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Actions } from "../../alerting/actions.ts";
import { matcherFault, silenceLabels } from "../../alerting/silences/matchers.ts";
import { systemClock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import { feedbackVerdicts } from "../../store/state/feedback.ts";
import { matcherOperators } from "../../store/state/silences.ts";
import type { MatcherOperator, Matchers } from "../../store/state/silences.ts";
import { nearestName } from "../config/fault.ts";
import { parseInstant } from "../config/instant.ts";
import type { ApiToken } from "../config/service-config.ts";
import { createIncidentActions, roleAbsent, type ActionOutcome } from "./incident-actions.ts";
import { sendProblem } from "./problem.ts";
import { silenceEnd } from "./silence-end.ts";
import { tokenHolder } from "./tokens.ts";

const name = z.string().trim().min(1).max(200);
const said = { by: name.optional(), comment: z.string().max(4000).optional() };
const ends = { for: z.string().optional(), until: z.string().optional() };
const time = z.string().transform((text, context) => {
  const ms = parseInstant(text);
  if (ms !== null) return ms;
  context.addIssue(`${JSON.stringify(text)} is not a time; write 2026-11-23 or 2026-11-23T14:00:00Z`);
  return z.NEVER;
});
const values = z.union([z.string(), z.array(z.string()).min(1)]).transform((value) => [value].flat());

const tests = z.union(
  [
    values,
    z.strictObject({
      "=": values.optional(),
      "!=": values.optional(),
      "=~": values.optional(),
      "!~": values.optional(),
    }),
  ],
  {
    error:
      'write "hour", ["hour", "origin"], or values by operator: { "!=": "page" }, { "=~": "lag_.*" }, { "!~": "lag_.*" }',
  },
);

const bodies = {
  acknowledge: z.strictObject(said),
  silence: z.strictObject({ ...said, ...ends }),
  feedback: z.strictObject({ ...said, verdict: z.enum(feedbackVerdicts) }),
  accept: z.strictObject(said),
  addSilence: z.strictObject({ ...said, ...ends, matchers: z.record(z.string(), tests) }),
  endSilence: z.strictObject({ by: name.optional() }),
  setBaseline: z.strictObject({
    ...said,
    environment: name.default("production"),
    from: time.optional(),
    to: time.optional(),
    configured: z.literal(true).optional(),
  }),
};

/** The body, and who sent it; null if an answer has been sent that says what is wrong. */
type Given<Body> = (Body & { readonly by: string }) | null;

/** What people do, as JSON over HTTP. `by` is the token's holder where tokens are set, else the body must say. */
export function registerActionRoutes(
  server: FastifyInstance,
  options: { readonly actions: () => Actions | null; readonly tokens: readonly ApiToken[] | null },
): void {
  const incidentActions = createIncidentActions(options.actions);

  const given = async <Body extends { by?: string | undefined }>(
    schema: z.ZodType<Body>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Given<Body>> => {
    const parsed = schema.safeParse(request.body ?? {});
    if (!parsed.success) {
      await sendProblem(reply, "request_invalid", faultText(parsed.error, schema));
      return null;
    }
    const by = (options.tokens && tokenHolder(request.headers.authorization, options.tokens)) ?? parsed.data.by;
    if (by !== undefined) return { ...parsed.data, by };
    await sendProblem(reply, "request_invalid", "by: say who you are");
    return null;
  };
  const answer = (reply: FastifyReply, outcome: ActionOutcome) =>
    outcome.kind === "done" ? outcome.incident : sendProblem(reply, outcome.code, outcome.detail);

  const incidentRoute = <Body extends { by?: string | undefined; comment?: string | undefined }>(
    verb: string,
    schema: z.ZodType<Body>,
    act: (id: string, input: Body & { readonly by: string }) => Promise<ActionOutcome>,
  ) =>
    server.post<{ Params: { id: string } }>(`/api/v1/incidents/:id/${verb}`, async (request, reply) => {
      const input = await given(schema, request, reply);
      return input === null ? reply : answer(reply, await act(request.params.id, input));
    });
  incidentRoute("acknowledge", bodies.acknowledge, (id, input) => incidentActions.acknowledge(id, exact(input)));
  incidentRoute("silence", bodies.silence, (id, input) => incidentActions.silence(id, exact(input)));
  incidentRoute("feedback", bodies.feedback, (id, input) => incidentActions.feedback(id, exact(input)));
  incidentRoute("accept", bodies.accept, (id, input) => incidentActions.accept(id, exact(input)));

  const withActions = async <Answer>(
    reply: FastifyReply,
    work: (actions: Actions) => Answer | Promise<Answer>,
  ): Promise<Answer | FastifyReply> => {
    const actions = options.actions();
    if (actions === null) return sendProblem(reply, roleAbsent.code, roleAbsent.detail);
    try {
      return await work(actions);
    } catch (error) {
      if (!(error instanceof LeewayError) || !error.retryable) throw error;
      return sendProblem(reply, "store_unreachable", error.message);
    }
  };

  server.get("/api/v1/silences", (request, reply) =>
    withActions(reply, ({ silences }) => {
      const query = z.strictObject({ status: z.enum(["active", "all"]).default("active") }).safeParse(request.query);
      if (!query.success) return sendProblem(reply, "request_invalid", "status may be given: active or all");
      return { silences: silences.list(query.data.status) };
    }),
  );

  server.post("/api/v1/silences", (request, reply) =>
    withActions(reply, async ({ silences }) => {
      const input = await given(bodies.addSilence, request, reply);
      if (input === null) return reply;
      const { by, comment } = input;
      const matchers = Object.fromEntries(
        Object.entries(input.matchers).map(([label, test]) => [label, Array.isArray(test) ? test : testOf(test)]),
      );
      const fault = labelFault(Object.keys(matchers)) ?? matcherFault(matchers);
      if (fault !== null) return sendProblem(reply, "request_invalid", fault);
      const end = silenceEnd(input, systemClock.now());
      if (end.kind === "refused") return sendProblem(reply, "request_invalid", end.detail);
      const outcome = silences.add({ matchers, by, comment: comment ?? null, untilMs: end.untilMs });
      if (outcome.kind === "refused") return sendProblem(reply, outcome.code, outcome.detail);
      return reply.code(201).send(outcome.silence);
    }),
  );

  server.delete<{ Params: { id: string } }>("/api/v1/silences/:id", (request, reply) =>
    withActions(reply, async ({ silences }) => {
      const input = await given(bodies.endSilence, request, reply);
      if (input === null) return reply;
      const outcome = silences.end(request.params.id, input.by);
      return outcome.kind === "done" ? outcome.silence : sendProblem(reply, outcome.code, outcome.detail);
    }),
  );

  server.get<{ Params: { model: string } }>("/api/v1/models/:model/baselines", (request, reply) =>
    withActions(reply, async ({ baselines }) => {
      const outcome = await baselines.list(request.params.model);
      return outcome.kind === "done" ? outcome.baselines : sendProblem(reply, outcome.code, outcome.detail);
    }),
  );

  server.post<{ Params: { model: string } }>("/api/v1/models/:model/baselines", (request, reply) =>
    withActions(reply, async ({ baselines }) => {
      const input = await given(bodies.setBaseline, request, reply);
      if (input === null) return reply;
      const { by, comment, environment, from: fromMs, to: toMs, configured } = input;
      const named = fromMs !== undefined && toMs !== undefined;
      if (named === (configured === true) || (!named && (fromMs ?? toMs) !== undefined)) {
        return sendProblem(reply, "request_invalid", "give from and to, or configured: true for what the file names");
      }
      if (named && fromMs >= toMs) return sendProblem(reply, "request_invalid", "from must lie before to");
      const range = named ? { fromMs, toMs } : null;
      const change = { by, comment: comment ?? null, environment, range };
      const outcome = await baselines.set(request.params.model, change);
      return outcome.kind === "done" ? outcome.baselines : sendProblem(reply, outcome.code, outcome.detail);
    }),
  );
}

/** Equality alone is what a matcher is where no operator is named. */
function testOf(given: Partial<Record<MatcherOperator, string[] | undefined>>): Matchers[string] {
  const test = exact(given);
  return Object.keys(test).join() === "=" ? (test["="] ?? []) : test;
}

/** Why a silence cannot name these labels; null if it can. */
function labelFault(labels: readonly string[]): string | null {
  const known: readonly string[] = silenceLabels;
  for (const label of labels) {
    if (known.includes(label)) continue;
    const nearest = nearestName(label, known);
    const remedy = nearest === null ? `use ${known.join(", ")}` : `did you mean ${nearest}?`;
    return `matchers: ${JSON.stringify(label)} is not a label; ${remedy}`;
  }
  return null;
}

/** The first fault, with its place. */
function faultText(error: z.ZodError, schema: z.ZodType): string {
  const [issue] = error.issues;
  if (issue === undefined) return "the body is not what is expected here";
  const place = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    const body = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
    const known: readonly string[] = place === "" ? body : matcherOperators;
    const [key = ""] = issue.keys;
    const nearest = nearestName(key, known);
    const remedy = nearest === null ? `use ${known.join(", ")}` : `did you mean ${nearest}?`;
    return `${place === "" ? "" : `${place}: `}${JSON.stringify(key)} is not known here; ${remedy}`;
  }
  return place === "" ? "the body must be a JSON object" : `${place}: ${issue.message}`;
}

/** Without the keys that are undefined, which for a reader are not there. */
function exact<Input extends object>(input: Input): { [Key in keyof Input]: Exclude<Input[Key], undefined> } {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Input]: Exclude<Input[Key], undefined>;
  };
}
