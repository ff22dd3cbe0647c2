import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startSlackReceiver } from "../../alerting/testing/slack-receiver.ts";
import { startSmtpReceiver } from "../../alerting/testing/smtp-receiver.ts";
import { LeewayError } from "../../core/errors.ts";
import { loadConfig } from "../config/load.ts";
import { checkConfigCommand } from "./check-config.ts";
import type { Command } from "./command.ts";
import { configCommand } from "./config-effective.ts";
import { receiversCommand } from "./receivers.ts";

const secret = "canary-5ecret";

function folder(files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), "leeway-receivers-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

async function run(command: Command, args: readonly string[], cwd: string): Promise<{ exit: number; said: string }> {
  const said: string[] = [];
  const context = {
    environment: {},
    cwd,
    write: (text: string) => said.push(text),
    writeBytes: async () => {},
    complain: (line: string) => said.push(line),
  };
  try {
    return { exit: await command.run(args, context), said: said.join("") };
  } catch (error) {
    if (!(error instanceof LeewayError)) throw error;
    return { exit: error.exitCode, said: error.message };
  }
}

describe("leeway receivers test", () => {
  test("sends a drill by Slack that is marked as one, and says that it was taken", async () => {
    await using slack = await startSlackReceiver();
    const cwd = folder({
      "leeway.yaml": `receivers: [{ name: ops, slack: { token: ${secret}, channel: C012AB3CD, mention: here, api_url: "${slack.apiUrl}" } }]`,
    });
    const { exit, said } = await run(receiversCommand, ["test", "ops"], cwd);
    expect(exit).toBe(0);
    expect(said).toMatch(/^ops \(slack\): took the drill in \d+ ms; see whether it arrived \(channel C012AB3CD\)\n$/);
    const [message] = slack.messages();
    expect(JSON.stringify(message?.values["blocks"])).toContain("🧪 DRILL");
    expect(JSON.stringify(message?.values)).not.toContain("<!here>");
  });

  test("sends a drill by mail with DRILL in its subject", async () => {
    await using server = await startSmtpReceiver();
    const cwd = folder({
      "leeway.yaml": `receivers: [{ name: mail, email: { host: 127.0.0.1, port: ${server.port}, security: none, from: a@example.com, to: b@example.com } }]`,
    });
    expect((await run(receiversCommand, ["test", "mail"], cwd)).exit).toBe(0);
    expect(server.mails[0]?.raw).toMatch(/^Subject: \[DRILL\] /m);
  });

  test("a receiver that refuses for good ends with 1, one that may take it later with 3", async () => {
    let error = "invalid_auth";
    await using slack = await startSlackReceiver(() => ({ error }));
    const cwd = folder({
      "leeway.yaml": `receivers: [{ name: ops, slack: { token: ${secret}, channel: C012AB3CD, api_url: "${slack.apiUrl}" } }]`,
    });
    const refused = await run(receiversCommand, ["test", "ops"], cwd);
    expect(refused.exit).toBe(1);
    expect(refused.said).toContain('receiver "ops" (slack): Slack: invalid_auth (the token is wrong');
    error = "internal_error";
    expect((await run(receiversCommand, ["test", "ops"], cwd)).exit).toBe(3);
  });

  test("a name that no receiver has is answered with the nearest", async () => {
    const cwd = folder({ "leeway.yaml": "receivers: [{ name: ops, console: {} }]" });
    expect(await run(receiversCommand, ["test", "opps"], cwd)).toEqual({
      exit: 2,
      said: 'receivers: no receiver is named "opps"; did you mean ops?',
    });
  });
});

test("no command shows a secret of a receiver, valid or wrong", async () => {
  const valid = `models: [model.yaml]
receivers:
  - { name: a, slack: { token: ${secret}, channel: C012AB3CD, api_url: "http://127.0.0.1:1/" } }
  - { name: b, slack: { webhook_url: "http://127.0.0.1:1/${secret}" } }
  - { name: c, webhook: { url: "http://user:${secret}@127.0.0.1:1/", headers: { authorization: ${secret} } } }
  - { name: d, email: { host: 127.0.0.1, port: 1, user: u, password: ${secret}, from: a@example.com, to: b@example.com } }
`;
  const model = "model: flight-delay\n";
  const wrong = valid
    .replace("C012AB3CD", "''")
    .replace("headers: {", "timeout: 5, hedders: {")
    .replace("user: u, ", "");
  for (const text of [valid, wrong]) {
    const cwd = folder({ "leeway.yaml": text, "model.yaml": model });
    const results = await Promise.all([
      run(receiversCommand, ["list"], cwd),
      run(receiversCommand, ["list", "--json"], cwd),
      ...["a", "b", "c", "d"].map((name) => run(receiversCommand, ["test", name], cwd)),
      run(checkConfigCommand, [], cwd),
      run(configCommand, ["effective", "--model", "flight-delay"], cwd),
    ]);
    expect(results.some(({ said }) => said.includes(secret))).toBe(false);
    expect(results.every(({ said }) => said.length > 0)).toBe(true);
  }
});

test("the examples of docs/notifiers.md are valid configurations", () => {
  const page = readFileSync(new URL("../../docs/notifiers.md", import.meta.url), "utf8");
  const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  expect(examples).toHaveLength(5);
  for (const example of examples) {
    const secrets = [...example.matchAll(/_file: (\S+)/g)].map(([, name = ""]) => [name, "x"]);
    const cwd = folder({ "leeway.yaml": example, ...Object.fromEntries(secrets) });
    expect(loadConfig({ path: null, dataDir: null, environment: {}, cwd }).kind).toBe("valid");
  }
});
