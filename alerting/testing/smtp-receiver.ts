import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import type { SMTPServerOptions } from "smtp-server";

/** Refuses with this SMTP code at this command. */
export interface SmtpRefusal {
  readonly at: "auth" | "from" | "to" | "data";
  readonly code: number;
  /** `to`: only this address. */
  readonly address?: string;
}

interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
  readonly user: string | null;
  readonly secure: boolean;
}

export interface SmtpReceiver extends AsyncDisposable {
  readonly port: number;
  readonly mails: readonly ReceivedMail[];
}

/** A real SMTP server on loopback. Its answers repeat what it was told, as some servers do. */
export async function startSmtpReceiver(
  options: {
    readonly security?: "starttls" | "tls" | "none";
    /** Asks for this login. */
    readonly login?: { readonly user: string; readonly password: string };
    readonly tls?: { readonly key: Buffer; readonly cert: Buffer };
    readonly refusal?: SmtpRefusal;
    /** Says nothing once it was given the message. */
    readonly hang?: boolean;
  } = {},
): Promise<SmtpReceiver> {
  const { security = "none", login, refusal, hang = false } = options;
  const mails: ReceivedMail[] = [];
  let user: string | null = null;
  const refused = (at: SmtpRefusal["at"], said: string): Error | null =>
    refusal?.at === at && (refusal.address === undefined || refusal.address === said)
      ? Object.assign(new Error(`no: ${said} ${login?.password ?? ""}`), { responseCode: refusal.code })
      : null;
  const serverOptions: SMTPServerOptions = {
    secure: security === "tls",
    hideSTARTTLS: security !== "starttls",
    disabledCommands: security === "none" ? ["STARTTLS", ...(login === undefined ? ["AUTH" as const] : [])] : [],
    allowInsecureAuth: true,
    authOptional: login === undefined,
    ...options.tls,
    logger: false,
    onAuth: (auth, _session, callback) => {
      const no = refused("auth", auth.username ?? "");
      if (no !== null || auth.username !== login?.user || auth.password !== login?.password) {
        callback(no ?? Object.assign(new Error(`bad login ${auth.password}`), { responseCode: 535 }));
        return;
      }
      user = auth.username ?? null;
      callback(null, { user: auth.username });
    },
    onMailFrom: (address, _session, callback) => callback(refused("from", address.address)),
    onRcptTo: (address, _session, callback) => callback(refused("to", address.address)),
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        if (hang) return;
        const no = refused("data", "");
        if (no !== null) {
          callback(no);
          return;
        }
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks).toString(),
          user,
          secure: session.secure,
        });
        callback();
      });
    },
  };
  const server = new SMTPServer(serverOptions);
  // What clients break off is no fault of the server.
  server.on("error", () => {});
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    [Symbol.asyncDispose]: async () => {
      for (const connection of (server as unknown as { connections: Set<{ close(): void }> }).connections) {
        connection.close();
      }
      await new Promise<void>((resolve) => {
        server.close(resolve);
      });
    },
  };
}
