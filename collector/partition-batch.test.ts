import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createManualClock } from "../core/clock.ts";
import { createFeatureSchema, type FeatureSchema } from "../core/feature-schema.ts";
import { deadLetterReasons, dropReasons } from "../core/inference-event.ts";
import { createBatchMaker, deadLetterBytes, type BatchMakerOptions, type MessageKind } from "./partition-batch.ts";

const nowMs = Date.UTC(2026, 1, 1);
const dayMs = 86_400_000;

function maker(options: Partial<BatchMakerOptions> = {}) {
  return createBatchMaker({
    discovery: "auto",
    models: [],
    knownSchemas: [],
    caps: { maxModels: 3, maxFeatures: 500 },
    maxValueBytes: 1 << 20,
    maxEventAgeMs: 800 * dayMs,
    defaultRetentionDays: 90,
    clock: createManualClock(nowMs),
    ...options,
  });
}

function batchOf(kind: MessageKind, values: readonly (string | Buffer | null)[], made = maker()) {
  const batch = made.createBatch(kind);
  const verdicts = values.map((value, offset) =>
    batch.add({
      topic: "t",
      partition: 0,
      offset,
      value: typeof value === "string" ? Buffer.from(value) : value,
      timestampMs: nowMs,
    }),
  );
  return { batch, verdicts };
}

/** A valid event with some fields replaced; undefined leaves one out. */
const event = (fields: object = {}) =>
  JSON.stringify({ event_id: "1", model: "m", event_time: nowMs, features: { a: 1 }, ...fields });
const label = (fields: object = {}) =>
  JSON.stringify({ event_id: "1", model: "m", label_time: nowMs, label: 1, ...fields });

function reasonOf(kind: MessageKind, value: string | Buffer | null, options: Partial<BatchMakerOptions> = {}) {
  const [verdict] = batchOf(kind, [value], maker(options)).verdicts;
  return verdict === undefined || verdict.kind === "stored" ? "stored" : verdict.reason;
}

const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
const withKeys = (count: number, value: string) =>
  `{${Array.from({ length: count }, (_, index) => `"k${index}":${value}`).join(",")}}`;

