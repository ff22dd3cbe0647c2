import { expect, test } from "vitest";
import { loadConfig } from "../../config/load.ts";
import { startActingService } from "../../testing/acting-service.ts";
import { noisyMonitorsCheck } from "./noisy-monitors.ts";

test("a monitor whose incidents people call noise is named, until they think better of it", async () => {
  await using service = await startActingService();
  await service.live(3, 130);
  const loaded = loadConfig({ path: null, dataDir: null, environment: {}, cwd: "/nonexistent" });
  if (loaded.kind !== "valid") throw new Error("the defaults are wrong");
  const examine = async () => {
    await service.alerting.idle();
    return noisyMonitorsCheck.run({
      config: loaded.config,
      facts: async () => service.facts,
      kafka: () => null,
      nowMs: () => Date.now(),
    });
  };
  const [incident] = service.alerting.incidents.list();
  const say = (by: string, verdict: "noise" | "useful") =>
    service.alerting.actions.feedback(incident?.id ?? "", { by, comment: null, verdict });

  say("ada", "noise");
  expect(await examine()).toMatchObject([{ verdict: "ok" }]);
  say("grace", "noise");
  say("grace", "noise");
  expect(await examine()).toMatchObject([
    {
      verdict: "warn",
      subject: "m",
      detail: "people called amount (distribution) noise 2 times within 90 days, and useful 0 times",
    },
  ]);
  say("grace", "useful");
  expect(await examine()).toMatchObject([{ verdict: "ok" }]);
});
