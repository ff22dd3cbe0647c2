import { readFileSync } from "node:fs";
import fc from "fast-check";
import { fastify } from "fastify";
import { beforeAll, describe, expect, test } from "vitest";
import { createManualClock } from "../../core/clock.ts";
import { deadLetterReasons, dropReasons } from "../../core/inference-event.ts";
import { createBatchMaker, type MessageKind, type Verdict } from "../partition-batch.ts";
import inferenceEventSchema from "./inference-event.schema.json" with { type: "json" };
import labelSchema from "./label.schema.json" with { type: "json" };

const nowMs = Date.UTC(2026, 1, 1);

function verdictOf(kind: MessageKind, value: string): Verdict {
  const maker = createBatchMaker({
    discovery: "auto",
    models: [],
    knownSchemas: [],
    caps: { maxModels: 10, maxFeatures: 10 },
    maxValueBytes: 1 << 20,
    maxEventAgeMs: 800 * 86_400_000,
    defaultRetentionDays: 90,
    clock: createManualClock(nowMs),
  });
  const batch = maker.createBatch(kind);
  return batch.add({ topic: "t", partition: 0, offset: 0, value: Buffer.from(value), timestampMs: nowMs });
}

const schemas = { events: inferenceEventSchema, labels: labelSchema };
let conforms: Record<MessageKind, (value: unknown) => boolean>;

beforeAll(async () => {
  // Fastify's validator is an independent judge of the schemas. It knows draft 7, whose keywords are all that they use.
  await using app = fastify({
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allowUnionTypes: true } },
  });
  app.get("/", (request, reply) => {
    const compiled = (kind: MessageKind) => {
      const { $schema: _, ...schema } = schemas[kind];
      const validate = request.compileValidationSchema(schema);
      return (value: unknown) => validate(value) === true;
    };
    conforms = { events: compiled("events"), labels: compiled("labels") };
    return reply.send();
  });
  await app.inject("/");
});

const json = fc.jsonValue({ maxDepth: 2 });
const text = fc.oneof({ weight: 8, arbitrary: fc.string({ minLength: 1 }) }, { weight: 1, arbitrary: fc.constant("") });
const number = fc.double({ noNaN: true, noDefaultInfinity: true });
const record = (values: fc.Arbitrary<unknown>) => fc.dictionary(fc.string(), values, { maxKeys: 4 });
/** Mostly what the contract asks for, often something else, sometimes nothing. */
const mostly = (valid: fc.Arbitrary<unknown>) =>
  fc.oneof(
    { weight: 40, arbitrary: valid },
    { weight: 1, arbitrary: json },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
const time = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom("2026-01-31T23:59:59Z", "2026-01-31t23:59:59.1234567+05:30", nowMs) },
  { weight: 1, arbitrary: fc.constantFrom("2026-01-31T23:59:60Z", "2026-01-31 23:59:59z") },
  { weight: 1, arbitrary: fc.constantFrom("2026-01-31", "2026-01-31T23:59:59", "yesterday", 1769847330, 0, -1, 1e18) },
  { weight: 1, arbitrary: fc.constantFrom("2026-13-01T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T23:59:59.Z") },
);
const environment = fc.constantFrom(
  "production",
  "staging",
  "shadow",
  "replay-1",
  "replay-",
  "baseline-1",
  "prod",
  null,
);
const scalar = fc.oneof(number, text, fc.boolean(), fc.constant(null));
const event = fc.record({
  event_id: mostly(text),
  model: mostly(fc.constantFrom("m", "n")),
  event_time: mostly(time),
  environment: mostly(environment),
  version: mostly(text),
  arm: mostly(text),
  features: mostly(record(scalar)),
  prediction: mostly(fc.oneof(number, text)),
  scores: mostly(record(number)),
  entity_key: mostly(text),
  trace_id: mostly(text),
  latency_ms: mostly(number),
  weight: mostly(fc.oneof({ weight: 8, arbitrary: fc.constantFrom(1, 0.5, 10) }, { weight: 1, arbitrary: number })),
  cohorts: mostly(record(scalar)),
  attributions: mostly(record(number)),
  extra: mostly(record(json)),
});
const label = fc.record({
  event_id: mostly(text),
  entity_key: mostly(text),
  model: mostly(fc.constantFrom("m", "n")),
  environment: mostly(environment),
  name: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(undefined, null, "") },
    { weight: 2, arbitrary: fc.constantFrom("revenue", "chargeback_30.d-x") },
    { weight: 1, arbitrary: fc.constantFrom("a b", "-a", "é", "a\n", 1, "n".repeat(65)) },
  ),
  label: mostly(fc.oneof(number, text, fc.boolean())),
  label_time: mostly(time),
});

describe("the published schemas take and refuse what the collector takes and refuses", () => {
  test.each([
    ["events", event],
    ["labels", label],
  ] as const)("%s", (kind, messages) => {
    const seen = { valid: 0, invalid: 0 };
    fc.assert(
      fc.property(fc.oneof({ weight: 20, arbitrary: messages }, { weight: 1, arbitrary: json }), (message) => {
        const value = JSON.stringify(message);
        const verdict = verdictOf(kind, value);
        const valid = verdict.kind === "stored";
        seen[valid ? "valid" : "invalid"]++;
        expect([value, verdict, conforms[kind](JSON.parse(value))]).toEqual([value, verdict, valid]);
      }),
      { numRuns: 1500 },
    );
    // The claim is worth something only if both happen.
    expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(200);
  });

  test.each([
    ["2026-02-30T00:00:00Z", "time_invalid"],
    ["1970-01-01T00:00:00Z", "past_time"],
    ["2100-01-01T00:00:00Z", "future_time"],
  ])("but a schema knows no calendar and no clock: %s", (event_time, reason) => {
    const message = { event_id: "1", model: "m", event_time };
    expect(conforms.events(message)).toBe(true);
    expect(verdictOf("events", JSON.stringify(message))).toMatchObject({ reason });
  });
});

describe("docs/events.md", () => {
  const page = readFileSync(new URL("../../docs/events.md", import.meta.url), "utf8");
  const examples = [...page.matchAll(/```json (event|label)\n([\s\S]*?)```/g)].map(
    ([, kind, value]) => [kind === "event" ? "events" : "labels", value ?? ""] as const,
  );

  test("has examples of both", () => {
    expect(new Set(examples.map(([kind]) => kind))).toEqual(new Set(["events", "labels"]));
  });

  test.each(examples)("an example of %s can be copied: %s", (kind, value) => {
    expect(verdictOf(kind, value)).toEqual({ kind: "stored" });
    expect(conforms[kind](JSON.parse(value))).toBe(true);
  });

  test("lists every reason in the words of the code", () => {
    const rows = [...page.matchAll(/^\| `([a-z_]+)` +\| ([^|]+?) +\|$/gm)].map(([, reason, why]) => [reason, why]);
    expect(rows).toEqual([...Object.entries(dropReasons), ...Object.entries(deadLetterReasons)]);
  });

  test("names every field of the schemas, and no other", () => {
    const fields = [...page.matchAll(/^\| `([a-z_]+)` +\|[^|]+\|[^|]+\|$/gm)].map(([, field]) => field);
    expect(new Set(fields)).toEqual(new Set(Object.keys(inferenceEventSchema.properties)));
    for (const field of Object.keys(labelSchema.properties)) expect(page).toContain(`\`${field}\``);
  });
});