describe("an event is", () => {
  test.each<[string, string | Buffer | null, string]>([
    ["cut off", event().slice(0, -1), "malformed_json"],
    ["empty", "", "malformed_json"],
    [
      "not JSON: a bare NaN",
      '{"event_id":"1","model":"m","event_time":1769904000000,"features":{"a":NaN}}',
      "malformed_json",
    ],
    ["not JSON: a bare Infinity", '{"scores":{"a":-Infinity}}', "malformed_json"],
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x00]), "malformed_json"],
    ["two objects", `${event()}\n${event()}`, "malformed_json"],
    ["an array", "[]", "not_an_object"],
    ["null", "null", "not_an_object"],
    ["a string", '"{}"', "not_an_object"],
    ["nested 300,000 deep", deep(300_000), "not_an_object"],
    ["larger than a megabyte", event({ extra: { a: "x".repeat(1 << 20) } }), "too_large"],
    ["without a model", event({ model: undefined }), "model_missing"],
    ["of an empty model", event({ model: "" }), "model_missing"],
    ["of a model that is a number", event({ model: 7 }), "model_missing"],
    ["without an id", event({ event_id: null }), "event_id_missing"],
    ["of an empty id", event({ event_id: "" }), "event_id_missing"],
    ["of an id that is a number", event({ event_id: 7 }), "event_id_missing"],
    ["without a time", event({ event_time: undefined }), "time_missing"],
    ["of a time that is null", event({ event_time: null }), "time_missing"],
    ["of a time that is an object", event({ event_time: {} }), "time_invalid"],
    ["of a time without a zone", event({ event_time: "2026-01-31T10:00:00" }), "time_invalid"],
    ["of a time in seconds", event({ event_time: nowMs / 1000 }), "time_invalid"],
    ["of 1970", event({ event_time: "1970-01-01T00:00:00Z" }), "past_time"],
    ["of 1970, in milliseconds", event({ event_time: 1 }), "time_invalid"],
    ["older than max_event_age", event({ event_time: nowMs - 800 * dayMs - 1 }), "past_time"],
    ["of 2100", event({ event_time: "2100-01-01T00:00:00Z" }), "future_time"],
    ["over an hour ahead", event({ event_time: nowMs + 3_600_001 }), "future_time"],
    ["of an unknown environment", event({ environment: "prod" }), "environment_invalid"],
    ["of a reserved environment", event({ environment: "baseline-1" }), "environment_invalid"],
    ["of an environment that is a number", event({ environment: 1 }), "environment_invalid"],
    ["of features that are an array", event({ features: [1] }), "features_invalid"],
    ["of a feature that is an array", event({ features: { a: 1, b: [1] } }), "features_invalid"],
    ["of a feature that is an object", event({ features: { a: {} } }), "features_invalid"],
    ["of a prediction that is a boolean", event({ prediction: true }), "prediction_invalid"],
    ["of a prediction that is an object", event({ prediction: {} }), "prediction_invalid"],
    [
      "of an infinite prediction",
      event({ prediction: 1 }).replace('"prediction":1', '"prediction":1e999'),
      "prediction_invalid",
    ],
    ["of scores that are an array", event({ scores: [0.5] }), "scores_invalid"],
    ["of a score that is text", event({ scores: { a: "NaN" } }), "scores_invalid"],
    ["of a score that is null", event({ scores: { a: null } }), "scores_invalid"],
    ["of an infinite score", event({ scores: { a: 1 } }).replace('{"a":1}}', '{"a":1e999}}'), "scores_invalid"],
    ["of a weight of 0", event({ weight: 0 }), "weight_invalid"],
    ["of a negative weight", event({ weight: -1 }), "weight_invalid"],
    ["of a weight that no sum survives", event({ weight: 1e13 }), "weight_invalid"],
    ["of a model with an endless name", event({ model: "m".repeat(257) }), "field_invalid"],
    ["of a weight that is text", event({ weight: "1" }), "weight_invalid"],
    ["of a version that is a number", event({ version: 3 }), "field_invalid"],
    ["of an arm that is a number", event({ arm: 3 }), "field_invalid"],
    ["of an entity key that is a number", event({ entity_key: 3 }), "field_invalid"],
    ["of a trace that is a number", event({ trace_id: 3 }), "field_invalid"],
    ["of a latency that is text", event({ latency_ms: "3" }), "field_invalid"],
    ["of cohorts that are text", event({ cohorts: "a" }), "field_invalid"],
    ["of a cohort that is an object", event({ cohorts: { a: {} } }), "field_invalid"],
    ["of an attribution that is text", event({ attributions: { a: "1" } }), "field_invalid"],
    ["of extra that is text", event({ extra: "a" }), "field_invalid"],
    ["of a tombstone", null, "tombstone"],
    [
      "of extra too deep to be written",
      event({ extra: { a: 0 } }).replace('{"a":0}', `{"a":${deep(300_000)}}`),
      "field_invalid",
    ],
    ["of extra nested 500 deep", event({ extra: { a: 0 } }).replace('{"a":0}', `{"a":${deep(500)}}`), "stored"],
    [
      "of 10,000 features",
      event({ features: 0 }).replace('"features":0', `"features":${withKeys(10_000, "1")}`),
      "stored",
    ],
    ["of 10,000 fields", `${event().slice(0, -1)},${withKeys(10_000, '{"a":[]}').slice(1)}`, "stored"],
    ["of a megabyte", event({ extra: { a: "x".repeat(1_000_000) } }), "stored"],
    ["of an hour ahead", event({ event_time: nowMs + 3_600_000 }), "stored"],
    ["of no features", event({ features: null }), "stored"],
    [
      "of nulls only where they may be",
      event({
        version: null,
        arm: null,
        environment: null,
        prediction: null,
        scores: null,
        weight: null,
        cohorts: { a: null },
        extra: null,
      }),
      "stored",
    ],
    ["of a replay's environment", event({ environment: "replay-2026-01" }), "stored"],
    ["of repeated keys: the last counts", event().replace("{", '{"model":7,'), "stored"],
    [
      "of keys called __proto__ and constructor",
      '{"__proto__":{"model":"x"},"constructor":1,"event_id":"1","model":"m","event_time":1769904000000,"features":{"__proto__":1,"toString":"a"}}',
      "stored",
    ],
    [
      "of names in quotes, dots, emoji and SQL",
      event({ model: "\"m'.😀; DROP TABLE events", features: { "a.b": 1, "'; --": "x", "😀": true } }),
      "stored",
    ],
  ])("%s", (_, value, reason) => expect(reasonOf("events", value)).toBe(reason));

  test("refused if its model is new and there are max_models", () => {
    const events = ["a", "b", "c", "d", "a"].map((model) => event({ model }));
    expect(batchOf("events", events).verdicts.map((verdict) => verdict.kind)).toEqual([
      "stored",
      "stored",
      "stored",
      "dead_letter",
      "stored",
    ]);
    expect(batchOf("events", events).verdicts[3]).toMatchObject({ reason: "model_limit" });
  });

  test("refused without costing a place among max_models or a feature", () => {
    const bad = ["a", "b", "c", "d"].map((model) => event({ model, features: { x: 1, y: {} } }));
    const { batch } = batchOf("events", [...bad, event()]);
    expect(batch.decoding().newModels).toEqual(["m"]);
    expect(batch.rows).toBe(1);
  });

  test("refused if its model is not declared and must be", () => {
    expect(reasonOf("events", event(), { discovery: "declared" })).toBe("model_undeclared");
    expect(reasonOf("labels", label(), { discovery: "declared" })).toBe("model_undeclared");
  });
});

