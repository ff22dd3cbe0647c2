import { LeewayError } from "../../../core/errors.ts";
import { fail, ok, skipped, type Check } from "../check.ts";

export const kafkaCheck: Check = {
  name: "kafka",
  title: "Kafka",
  run: async (patient) => {
    const inspection = patient.kafka();
    if (inspection === null) return [skipped("no broker is configured (kafka.brokers or KAFKA_BROKERS)")];
    try {
      const { brokers } = await inspection;
      return [
        ok(`${brokers.length} ${brokers.length === 1 ? "broker answers" : "brokers answer"}: ${brokers.join(", ")}`),
      ];
    } catch (error) {
      if (!(error instanceof LeewayError)) throw error;
      const remedy = "start the broker, or correct kafka.brokers, kafka.tls and kafka.sasl; a firewall may be between";
      return [fail(error.message, remedy)];
    }
  },
};
