/** Volumes of claims: from what kubelets say of those that are mounted and that their driver measures. */
import type { Config } from '../environments/schema.ts';
import { withRunbooks, type AlertRule } from './rule.ts';
import { series } from './series.ts';

const DAYS_AHEAD = 4;

export function volumeAlerts(config: Config): readonly AlertRule[] {
  const { volumePercent } = config.monitoring.alerts;
  const filling = volumePercent / 100;
  const full = (100 + volumePercent) / 200;
  const available = series(config, 'kubelet_volume_stats_available_bytes');
  const capacity = series(config, 'kubelet_volume_stats_capacity_bytes');
  // Of what isn't used, a file system keeps some for root: only what is available counts, as it does for df.
  const taken = `max by (namespace, persistentvolumeclaim) (1 - ${available} / ${capacity})`;
  const claim = '{{ $labels.persistentvolumeclaim }} in {{ $labels.namespace }}';

  return withRunbooks('volumes', [
    {
      name: 'VolumeFilling',
      expr: `${taken} > ${filling} <= ${full}`,
      for: '15m',
      severity: 'ticket',
      summary: `The volume of ${claim} is {{ $value | humanizePercentage }} full.`,
    },
    {
      name: 'VolumeAlmostFull',
      expr: `${taken} > ${full}`,
      for: '5m',
      severity: 'page',
      summary: `The volume of ${claim} is {{ $value | humanizePercentage }} full, and what writes to it stops at 100 %.`,
    },
    {
      name: 'VolumeFullSoon',
      // Most of a volume being free, a morning's growth says little about the week.
      expr: `max by (namespace, persistentvolumeclaim) (${available} and predict_linear(${available}[6h], ${DAYS_AHEAD * 86_400}) < 0 and ${available} / ${capacity} < 0.6)`,
      for: '1h',
      severity: 'ticket',
      summary: `The volume of ${claim} has {{ $value | humanize1024 }}B left, and is full within ${DAYS_AHEAD} days if it goes on as in the last 6 hours.`,
    },
  ]);
}
