import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { parseConfigDocument } from "../config/document.ts";
import { modelSchema } from "../config/schema.ts";
import { draftModels } from "./model-draft.ts";
import { modelFileText } from "./model-file-text.ts";

const origin = {
  source: "events.ndjson",
  messages: 3,
  mapping: [],
  shownBy: "leeway tap",
  refused: new Map<string, number>(),
};

const textOf = (fields: Readonly<Record<string, unknown>>, source = "events.ndjson") => {
  const [draft] = draftModels([{ timeMs: Date.UTC(2026, 8, 1), fields }]);
  return modelFileText(draft!, { ...origin, source });
};

test("whatever names events carry, the file is valid and says them back", () => {
  const name = fc.oneof(
    fc.string({ unit: "binary", minLength: 1 }),
    fc.constantFrom(
      "null",
      "yes",
      "1",
      "a: b",
      "# c",
      "${HOME}",
      "$${X}",
      "é\u2028\n",
      "- d",
      "{}",
      "'",
      "~",
      "__proto",
    ),
  );
  const usable = name.filter((text) => text.trim() !== "" && text !== "__proto__");
  fc.assert(
    fc.property(usable, fc.uniqueArray(usable, { maxLength: 5 }), usable, (model, features, version) => {
      const text = textOf(
        {
          model,
          version,
          prediction: version,
          scores: { [model]: 1 },
          features: Object.fromEntries(features.map((feature) => [feature, 1])),
        },
        version,
      );
      const document = parseConfigDocument("models/x.yaml", text, {});
      expect(document.faults).toEqual([]);
      const file = modelSchema.parse(document.value);
      expect(file.model).toBe(model);
      expect(new Set(Object.keys(file.features ?? {}))).toEqual(new Set(features));
    }),
    { numRuns: 40 },
  );
});

test("what events do not say is a comment, and marked as such", () => {
  const text = textOf({
    model: "churn",
    prediction: "yes",
    scores: { yes: 0.2 },
    features: { age: 1 },
    cohorts: { state: "NY" },
  });
  expect(parse(text)).toEqual({
    model: "churn",
    tags: {},
    task: { kind: "binary", positive: "yes", label_delay: "1d" },
    features: { age: { type: "numeric" } },
    monitoring: { window: "auto", environments: ["production"], false_incidents_per_model_week: 0.05 },
  });
  expect(text).toContain("# ? Baseline: what was normal cannot be guessed.");
  expect(text).toContain("nothing to slice by");
});
