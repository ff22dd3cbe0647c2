import { expect, test } from "vitest";
import { rendered } from "./html.ts";
import { mixSection, mixText } from "./mix-section.ts";

const slice = (name: string) => ({ name, reference: 0.1, current: 0.2, carried: 0.5 });
const region = (part: number) => ({ mix: [{ attribute: "region", part }], slices: [] });

test.each([
  [0.714, "It is mostly mix: 71.4 % of it is another mix of region, 28.6 % happened within its values."],
  [0.3, "It is mostly within: 30.0 % of it is another mix of region, 70.0 % happened within its values."],
  [1, "It is another mix of region: within its values nothing moved that way."],
  [-0.4, "It happened within the values of region, and is larger there: another mix of them hides 40.0 % of it."],
])("a mix of %d", (part, text) => {
  expect(mixText(region(part))).toBe(text);
});

test("slices without a part of the mix worth telling: within their attributes", () => {
  const slices = [slice("region=south"), slice("device=web,region=south"), slice("region=north")];
  expect(mixText({ mix: [], slices: slices.slice(0, 1) })).toBe(
    "It happened within the values of region: its mix explains little of it.",
  );
  expect(mixText({ slices })).toBe(
    "It happened within the values of region and device: their mixes explain little of it.",
  );
});

test("an attribute whose values are alike was looked at as well", () => {
  expect(mixText({ mix: [], slices: [slice("region=south")], alike: ["device"] })).toBe(
    "It happened within the values of region and device: their mixes explain little of it.",
  );
});

test("nothing is said where no attribute was looked at", () => {
  expect(mixText({ mix: [], slices: [] })).toBeNull();
});

test("both parts of the change stand in a table, by attribute", () => {
  const text = rendered(mixSection("hour", region(0.714)))
    .replaceAll(/<[^>]*>|\s+/g, " ")
    .replaceAll(/\s+/g, " ");
  expect(text).toContain("Mix, or within It is mostly mix");
  expect(text).toContain("Attribute Another mix Within its values region 71.4 % 28.6 %");
});
