/** The least that a program of cdk8s does: one Deployment. What it takes is the floor under every synthesis. */
import { App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';

const app = new App();
const chart = new Chart(app, 'hello');
const labels = { app: 'hello' };
new k8s.KubeDeployment(chart, 'hello', {
  spec: {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'hello', image: 'hello:1' }] } },
  },
});
app.synth();
