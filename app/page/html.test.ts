import { expect, test } from "vitest";
import { html, rendered } from "./html.ts";

test("values are text, whatever they hold", () => {
  const name = `<script>alert("1")</script>'&`;
  expect(rendered(html`<p title="${name}">${name}</p>`)).toBe(
    `<p title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;">&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;</p>`,
  );
});

test("pieces are nested as they are, lists are joined, null and false leave nothing", () => {
  const items = ["a", "<b>"].map((item) => html`<i>${item}</i>`);
  expect(rendered(html`<b>${items}${null}${false}${0}</b>`)).toBe("<b><i>a</i><i>&lt;b&gt;</i>0</b>");
});

test("an object that came from data is never taken for a piece", () => {
  const data = JSON.parse('{"markup":"<b>"}') as never;
  expect(() => rendered(html`${data}`)).toThrow(TypeError);
});

test("control characters and turned reading directions become visible, lone surrogates well formed", () => {
  expect(rendered(html`${"a\u0000b\u202ec\ud800"}`)).toBe("a\u{fffd}b\u{fffd}c\u{fffd}");
});
