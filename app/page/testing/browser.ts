import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

/** Debian's Chromium, which asks nobody for anything. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A person's browser of its own, with what went wrong in it. */
export interface Visitor extends AsyncDisposable {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors of the console, dialogs, and requests for anything but a page. */
  readonly faults: string[];
}

export async function createVisitor(
  browser: Browser,
  options: { readonly dark?: boolean; readonly width?: number } = {},
): Promise<Visitor> {
  const { dark = false, width = 1280 } = options;
  const context = await browser.newContext({
    colorScheme: dark ? "dark" : "light",
    viewport: { width, height: 900 },
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("console", (message) => {
    // Chromium notes answers of 400 and above itself.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.resourceType() !== "document" && !request.url().startsWith("data:")) faults.push(request.url());
  });
  return { context, page, faults, [Symbol.asyncDispose]: () => context.close() };
}

/**
 * What axe finds on a page, as one line each.
 *
 * @param rules `colours`: contrast alone; `structure`: everything else, which no colour changes.
 */
export async function accessibilityFaults(page: Page, rules: "colours" | "structure"): Promise<readonly string[]> {
  const axe = new AxeBuilder({ page });
  const { violations } = await (
    rules === "colours" ? axe.withRules(["color-contrast"]) : axe.disableRules(["color-contrast"])
  ).analyze();
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" | ")}`);
}
