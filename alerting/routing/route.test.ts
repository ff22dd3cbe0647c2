import { describe, expect, test } from "vitest";
import { routeReceivers, routeSchema, undefinedReceivers } from "./route.ts";
import type { Route } from "./route.ts";

const tree: Route = {
  receiver: "tickets",
  routes: [
    { match: { severity: "page", team: "ops" }, receiver: "ops-phone", continue: true },
    {
      match: { severity: "page" },
      receiver: "phone",
      routes: [{ match: { environment: "staging" }, receiver: "chat" }],
    },
    { match: { team: "" }, receiver: "orphans" },
    { match: { feature: "hour" } },
  ],
};

describe("Alertmanager's rules", () => {
  test.each([
    ["what no child takes goes to the node's own receiver", { severity: "ticket", team: "ml" }, ["tickets"]],
    ["the first child that matches takes it", { severity: "page", team: "ml" }, ["phone"]],
    ["with continue the ones after it are asked too", { severity: "page", team: "ops" }, ["ops-phone", "phone"]],
    ["a child's child comes before the child", { severity: "page", team: "ml", environment: "staging" }, ["chat"]],
    ["an absent label equals the empty text", { severity: "ticket" }, ["orphans"]],
    [
      "a child without a receiver inherits its parent's",
      { severity: "ticket", team: "ml", feature: "hour" },
      ["tickets"],
    ],
  ])("%s", (_claim, labels, receivers) => {
    expect(routeReceivers(tree, labels)).toEqual(receivers);
  });

  test("a receiver is told once however many routes lead to it", () => {
    const twice = { receiver: "a", routes: [{ receiver: "b", continue: true }, { receiver: "b" }] };
    expect(routeReceivers(twice, {})).toEqual(["b"]);
  });
});

test("receivers that nobody defined are named", () => {
  expect(undefinedReceivers(tree, ["tickets", "phone", "chat"])).toEqual(["ops-phone", "orphans"]);
});

test("the root names a receiver and has no matchers", () => {
  expect(
    routeSchema.safeParse({ receiver: "a", routes: [{ match: { severity: "page" }, receiver: "b" }] }).success,
  ).toBe(true);
  expect(routeSchema.safeParse({ routes: [] }).success).toBe(false);
  expect(routeSchema.safeParse({ receiver: "a", match: {} }).success).toBe(false);
});