describe("a label is", () => {
  test.each<[string, string | Buffer | null, string]>([
    ["cut off", label().slice(0, -1), "malformed_json"],
    ["an array", "[]", "not_an_object"],
    ["without a model", label({ model: undefined }), "model_missing"],
    ["without a key", label({ event_id: undefined }), "key_missing"],
    ["of empty keys", label({ event_id: "", entity_key: "" }), "key_missing"],
    ["of a key that is a number", label({ event_id: 1 }), "field_invalid"],
    ["of an entity key that is a number", label({ entity_key: 1 }), "field_invalid"],
    ["without a time", label({ label_time: undefined }), "time_missing"],
    ["of a time in seconds", label({ label_time: nowMs / 1000 }), "time_invalid"],
    ["of 1970", label({ label_time: "1970-01-01T00:00:00Z" }), "past_time"],
    ["of 2100", label({ label_time: "2100-01-01T00:00:00Z" }), "future_time"],
    ["of an unknown environment", label({ environment: "prod" }), "environment_invalid"],
    ["without a label", label({ label: undefined }), "label_missing"],
    ["of a label that is null", label({ label: null }), "label_missing"],
    ["of a label that is an object", label({ label: {} }), "label_invalid"],
    ["of an infinite label", label({ label: 7 }).replace('"label":7', '"label":1e999'), "label_invalid"],
    ["of an empty class", label({ label: "" }), "stored"],
    ["of an outcome", label({ name: "revenue", label: -3.5 }), "stored"],
    ["of an outcome without a name", label({ name: null, label: "late" }), "stored"],
    ["of an outcome that is no number", label({ name: "revenue", label: "3.5" }), "label_invalid"],
    ["of a name with spaces", label({ name: "net revenue", label: 1 }), "field_invalid"],
    ["of a boolean", label({ label: false }), "stored"],
    ["of an entity key alone", label({ event_id: undefined, entity_key: "k" }), "stored"],
    ["of a model that no event has named", label({ model: "unheard of" }), "stored"],
    ["of a tombstone", null, "tombstone"],
  ])("%s", (_, value, reason) => expect(reasonOf("labels", value)).toBe(reason));
});

test("every message has exactly one verdict, whatever it is: rows + dropped + dead letters = messages", () => {
  // Any UTF-16, lone surrogates included.
  const text = fc.array(fc.nat(0xffff), { maxLength: 4 }).map((codes) => String.fromCharCode(...codes));
  const mutate = fc
    .tuple(fc.constantFrom(event({ scores: { a: 0.5 } }), label()), fc.nat(), text)
    .map(([text, at, junk]) => text.slice(0, at % text.length) + junk + text.slice((at % text.length) + junk.length));
  const message = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
    fc.dictionary(text, fc.jsonValue({ maxDepth: 2 })).map((fields) => event(fields)),
    fc.dictionary(text, fc.jsonValue({ maxDepth: 1 })).map((features) => event({ features })),
    mutate,
    fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    fc.constant(null),
  );
  fc.assert(
    fc.property(
      fc.constantFrom<MessageKind>("events", "labels"),
      fc.array(message, { maxLength: 15 }),
      (kind, values) => {
        const { batch, verdicts } = batchOf(kind, values);
        const count = (wanted: string) => verdicts.filter((verdict) => verdict.kind === wanted).length;
        expect(verdicts).toHaveLength(values.length);
        expect(batch.messages).toBe(values.length);
        expect(batch.rows).toBe(count("stored"));
        expect(batch.deadLetters).toHaveLength(count("dead_letter"));
        expect(count("dropped") + batch.rows + batch.deadLetters.length).toBe(values.length);
        expect(batch.blocks().reduce((rows, block) => rows + block.rows, 0)).toBe(batch.rows);
        for (const verdict of verdicts) {
          if (verdict.kind === "dropped") expect(dropReasons).toHaveProperty(verdict.reason);
          if (verdict.kind === "dead_letter") {
            expect(deadLetterReasons).toHaveProperty(verdict.reason);
            expect(verdict.detail).toMatch(/^[^\n]{1,400}$/);
          }
        }
      },
    ),
    { numRuns: 100 },
  );
});

