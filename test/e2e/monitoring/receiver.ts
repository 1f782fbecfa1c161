/** Who is told of alerts: a webhook of this machine, on the network of the kind clusters. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { execa } from 'execa';
import { z } from 'zod';

const PORT = 21_093;

const webhook = z.object({
  receiver: z.string(),
  alerts: z.array(
    z.object({
      status: z.enum(['firing', 'resolved']),
      labels: z.object({ alertname: z.string() }),
      annotations: z.object({ summary: z.string(), runbook: z.string() }),
    }),
  ),
});

export interface Message {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly severity: string;
  readonly firing: readonly { readonly alert: string; readonly summary: string; readonly runbook: string }[];
  readonly resolved: readonly string[];
}

export class Receiver {
  readonly messages: Message[] = [];
  /** What an environment says of its receivers. */
  readonly values: Readonly<Record<string, unknown>>;
  private readonly server: Server;

  private constructor(address: string) {
    const receiver = { type: 'webhook', url: `http://${address}:${PORT}/`, cidr: `${address}/32` };
    this.values = { page: receiver, ticket: receiver };
    this.server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        this.messages.push(read(text));
        response.end();
      });
    });
  }

  static async start(): Promise<Receiver> {
    const { stdout } = await execa('docker', ['network', 'inspect', 'kind']);
    const networks = z
      .array(z.object({ IPAM: z.object({ Config: z.array(z.object({ Gateway: z.string().default('') })) }) }))
      .parse(JSON.parse(stdout));
    const gateway = networks
      .flatMap(({ IPAM }) => IPAM.Config.map(({ Gateway }) => Gateway))
      .find((each) => each.includes('.'));
    if (gateway === undefined) throw new Error("kind's network has no gateway with an IPv4 address");
    const receiver = new Receiver(gateway);
    receiver.server.listen(PORT);
    await once(receiver.server, 'listening');
    return receiver;
  }

  /** Those since a time that tell of something that fires. */
  since(time: number): Message[] {
    return this.messages.filter(({ at, firing }) => at >= time && firing.length > 0);
  }

  stop = () => this.server.close();
}

function read(text: string): Message {
  const { receiver, alerts } = webhook.parse(JSON.parse(text));
  return {
    at: Date.now(),
    severity: receiver,
    firing: alerts
      .filter(({ status }) => status === 'firing')
      .map(({ labels, annotations }) => ({ alert: labels.alertname, ...annotations })),
    resolved: alerts.filter(({ status }) => status === 'resolved').map(({ labels }) => labels.alertname),
  };
}
