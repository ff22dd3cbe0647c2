import { expect, test } from "vitest";
import { createProducerTraces, maxLinks } from "./producer-traces.ts";

const traceparent = (trace: number, span: number, flags = "01") =>
  `00-${trace.toString(16).padStart(32, "0")}-${span.toString(16).padStart(16, "0")}-${flags}`;

function tracesOf(...all: readonly string[]) {
  const traces = createProducerTraces();
  for (const one of all) traces.add(one);
  return traces;
}

test("messages without a trace leave a batch with neither parent nor links", () => {
  const traces = tracesOf();
  expect(traces.parent()).toBeNull();
  expect(traces.links()).toEqual([]);
});

test("messages of one trace make its first span the parent, and the others links", () => {
  const traces = tracesOf(traceparent(1, 1), traceparent(1, 2), traceparent(1, 1));
  expect(traces.parent()).toBe(traceparent(1, 1));
  expect(traces.links()).toEqual([traceparent(1, 2)]);
});

test("messages of several traces are all linked, each span once, and none is the parent", () => {
  const traces = tracesOf(traceparent(1, 1), traceparent(2, 1), traceparent(1, 1));
  expect(traces.parent()).toBeNull();
  expect(traces.links()).toEqual([traceparent(1, 1), traceparent(2, 1)]);
});

test("the links of a large batch are bounded, and traces that are recorded come first", () => {
  const unrecorded = Array.from({ length: 1000 }, (_, index) => traceparent(index + 1, 1, "00"));
  const recorded = Array.from({ length: 1000 }, (_, index) => traceparent(index + 5000, 1));
  const links = tracesOf(...unrecorded, ...recorded).links();
  expect(links).toHaveLength(maxLinks);
  expect(links.every((link) => link.endsWith("-01"))).toBe(true);
});

test("another trace is noticed however late it comes", () => {
  const one = Array.from({ length: 1000 }, (_, index) => traceparent(1, index + 1));
  expect(tracesOf(...one).parent()).toBe(traceparent(1, 1));
  expect(tracesOf(...one, traceparent(2, 1)).parent()).toBeNull();
});
