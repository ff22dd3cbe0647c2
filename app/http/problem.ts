import type { FastifyReply } from "fastify";

/** What an answer that is an error says, by its code. Closed, like the codes of core/errors.ts. */
export const problems = {
  not_found: { status: 404, title: "There is nothing at this address" },
  incident_unknown: { status: 404, title: "There is no such incident" },
  incident_ended: { status: 409, title: "The incident is over" },
  silence_unknown: { status: 404, title: "There is no such silence" },
  model_unknown: { status: 404, title: "There is no such model" },
  baseline_refused: { status: 409, title: "This cannot become the baseline" },
  token_required: { status: 401, title: "A bearer token is required" },
  request_invalid: { status: 400, title: "The request could not be understood" },
  role_absent: { status: 404, title: "This process does not have the role that knows" },
  body_too_large: { status: 413, title: "The body is too large" },
  media_type_unsupported: { status: 415, title: "The body's type is not one that is understood" },
  idempotency_key_reused: { status: 422, title: "The Idempotency-Key belongs to another body" },
  busy: { status: 429, title: "Too much is under way; try again later" },
  not_ready: { status: 503, title: "This process is starting or ending" },
  store_unreachable: { status: 503, title: "ClickHouse, or the embedded engine, did not answer" },
  kafka_unreachable: { status: 503, title: "No Kafka broker answered" },
  store_full: { status: 507, title: "The disk of ClickHouse, or of the embedded engine, is full" },
  internal: { status: 500, title: "A fault in Leeway itself" },
} as const;

export type ProblemCode = keyof typeof problems;

const problemContentType = "application/problem+json; charset=utf-8";

/** RFC 9457, with our code beside it. */
export interface Problem {
  readonly type: "about:blank";
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  /** What, where, what to do. */
  readonly detail: string;
}

function problem(code: ProblemCode, detail: string): Problem {
  return { type: "about:blank", ...problems[code], code, detail };
}

export function sendProblem(reply: FastifyReply, code: ProblemCode, detail: string): FastifyReply {
  return reply
    .code(problems[code].status)
    .type(problemContentType)
    .send(JSON.stringify(problem(code, detail)));
}
