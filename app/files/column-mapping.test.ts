import { describe, expect, test } from "vitest";
import { LeewayError } from "../../core/errors.ts";
import type { ModelSpec } from "../../core/model.ts";
import type { SourceColumn } from "../../store/facts/file-comparison-source.ts";
import { requireConfig } from "../config/load.ts";
import { mapColumns, type MappingRequest } from "./column-mapping.ts";

const columns = (...names: readonly string[]): SourceColumn[] =>
  names.map((name) => {
    const [plain = "", kind = "number"] = name.split(":");
    return { name: plain, kind: kind as SourceColumn["kind"], type: "Nullable(String)" };
  });

const request = (changes: Partial<MappingRequest> = {}): MappingRequest => ({
  kind: "events",
  command: "ingest",
  fileName: "scores.csv",
  given: {},
  cohorts: [],
  features: null,
  spec: null,
  ...changes,
});

const learning = requireConfig({ path: null, environment: {}, cwd: "/nowhere" }).learningModel("churn");

const specWith = (changes: Partial<ModelSpec>): ModelSpec => ({ ...learning, ...changes });

function shown(mapping: ReturnType<typeof mapColumns>) {
  return {
    roles: Object.fromEntries(
      [...mapping.roles].map(([role, { column, guessed }]) => [role, `${column.name}${guessed ? "?" : ""}`]),
    ),
    features: mapping.features.map(({ name }) => name),
    cohorts: mapping.cohorts.map(({ name }) => name),
    extra: mapping.extra.map(({ name }) => name),
    absent: mapping.absent,
  };
}

describe("which column is what", () => {
  test("names say it, however they are written; what is nothing else is a feature", () => {
    const mapping = mapColumns(
      columns("Request ID:text", "scoredAt:time", "age", "proba", "y_true", "modelVersion:text"),
      request(),
    );
    expect(shown(mapping)).toEqual({
      roles: {
        "time-column": "scoredAt?",
        id: "Request ID?",
        score: "proba?",
        label: "y_true?",
        version: "modelVersion?",
      },
      features: ["age"],
      cohorts: [],
      extra: [],
      absent: [],
    });
  });

  test("what may as well be a feature is not guessed", () => {
    const mapping = mapColumns(columns("event_time:time", "weight", "variant:text", "customer_id:text"), request());
    expect(shown(mapping).features).toEqual(["weight", "variant", "customer_id"]);
  });

  test("what was said goes before what was guessed", () => {
    const given = { "time-column": "created", label: "churned" } as const;
    const mapping = mapColumns(columns("timestamp:time", "created:time", "churned", "label"), request({ given }));
    expect(shown(mapping).roles).toEqual({ "time-column": "created", label: "churned" });
    expect(shown(mapping)).toMatchObject({ features: ["label"], extra: ["timestamp"] });
  });

  test("a declared feature stays one, and a declared cohort is none", () => {
    const spec = specWith({
      features: [
        { name: "label", type: "categorical", unit: null },
        { name: "gone", type: "numeric", unit: null },
      ],
      cohorts: [{ attribute: "country", watch: false } as ModelSpec["cohorts"][number]],
    });
    const mapping = mapColumns(columns("event_time:time", "label:text", "country:text", "age"), request({ spec }));
    expect(shown(mapping)).toMatchObject({ features: ["label", "age"], cohorts: ["country"], absent: ["gone"] });
    expect(shown(mapping).roles).not.toHaveProperty("label");
  });

  test("the only time of the file's own type is the time; of several nobody knows", () => {
    expect(shown(mapColumns(columns("when:time", "age"), request())).roles).toEqual({ "time-column": "when?" });
    const two = shown(mapColumns(columns("opened:time", "closed:time", "age"), request()));
    expect(two).toMatchObject({ roles: {}, features: ["age"], extra: ["opened", "closed"] });
  });

  test("labels need a key, a time and the outcome, and have no features", () => {
    const mapping = mapColumns(
      columns("id:text", "date:time", "outcome:text", "note:text"),
      request({ kind: "labels" }),
    );
    expect(shown(mapping)).toMatchObject({
      roles: { id: "id?", "time-column": "date?", label: "outcome?" },
      features: [],
    });
  });

  test("--features leaves the others out", () => {
    const mapping = mapColumns(columns("ts:time", "age", "noise"), request({ features: ["age"] }));
    expect(shown(mapping)).toMatchObject({ features: ["age"], extra: [] });
  });
});

describe("what is not there is said in one line", () => {
  const messageOf = (changes: Partial<MappingRequest>) => {
    try {
      mapColumns(columns("event_time:time", "proba", "age"), request(changes));
    } catch (error) {
      return error instanceof LeewayError ? `${error.code}: ${error.message}` : String(error);
    }
    return "no error";
  };

  test.each([
    [
      { given: { score: "probba" } },
      'usage: ingest: --score: scores.csv has no column "probba"; did you mean "proba"?',
    ],
    [
      { cohorts: ["region"] },
      'usage: ingest: --cohorts: scores.csv has no column "region"; it has event_time, proba, age',
    ],
    [{ given: { score: "proba", label: "proba" } }, 'usage: ingest: column "proba" cannot be both --score and --label'],
  ])("%j", (changes, expected) => expect(messageOf(changes)).toBe(expected));
});
