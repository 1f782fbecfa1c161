import type { Construct } from 'constructs';
import { HardenedJob } from '../lib/workloads.ts';
import { ownerContainer } from './api.ts';
import { PRIORITY } from './capacity.ts';
import { TASK } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** One thing that the API's image does to the database, by its command. */
export class TaskChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps, command: readonly string[]) {
    super(scope, id, props);
    const { config } = props;
    new HardenedJob(this, 'task', {
      name: TASK,
      uid: config.api.uid,
      gid: config.api.gid,
      imagePullPolicy: config.imagePullPolicy,
      priorityClassName: PRIORITY.apps,
      annotations: WAIVERS,
      restartPolicy: 'Never',
      backoffLimit: 0,
      activeDeadlineSeconds: 3600,
      containers: [
        // Like the worker, it serves nobody: after the loss of a node there is hardly room for another server.
        { ...ownerContainer(props, 'task', command), resources: config.reports.resources },
      ],
    });
  }
}