test("duplicate ids are two rows: exactly once is said of messages", () => {
  expect(batchOf("events", [event(), event()]).batch.rows).toBe(2);
});

test("a refused event leaves no trace in the block", () => {
  const clean = batchOf("events", [event({ scores: { a: 0.5 }, extra: { note: "x" } })]);
  const bad = event({ features: { a: 2 }, extra: { long: "y" }, cohorts: { c: "d" }, scores: { a: 1, b: "?" } });
  const made = maker();
  const batch = made.createBatch("events");
  for (const value of [event({ scores: { a: 0.5 }, extra: { note: "x" } }), bad, bad]) {
    batch.add({ topic: "t", partition: 0, offset: 0, value: Buffer.from(value), timestampMs: nowMs });
  }
  expect(batch.rows).toBe(1);
  expect(batch.blocks()).toEqual(clean.batch.blocks());
});

describe("a dead letter", () => {
  test("carries where it came from, why, and a hash of all of it", () => {
    const [letter] = batchOf("events", ["{"]).batch.deadLetters;
    expect(letter).toMatchObject({ topic: "t", partition: 0, offset: 0, reason: "malformed_json", timestampMs: nowMs });
    expect(letter?.value.toString()).toBe("{");
    expect(letter?.sha256).toBe("021fb596db81e6d02bf3d2586ee3981fe519f275c0ac9ca76bbcf2ebb4097d96");
  });

  test("is cut to 256 KB", () => {
    const [letter] = batchOf("events", ["x".repeat(2 << 20)]).batch.deadLetters;
    expect([letter?.reason, letter?.value.length]).toEqual(["too_large", deadLetterBytes]);
  });
});

describe("a successor", () => {
  const events = [
    event({ features: { a: 1, b: "x" } }),
    event({ features: { b: "y", a: 2, c: true }, cohorts: { region: "n" } }),
    event({ model: "n", features: { z: "NaN" }, event_time: nowMs - 40 * dayMs }),
    "{",
    event({ features: { c: 5, a: "odd" } }),
  ];

  function takeOver(knownSchemas: readonly FeatureSchema[]) {
    return batchOf("events", events, maker({ knownSchemas })).batch;
  }

  test("that knows the same schemas makes the same bytes and the same hash", () => {
    const known = takeOver([]).decoding().newSchemas;
    const one = takeOver(known);
    const two = takeOver(known);
    expect(one.blocks()).toEqual(two.blocks());
    expect(one.decoding()).toEqual(two.decoding());
    expect(one.decoding().newSchemas).toEqual([]);
    expect(one.decoding().newModels).toEqual([]);
  });

  test("that knows other schemas says so by another hash", () => {
    const known = [createFeatureSchema("m", [{ name: "b", type: "categorical" }])];
    expect(takeOver(known).decoding().hash).not.toBe(takeOver([]).decoding().hash);
  });

  test("that is configured otherwise says so by another hash", () => {
    const caps = { maxModels: 3, maxFeatures: 2 };
    const other = batchOf("events", events, maker({ caps })).batch;
    expect(other.decoding().hash).not.toBe(takeOver([]).decoding().hash);
  });
});

test("what is new is reported by every batch that uses it until it is stored", () => {
  const made = maker();
  const first = batchOf("events", [event()], made).batch.decoding();
  expect([first.newSchemas.length, first.newModels]).toEqual([1, ["m"]]);
  const second = batchOf("events", [event()], made).batch;
  expect(second.decoding().newSchemas).toEqual(first.newSchemas);
  made.markStored({ schemas: first.newSchemas, models: first.newModels });
  expect(second.decoding()).toMatchObject({ newSchemas: [], newModels: [] });
});

test("memory held is never estimated below what the buffers hold", () => {
  const narrow = Array.from({ length: 2000 }, (_, index) =>
    event({ event_id: `event ${index}`, features: { a: index } }),
  );
  const wide = event({ features: JSON.parse(withKeys(500, "1")) });
  for (const events of [narrow, [wide, ...narrow]]) {
    const { batch } = batchOf("events", events);
    const encoded = batch.blocks().reduce((bytes, block) => bytes + block.body.length, 0);
    expect(batch.bytes).toBeGreaterThan(encoded);
  }
});
