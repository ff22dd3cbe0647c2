import { expect, test } from "vitest";
import type { ComparedColumn, IllustratedComparison } from "./comparison.ts";
import { comparisonPage } from "./html.ts";

const side = { rows: 10, missing: 0, distinct: 2 };

function page(column: Partial<ComparedColumn>, pictures: IllustratedComparison["pictures"] = new Map()): string {
  const whole: ComparedColumn = {
    name: "x",
    type: "categorical",
    reference: side,
    current: side,
    methods: {},
    effect: null,
    decision: "ok",
    explanation: "",
    ...column,
  };
  const file = { source: "a.csv", rows: 10 };
  return comparisonPage({
    comparison: { reference: file, current: file, columns: [whole], verdict: "ok" },
    pictures,
  });
}

test("names, categories and explanations are text, whatever they hold", () => {
  const hostile = `<script>alert("x")</script>'&\u0007`;
  const picture = {
    kind: "categorical",
    bars: [{ name: hostile, kind: "new", reference: 0, current: 1 }],
  } as const;
  const html = page({ name: hostile, explanation: hostile }, new Map([[hostile, picture]]));
  expect(html).not.toContain("<script");
  expect(html).not.toContain("\u0007");
  expect(html).toContain("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39;&amp;");
});

test("a column without a value or a picture has a section all the same", () => {
  const html = page({ decision: "insufficient_data", explanation: "The current file has no rows." });
  expect(html).toContain("The current file has no rows.");
  expect(html).not.toContain("NaN");
});
