/** Who is told of which alerts, what belongs together, and what says nothing new. */
import { alertGroups } from '../alerts/groups.ts';
import { inhibitions } from '../alerts/inhibitions.ts';
import { SEVERITIES, type Receiver } from '../environments/monitoring.ts';
import type { Config } from '../environments/schema.ts';

/** Folder of the credentials of each severity's receiver. */
export const credentialsOf = (severity: (typeof SEVERITIES)[number]): string => `/run/secrets/${severity}`;

const SUMMARY =
  '{{ .CommonLabels.namespace }}: {{ .Alerts.Firing | len }} firing, {{ .Alerts.Resolved | len }} over';
const TEXT = `{{ range .Alerts }}{{ if eq .Status "resolved" }}Over: {{ end }}{{ .Labels.alertname }} ({{ .Labels.severity }})
{{ .Annotations.summary }}
{{ .Annotations.runbook }}

{{ end }}`;

/** The configuration file of Alertmanager; credentials are in the files that it names. */
export function alertmanagerConfig(config: Config): object {
  const { receivers, groupWait, groupInterval, repeat } = config.monitoring.bundled.alertmanager;
  return {
    route: {
      // What nobody has given a severity, somebody looks at the next day.
      receiver: 'ticket',
      // All that is wrong with an installation at a time is one message.
      group_by: ['namespace'],
      group_wait: groupWait,
      group_interval: groupInterval,
      repeat_interval: repeat.ticket,
      routes: [{ receiver: 'page', matchers: ['severity="page"'], repeat_interval: repeat.page }],
    },
    receivers: SEVERITIES.map((severity) => ({
      name: severity,
      ...receiverConfig(receivers[severity], credentialsOf(severity)),
    })),
    inhibit_rules: inhibitRules(config),
  };
}

/** Those between alerts that this environment has. */
function inhibitRules(config: Config): object[] {
  const names = new Set(alertGroups(config).flatMap(({ rules }) => rules.map(({ name }) => name)));
  return inhibitions.flatMap(({ source, targets, equal = [], of = {} }) => {
    const known = targets.filter((target) => names.has(target));
    if (!names.has(source) || known.length === 0) return [];
    return [
      {
        source_matchers: [`alertname="${source}"`],
        target_matchers: [
          `alertname=~"${known.join('|')}"`,
          ...Object.entries(of).map(([label, value]) => `${label}=~"${value}"`),
        ],
        equal: ['namespace', ...equal],
      },
    ];
  });
}

function receiverConfig(receiver: Receiver, folder: string): object {
  const { type, url, secret, channel, to, from, smarthost, username, requireTls } = receiver;
  const file = secret === undefined ? undefined : `${folder}/${secret.key}`;
  switch (type) {
    case 'none':
      return {};
    case 'webhook':
      return {
        webhook_configs: [
          {
            send_resolved: true,
            ...(url === undefined ? { url_file: file } : { url }),
            ...(url === undefined || file === undefined
              ? {}
              : { http_config: { authorization: { credentials_file: file } } }),
          },
        ],
      };
    case 'slack':
      return {
        slack_configs: [
          {
            send_resolved: true,
            api_url_file: file,
            ...(channel === undefined ? {} : { channel }),
            title: SUMMARY,
            text: TEXT,
          },
        ],
      };
    case 'email':
      return {
        email_configs: [
          {
            send_resolved: true,
            to,
            from,
            smarthost,
            require_tls: requireTls,
            ...(username === undefined ? {} : { auth_username: username, auth_password_file: file }),
            headers: { Subject: SUMMARY },
            text: TEXT,
          },
        ],
      };
  }
}
