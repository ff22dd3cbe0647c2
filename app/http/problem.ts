/** What an answer that is an error says, by its code. Closed, like the codes of core/errors.ts. */
export const problems = {
  not_found: { status: 404, title: "There is nothing at this address" },
  incident_unknown: { status: 404, title: "There is no such incident" },
  token_required: { status: 401, title: "A bearer token is required" },
  request_invalid: { status: 400, title: "The request could not be understood" },
  role_absent: { status: 404, title: "This process does not have the role that knows" },
  internal: { status: 500, title: "A fault in Leeway itself" },
} as const;

export type ProblemCode = keyof typeof problems;

export const problemContentType = "application/problem+json; charset=utf-8";

/** RFC 9457, with our code beside it. */
export interface Problem {
  readonly type: "about:blank";
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  /** What, where, what to do. */
  readonly detail: string;
}

export function problem(code: ProblemCode, detail: string): Problem {
  return { type: "about:blank", ...problems[code], code, detail };
}
