import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyMissing } from "../../deploy/testing/debian-packages.ts";
import type { Facts } from "../../store/facts/client.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import type { HttpServer } from "../http/server.ts";
import { accessibilityFaults, createVisitor, startBrowser } from "./testing/browser.ts";
import { hostileName, startPageFixture } from "./testing/page-fixture.ts";

const token = "a-token-that-nobody-may-read";

let facts: Facts;
let fixture: Awaited<ReturnType<typeof startPageFixture>>;
let empty: HttpServer;
let locked: HttpServer;
let browser: Browser;
/** Of `loan-approval`, open. */
let incidentId: string;

const missing = whyMissing("chromium");

beforeAll(async () => {
  if (missing !== null) return;
  facts = await createTestDatabase();
  [fixture, browser] = await Promise.all([startPageFixture(facts), startBrowser()]);
  empty = await fixture.serve({ empty: true });
  locked = await fixture.serve({ token });
  incidentId = fixture.alerting.incidents.list({ status: "open" })[0]?.id ?? "";
}, 240_000);

afterAll(async () => {
  if (missing !== null) return;
  await browser.close();
  await locked[Symbol.asyncDispose]();
  await empty[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
  await facts[Symbol.asyncDispose]();
});

const incidentUrl = (base = fixture.url) => `${base}/incidents/${incidentId}`;
const incident = () => fixture.alerting.incidents.get(incidentId);

describe.skipIf(missing !== null)("what the page says", () => {
  test("the fleet says first who needs somebody, and nothing that was not measured looks well", async () => {
    await using visitor = await createVisitor(browser);
    const { page, faults } = visitor;
    await page.goto(fixture.url);
    expect(await page.textContent("h1")).toBe("1 of 4 models needs attention");
    const rows = await page.locator("tbody tr").all();
    const texts = await Promise.all(rows.map((row) => row.innerText()));
    expect(texts.map((text) => text.split(/\s/)[0])).toEqual([
      "loan-approval",
      "never-called",
      "brand-new",
      "card-fraud",
    ]);
    expect(texts[1]).toContain("no events");
    expect(texts[2]).toContain("learning");
    expect(texts[2]).toContain("24 rows of 100, 3 whole windows of 10; no baseline yet");
    expect(texts[3]).toContain("no change");
    expect(await rows[1]?.locator(".well").count()).toBe(0);
    expect(await rows[2]?.locator(".well").count()).toBe(0);
    expect(faults).toEqual([]);
  });

  test("a model's page shows each feature's state, what the predictions did, performance, versions and incidents", async () => {
    await using visitor = await createVisitor(browser);
    const { page, faults } = visitor;
    await page.goto(`${fixture.url}/models/loan-approval`);
    const row = (name: string) => page.getByRole("region", { name: "Features" }).locator("tr", { hasText: name });
    expect(await row("amount").innerText()).toMatch(/changed/);
    expect(await row("weekday").innerText()).toMatch(/too variable/);
    expect(await row("age").innerText()).toMatch(/no change/);
    expect(await row("age").locator("svg.strip").getAttribute("aria-label")).toMatch(
      /^age: 12 windows to .* no change/,
    );
    for (const heading of ["Open incidents", "Predictions", "Performance", "Versions", "Incidents", "Setting"]) {
      expect(await page.getByRole("heading", { name: heading, exact: true }).count()).toBe(1);
    }
    // Both versions had labels; the last window's are not due yet.
    expect(await page.getByRole("img", { name: /^Accuracy/ }).getAttribute("aria-label")).toMatch(
      /version 2026-01: from .*; version 2026-02: from /,
    );
    await page.getByRole("link", { name: "age" }).click();
    expect(await page.getByRole("heading", { name: /^age: reference and window/ }).count()).toBe(1);
    expect(faults).toEqual([]);
  });

  test("a model that is learning says what is missing", async () => {
    await using visitor = await createVisitor(browser);
    await visitor.page.goto(`${fixture.url}/models/brand-new`);
    const card = await visitor.page.getByRole("region", { name: "Learning: what is missing" }).innerText();
    expect(card).toContain("24 of at least 100");
    expect(card).toContain("3 of 10");
    expect(card).toContain("model: brand-new");
    expect(await visitor.page.locator(".well").count()).toBe(0);
  });

  test("an incident's page draws reference against current, names who is affected, and what was sent", async () => {
    await using visitor = await createVisitor(browser);
    const { page, faults } = visitor;
    await page.goto(incidentUrl());
    const amount = page.locator("section", { has: page.getByRole("heading", { name: "amount changed" }) });
    expect(await amount.getByRole("img", { name: /^Distribution of amount/ }).count()).toBe(1);
    expect(await amount.locator(".shares").first().innerText()).toMatch(/over \d.* EUR/);
    expect(
      await amount.getByRole("region", { name: "Slices of amount" }).locator("tbody tr").first().innerText(),
    ).toMatch(/^region=south/);
    expect(await amount.innerText()).toContain(
      "It happened within the values of region: its mix explains little of it.",
    );
    const sent = await page.getByRole("region", { name: "Notifications" }).innerText();
    expect(sent).toMatch(/credit-team.*delivered/);
    expect(sent).toMatch(/old-pager.*given up/);
    expect(await page.locator("ol.timeline li").count()).toBeGreaterThan(4);
    expect(faults).toEqual([]);
  });

  test("a name from an event is text, wherever it stands", async () => {
    await using visitor = await createVisitor(browser);
    const { page, faults } = visitor;
    await page.goto(`${fixture.url}/models/loan-approval`);
    await page.getByRole("link", { name: hostileName }).click();
    expect(await page.getByRole("heading", { name: `${hostileName}: reference` }).count()).toBe(1);
    expect(await page.locator("script").count()).toBe(0);
    expect(await page.locator(".shares").first().innerText()).toContain("<b>yes</b>");
    const unknown = await page.goto(`${fixture.url}/models/${encodeURIComponent("<img src=x onerror=alert(1)>")}`);
    expect(unknown?.status()).toBe(404);
    expect(await page.textContent("main")).toContain("<img src=x onerror=alert(1)>");
    await page.goto(`${fixture.url}/models/loan-approval?environment=%22%3E%3Cscript%3E&series=%22%3E`);
    expect(await page.locator("script, img").count()).toBe(0);
    expect(faults).toEqual([]);
  });

  test("without a model it says what to paste, with a token where one is asked for", async () => {
    await using visitor = await createVisitor(browser);
    await visitor.page.goto(empty.url);
    const command = await visitor.page.textContent("pre");
    expect(command).toMatch(/^curl -s http:\/\/127\.0\.0\.1:8686\/v1\/events .* -d '\{.*\}'$/);
    expect(command).not.toContain("Bearer");
  });

  test("what is not there is said in words, with a way on", async () => {
    await using visitor = await createVisitor(browser);
    const { page } = visitor;
    expect((await page.goto(`${fixture.url}/incidents/none`))?.status()).toBe(404);
    expect(await page.textContent("h1")).toBe("There is no such incident");
    await page.getByRole("link", { name: "All models" }).click();
    expect(new URL(page.url()).pathname).toBe("/");
  });
});

describe.skipIf(missing !== null)("for everyone", () => {
  const pages = (): readonly (readonly [string, string])[] => [
    ["the fleet", fixture.url],
    ["a model", `${fixture.url}/models/loan-approval`],
    ["a quiet model", `${fixture.url}/models/card-fraud`],
    ["a learning model", `${fixture.url}/models/brand-new`],
    ["a model without events", `${fixture.url}/models/never-called`],
    ["an incident", incidentUrl()],
    ["no models", empty.url],
    ["logging in", locked.url],
    ["nothing", `${fixture.url}/models/none`],
  ];

  test.each([
    ["in the structure of any page, with everything opened", {}, "structure"],
    ["in the structure of any page on a phone", { width: 360 }, "structure"],
    ["in the colours of light", {}, "colours"],
    ["in the colours of dark", { dark: true }, "colours"],
  ] as const)(
    "axe finds nothing %s, and nothing is cut off",
    async (_, look, rules) => {
      await using visitor = await createVisitor(browser, look);
      const { page } = visitor;
      for (const [name, url] of pages()) {
        await page.goto(url);
        // What is closed has the same structure on a phone.
        if (rules === "structure" && !("width" in look)) {
          await page.locator("details:not([open]) > summary").evaluateAll((all) => {
            for (const summary of all) summary.parentElement?.setAttribute("open", "");
          });
        }
        expect(await accessibilityFaults(page, rules), name).toEqual([]);
        const beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        expect(await page.evaluate(beyond), `${name} is wider than the screen`).toBe(0);
      }
    },
    180_000,
  );

  test("a keyboard alone leads from the fleet to an incident that is acknowledged", async () => {
    await using visitor = await createVisitor(browser);
    const { page } = visitor;
    const focused = () => page.evaluate("document.activeElement.textContent.trim()");
    const tabTo = async (text: string | RegExp) => {
      for (let steps = 0; steps < 40; steps += 1) {
        await page.keyboard.press("Tab");
        const now = String(await focused());
        if (typeof text === "string" ? now === text : text.test(now)) return;
      }
      throw new Error(`${text} is out of the keyboard's reach`);
    };
    await page.goto(fixture.url);
    await tabTo("Skip to the content");
    await page.keyboard.press("Enter");
    await tabTo("loan-approval");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/models/loan-approval");
    const title = await page.locator(".card.trouble h3 a").first().innerText();
    await tabTo(title);
    await page.keyboard.press("Enter");
    await page.waitForURL(incidentUrl());
    await page.getByLabel("Your name").focus();
    await page.keyboard.type("Ada");
    await tabTo("Acknowledge");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/incidents/*?done=acknowledge");
    expect(await page.getByRole("status").innerText()).toBe("Acknowledged.");
    expect(incident()?.acknowledged?.by).toBe("Ada");
    expect(await page.getByRole("button", { name: "Acknowledge" }).count()).toBe(0);
  });
});

describe.skipIf(missing !== null)("what people do", () => {
  test("silence and verdicts are kept with the incident, with the name that was given once", async () => {
    await using visitor = await createVisitor(browser);
    const { page, faults } = visitor;
    await page.goto(incidentUrl());
    await page.getByLabel("Your name").fill("Zoë <z>");
    await page.getByLabel("Comment, if any").fill(`known & "fine"`);
    await page.getByLabel("Silence for").selectOption("1d");
    await page.getByRole("button", { name: "Silence" }).click();
    await page.waitForURL("**?done=silence");
    const [silence] = incident()?.silences ?? [];
    expect(silence).toMatchObject({ by: "Zoë <z>", comment: `known & "fine"`, status: "active" });
    expect(Date.parse(silence?.until ?? "") - Date.now()).toBeGreaterThan(23 * 3_600_000);
    expect(await page.locator("main").innerText()).toContain(`by Zoë <z>: “known & "fine"”`);

    expect(await page.getByLabel("Your name").inputValue()).toBe("Zoë <z>");
    await page.getByRole("button", { name: "Noise" }).click();
    await page.waitForURL("**?done=feedback");
    expect(incident()?.feedback).toMatchObject([{ by: "Zoë <z>", verdict: "noise" }]);
    expect(faults).toEqual([]);
  });

  test("what is refused says why and loses nothing that was typed", async () => {
    await using visitor = await createVisitor(browser);
    const { page } = visitor;
    await page.goto(incidentUrl());
    await page.getByLabel("Your name").fill("   ");
    await page.getByLabel("Comment, if any").fill("a long story");
    const [answer] = await Promise.all([
      page.waitForResponse("**/feedback"),
      page.getByRole("button", { name: "Useful" }).click(),
    ]);
    expect(answer.status()).toBe(400);
    expect(await page.getByRole("alert").innerText()).toBe("Not done: by: say who you are");
    expect(await page.getByLabel("Comment, if any").inputValue()).toBe("a long story");
    await page.getByLabel("Your name").fill("Ada");
    await page.getByRole("button", { name: "Useful" }).click();
    await page.waitForURL("**?done=feedback");
  });
});

