import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { accessibilityFaults, createVisitor, startBrowser } from "../page/testing/browser.ts";
import { compareFiles } from "./compare-files.ts";
import { comparisonPage } from "./html.ts";

test("the page of a comparison is fit for everybody: light, dark and on a phone, and asks for nothing", async () => {
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "leeway-page-"));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const compared = await compareFiles({ files: "example", columns: null, types: new Map(), methods: null });
  const file = join(folder, "page.html");
  await writeFile(file, comparisonPage(compared));
  const browser = await startBrowser();
  resources.defer(() => browser.close());
  for (const [look, options, rules] of [
    ["light", {}, ["colours", "structure"]],
    ["dark", { dark: true }, ["colours"]],
    ["phone", { width: 360 }, ["structure"]],
  ] as const) {
    await using visitor = await createVisitor(browser, options);
    const { page, faults } = visitor;
    await page.goto(pathToFileURL(file).href);
    const pictures = process.env["LEEWAY_PICTURES"];
    if (pictures !== undefined) await page.screenshot({ path: join(pictures, `compare-${look}.png`), fullPage: true });
    await page.locator("details").evaluateAll((all) => all.forEach((one) => one.setAttribute("open", "")));
    for (const rule of rules) {
      expect({ look, found: await accessibilityFaults(page, rule) }).toEqual({ look, found: [] });
    }
    // Nothing sticks out: a table may scroll in itself, the page does not.
    const sticksOut = await page.evaluate(
      "document.documentElement.scrollWidth > document.documentElement.clientWidth",
    );
    expect({ look, sticksOut }).toEqual({ look, sticksOut: false });
    expect(faults).toEqual([]);
  }
});
