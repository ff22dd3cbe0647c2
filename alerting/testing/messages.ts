import { incidentMessage } from "../message.ts";
import type { IncidentMessage } from "../message.ts";
import { reconcile } from "../incidents/reconcile.ts";
import { evaluatedMs, sampleFinding } from "./findings.ts";
import { sampleModel } from "./models.ts";

/** The opening of an incident of two findings. */
export function sampleMessage(): IncidentMessage {
  const model = sampleModel();
  const findings = [
    sampleFinding({
      opened: 1,
      evidence: {
        summary: { reference_mean: 13.2, current_mean: 17.8 },
        slices: [{ name: "origin_state=CA", reference: 0.2, current: 0.5, carried: 0.3 }],
        mix: [],
      },
    }),
    sampleFinding({ opened: 1, feature: "origin", signal: "missing", harm: "data_broken" }),
  ];
  const { effectFloor, qualityFloor } = model.monitoring;
  const limits = { groupWaitMs: 0, notifyMaxAgeMs: 86_400_000 };
  const rules = { severity: model.alerting.severity, effectFloor, qualityFloor, ...limits };
  const [, decisions] = reconcile(null, findings, evaluatedMs(1), rules);
  const opened = decisions.find((decision) => decision.kind === "notify");
  if (opened === undefined) throw new Error("the sample opens no incident");
  return incidentMessage(opened, { model, externalUrl: "http://127.0.0.1:8686", sqlCommand: "leeway sql" });
}