describe.skipIf(missing !== null)("who may", () => {
  const form = (csrf: string) => new URLSearchParams({ csrf, by: "Mallory", verdict: "useful" });
  const verdicts = () => incident()?.feedback.map(({ by }) => by);
  /** A page's cookie and the token of its forms. */
  async function visit(url: string, headers: Record<string, string> = {}) {
    const response = await fetch(url, { headers });
    const text = await response.text();
    return {
      cookie: (response.headers.get("set-cookie") ?? headers["cookie"] ?? "").split(";")[0] ?? "",
      csrf: /name="csrf"\s+value="([^"]+)"/.exec(text)?.[1] ?? "",
      response,
    };
  }

  test.each([
    ["without saying where it comes from", {}],
    ["from another site", { origin: "https://evil.example" }],
    ["from another site, says the browser", { origin: "own", "sec-fetch-site": "cross-site" }],
  ])("a form sent %s changes nothing, even with a token that is right", async (_, headers) => {
    const { cookie, csrf } = await visit(incidentUrl());
    const origin = "origin" in headers ? { origin: headers.origin === "own" ? fixture.url : headers.origin } : {};
    const before = verdicts();
    const response = await fetch(`${incidentUrl()}/feedback`, {
      method: "POST",
      headers: { ...headers, ...origin, cookie },
      body: form(csrf),
    });
    expect(response.status).toBe(403);
    expect(verdicts()).toEqual(before);
  });

  test("a form's token belongs to one session", async () => {
    const mine = await visit(incidentUrl());
    const other = await visit(incidentUrl());
    const send = (csrf: string) =>
      fetch(`${incidentUrl()}/feedback`, {
        method: "POST",
        headers: { origin: fixture.url, cookie: mine.cookie },
        body: form(csrf),
        redirect: "manual",
      });
    expect((await send(other.csrf)).status).toBe(403);
    expect((await send("")).status).toBe(403);
    expect((await send(mine.csrf)).status).toBe(303);
  });

  test("with tokens every page asks to log in first; then it goes where one wanted to go", async () => {
    await using visitor = await createVisitor(browser);
    const { page, context, faults } = visitor;
    expect((await page.goto(incidentUrl(locked.url)))?.status()).toBe(401);
    expect(await page.textContent("body")).not.toContain("loan-approval");
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", { name: "Log in" }).click();
    expect(await page.getByRole("alert").innerText()).toContain("No token");
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForURL(incidentUrl(locked.url));

    // The session is out of a script's reach, and the token is nowhere.
    expect(await page.evaluate("document.cookie")).toBe("");
    const cookies = await context.cookies();
    expect(cookies).toMatchObject([{ name: "leeway_session", httpOnly: true, sameSite: "Strict" }]);
    expect(JSON.stringify(cookies) + (await page.content()) + page.url()).not.toContain(token);

    // Who it was is the token's holder, whatever a form says.
    expect(await page.getByLabel("Your name").count()).toBe(0);
    await page.getByRole("button", { name: "Useful" }).click();
    await page.waitForURL("**?done=feedback");
    expect(verdicts()).toContain("night-shift");

    await page.getByRole("button", { name: "Log out" }).click();
    expect(await page.getByLabel("Token").count()).toBe(1);
    expect((await page.goto(locked.url))?.status()).toBe(401);
    expect(faults).toEqual([]);
  });

  test("a form without a session changes nothing", async () => {
    const before = verdicts();
    const response = await fetch(`${incidentUrl(locked.url)}/feedback`, {
      method: "POST",
      headers: { origin: locked.url },
      body: form("x"),
    });
    expect(response.status).toBe(401);
    expect(verdicts()).toEqual(before);
  });

  test("logging in leads nowhere but to a page of ours", async () => {
    for (const next of [
      "https://evil.example",
      "//evil.example",
      "javascript:alert(1)",
      "models/../../x",
      "\\\\evil",
    ]) {
      const response = await fetch(`${locked.url}/login`, {
        method: "POST",
        headers: { origin: locked.url },
        body: new URLSearchParams({ token, next }),
        redirect: "manual",
      });
      expect(response.headers.get("location")).toBe("./");
    }
  });

  test("a link from a chat finds the session that a strict cookie hides from it", async () => {
    await using visitor = await createVisitor(browser);
    const { page } = visitor;
    await page.goto(locked.url);
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForSelector("table");
    const chat = createServer((_, response) => {
      response.setHeader("content-type", "text/html").end(`<a href="${incidentUrl(locked.url)}">incident</a>`);
    });
    await new Promise<void>((resolve) => {
      chat.listen(0, "127.0.0.1", resolve);
    });
    // Another name is another site.
    await page.goto(`http://localhost:${(chat.address() as AddressInfo).port}`);
    await page.getByRole("link", { name: "incident" }).click();
    await page.waitForSelector("ol.timeline");
    expect(page.url()).toBe(incidentUrl(locked.url));
    chat.close();
  });

  test("nothing but the page itself may be loaded, run or framed", async () => {
    for (const url of [fixture.url, incidentUrl(), `${fixture.url}/models/none`, locked.url]) {
      const { headers } = await fetch(url);
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toMatch(
        /^default-src 'none'; style-src 'sha256-[\w+/=]+'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
      );
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("no-store");
    }
  });
});

describe.skipIf(missing !== null)("at last", () => {
  test("the present is accepted as the new baseline, and the incident ends", async () => {
    await using visitor = await createVisitor(browser);
    const { page } = visitor;
    await page.goto(incidentUrl());
    await page.getByLabel("Your name").fill("Ada");
    await page.getByText("Accept as the new baseline …").click();
    const [answer] = await Promise.all([
      page.waitForResponse("**/accept"),
      page.getByRole("button", { name: "Accept as the new baseline" }).click(),
    ]);
    expect(answer.status()).toBe(303);
    await page.waitForURL("**?done=accept");
    expect(await page.locator("main").innerText()).toMatch(/Accepted\s+by Ada/);
    expect(await page.locator("h1").innerText()).not.toMatch(/page|ticket/i);
    expect(await page.getByRole("button", { name: "Silence" }).count()).toBe(0);
  });
});
